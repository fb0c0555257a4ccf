//! Another build of a component in the place of the one that calls use, and the way back.
//!
//! It is read, compiled, checked against the contract, granted what the operator grants, and opened once on
//! trial, for every use of it; only if all of that goes well is it plugged in, everywhere at once. If it does
//! not, nothing has changed.

use super::{Loader, Plug, Plugged, Share, Slot};
use components::{Artifact, Catalogue, Generation, LoadError};
use std::path::Path;
use std::sync::{Arc, PoisonError};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swapped {
    pub component: String,
    pub version: String,
    pub hash: String,
    /// of its builds, counted from 1 by each use of it; 0: nothing uses it so far
    pub generation: u32,
    /// it was there already
    pub unchanged: bool,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Unswapped {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{0:#}")]
    Unusable(anyhow::Error),
    #[error("this is the component {found:?}, and {wanted:?} was to be exchanged")]
    Other { found: String, wanted: String },
    #[error("the component {component:?} breaks as soon as it is opened: {why}")]
    Breaks { component: String, why: String },
    #[error("{path} changed while it was being read")]
    Changing { path: String },
    #[error("there is no component {component:?} that anything uses")]
    Unknown { component: String },
    #[error(
        "the component {component:?} has no other build to go back to: it was not exchanged since the start"
    )]
    NoWayBack { component: String },
    #[error("no calls try another build of {component:?}; exchange it with a share or numbers first")]
    NoCanary { component: String },
}

impl Loader {
    /// Plugs this in wherever its component is used. `share`: for these calls only. Takes as long as it
    /// takes to compile.
    pub fn swap(&self, artifact: Artifact, share: Option<Share>) -> Result<Swapped, Unswapped> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, kind) = (artifact.manifest.id.clone(), artifact.manifest.kind);
        let mut catalogue = self.catalogue();
        if let Some(there) = catalogue.get(&id)
            && there.manifest.kind != kind
        {
            return Err(LoadError::Kind { id, found: kind, wanted: there.manifest.kind }.into());
        }
        let slots = self.slots_of(&id);
        let in_use = |slot: &Arc<Slot>| slot.current().generation.artifact.hash == artifact.hash;
        let is_there = catalogue.get(&id).is_some_and(|there| there.hash == artifact.hash);
        if share.is_none() && is_there && slots.iter().all(in_use) {
            // also a way to say that it is not to be tried any more
            for slot in &slots {
                slot.drop_canary();
            }
            return Ok(swapped(&artifact, &slots, true));
        }
        catalogue.insert(artifact.clone());
        let mut built = Vec::new();
        for slot in &slots {
            let generation = self.compile(&catalogue, kind, &slot.named).map_err(Unswapped::Unusable)?;
            built.push((slot, probed(generation)?));
        }
        if slots.is_empty() {
            // what nothing uses yet has to be of some use all the same
            let named = crate::personas::Named { component: id.clone(), variant: Default::default() };
            probed(self.compile(&catalogue, kind, &named).map_err(Unswapped::Unusable)?)?;
        }
        unchanged_since(&artifact)?;
        for (slot, generation) in built {
            slot.plug(generation, share.clone());
        }
        if share.is_none() || slots.is_empty() {
            self.offer(artifact.clone());
        }
        tracing::info!(
            component = id,
            version = artifact.manifest.version,
            hash = artifact.hash,
            "plugged in{}",
            share.as_ref().map(|share| format!(" for {share}")).unwrap_or_default()
        );
        Ok(swapped(&artifact, &slots, false))
    }

    /// Everybody gets what some calls have tried.
    pub fn promote(&self, component: &str) -> Result<Swapped, Unswapped> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = self.used(component)?;
        let canary = slots.iter().find_map(|slot| Some(slot.plugged.load().canary.as_ref()?.0.clone()));
        let Some(canary) = canary else {
            return Err(Unswapped::NoCanary { component: component.to_owned() });
        };
        slots.iter().for_each(|slot| slot.promote());
        let artifact = canary.generation.artifact.clone();
        self.bring_all(&slots, &artifact)?;
        tracing::info!(component, hash = artifact.hash, "plugged in for all calls");
        Ok(swapped(&artifact, &slots, false))
    }

    /// What some calls try is taken out again; if there is no such thing, the build before the current one
    /// comes back.
    pub fn roll_back(&self, component: &str, why: &str) -> Result<Swapped, Unswapped> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = self.used(component)?;
        let canaries = slots.iter().filter(|slot| slot.drop_canary()).count();
        let back = slots.iter().find_map(|slot| match canaries {
            0 => slot.plugged.load().previous.clone(),
            _ => Some(slot.current()),
        });
        let Some(back) = back else {
            return Err(Unswapped::NoWayBack { component: component.to_owned() });
        };
        if canaries == 0 {
            slots.iter().for_each(|slot| slot.go_back());
        }
        let artifact = back.generation.artifact.clone();
        self.bring_all(&slots, &artifact)?;
        tracing::warn!(component, hash = artifact.hash, "the build before is plugged in again: {why}");
        Ok(swapped(&artifact, &slots, false))
    }

    /// This is what there is of it from now on, also for uses that began while another build was tried.
    fn bring_all(&self, slots: &[Arc<Slot>], artifact: &Artifact) -> Result<(), Unswapped> {
        self.offer(artifact.clone());
        let catalogue = self.catalogue();
        for slot in slots.iter().filter(|slot| slot.current().generation.artifact.hash != artifact.hash) {
            let built = self.compile(&catalogue, artifact.manifest.kind, &slot.named);
            slot.plug(built.map_err(Unswapped::Unusable)?, None);
        }
        Ok(())
    }

    /// Something went wrong with a build: if that is too much by now, the one before it comes back, in its
    /// own time.
    pub fn failed(self: &Arc<Self>, slot: &Slot, plug: &Arc<Plug>, why: &str) {
        if !plug.trial.failed(why) || !slot.has_way_back(plug) {
            return;
        }
        let (sessions, failures, _) = plug.trial.so_far();
        let (this, component, plug) = (self.clone(), slot.named.component.clone(), plug.clone());
        let reason = format!("{failures} of {sessions} sessions of the new one failed, last: {why}");
        // a build may be compiled just now, and nobody waits for that in a call
        tokio::task::spawn_blocking(move || this.take_out(&component, &plug, &reason));
    }

    /// This build goes, wherever it is; any other stays.
    fn take_out(&self, component: &str, bad: &Arc<Plug>, why: &str) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = self.slots_of(component);
        if !slots.iter().any(|slot| slot.has_way_back(bad)) {
            // somebody was faster
            return;
        }
        let hash = &bad.generation.artifact.hash;
        let mut back = None;
        for slot in &slots {
            let plugged = slot.plugged.load_full();
            if plugged.canary.as_ref().is_some_and(|(canary, _)| canary.generation.artifact.hash == *hash) {
                slot.drop_canary();
            }
            if plugged.current.generation.artifact.hash == *hash {
                slot.go_back();
            }
            let now = slot.current().generation.artifact.clone();
            back = back.or(Some(now).filter(|now| now.hash != *hash));
        }
        let Some(artifact) = back else { return };
        match self.bring_all(&slots, &artifact) {
            Ok(()) => {
                tracing::warn!(
                    component,
                    hash = artifact.hash,
                    "the build before is plugged in again: {why}"
                );
            }
            Err(error) => {
                tracing::error!(component, "the build before cannot be plugged in everywhere: {error}");
            }
        }
    }

    fn used(&self, component: &str) -> Result<Vec<Arc<Slot>>, Unswapped> {
        let slots = self.slots_of(component);
        match slots.is_empty() {
            true => Err(Unswapped::Unknown { component: component.to_owned() }),
            false => Ok(slots),
        }
    }
}

impl Slot {
    fn plug(&self, generation: Arc<Generation>, share: Option<Share>) {
        let before = self.plugged.load_full();
        let newest = before.canary.as_ref().map_or(before.current.number, |(canary, _)| canary.number);
        let plug = Arc::new(Plug::new(generation, newest.max(before.current.number) + 1));
        self.put(match share {
            Some(share) => Plugged { canary: Some((plug, share)), ..(*before).clone() },
            None => Plugged { current: plug, canary: None, previous: Some(before.current.clone()) },
        });
        self.breaker.forget();
    }

    fn promote(&self) {
        let before = self.plugged.load_full();
        if let Some((canary, _)) = &before.canary {
            let previous = Some(before.current.clone());
            self.put(Plugged { current: canary.clone(), canary: None, previous });
        }
    }

    /// Whether there was one.
    fn drop_canary(&self) -> bool {
        let before = self.plugged.load_full();
        if before.canary.is_some() {
            self.put(Plugged { canary: None, ..(*before).clone() });
            self.breaker.forget();
        }
        before.canary.is_some()
    }

    fn go_back(&self) {
        let before = self.plugged.load_full();
        let Some(previous) = &before.previous else { return };
        // as a new plug: calls that are pinned to the old one, and its trial, are history
        let newest = before.canary.as_ref().map_or(before.current.number, |(canary, _)| canary.number);
        let current = Arc::new(Plug::new(previous.generation.clone(), newest.max(before.current.number) + 1));
        self.put(Plugged { current, previous: None, ..(*before).clone() });
        self.breaker.forget();
    }

    fn has_way_back(&self, plug: &Arc<Plug>) -> bool {
        let plugged = self.plugged.load();
        let is_canary = plugged.canary.as_ref().is_some_and(|(canary, _)| Arc::ptr_eq(canary, plug));
        is_canary || plugged.previous.is_some() && Arc::ptr_eq(&plugged.current, plug)
    }
}

fn swapped(artifact: &Artifact, slots: &[Arc<Slot>], unchanged: bool) -> Swapped {
    let newest = |slot: &Arc<Slot>| {
        let plugged = slot.plugged.load();
        let canary = plugged.canary.as_ref().map_or(0, |(canary, _)| canary.number);
        canary.max(plugged.current.number)
    };
    Swapped {
        component: artifact.manifest.id.clone(),
        version: artifact.manifest.version.clone(),
        hash: artifact.hash.clone(),
        generation: slots.iter().map(newest).max().unwrap_or_default(),
        unchanged,
    }
}

fn probed(generation: Arc<Generation>) -> Result<Arc<Generation>, Unswapped> {
    match generation.probe()? {
        Ok(()) => Ok(generation),
        Err(fault) => {
            Err(Unswapped::Breaks { component: generation.id().to_owned(), why: fault.to_string() })
        }
    }
}

/// A file that is still being written would be plugged in half.
fn unchanged_since(artifact: &Artifact) -> Result<(), Unswapped> {
    let Some(path) = artifact.path.as_deref().filter(|path| path.exists()) else { return Ok(()) };
    let is_same = |path: &Path| std::fs::read(path).is_ok_and(|now| now == artifact.wasm());
    match is_same(path) {
        true => Ok(()),
        false => Err(Unswapped::Changing { path: path.display().to_string() }),
    }
}

/// What a file holds. An error says what is wrong with it.
pub fn read(path: &Path) -> Result<Artifact, LoadError> {
    let wasm = std::fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    Artifact::from_bytes(wasm, Some(path.to_owned()))
}

/// What ships with the program under this id; none: nothing does.
pub fn shipped(id: &str) -> Option<Artifact> {
    Catalogue::embedded(id)
}
