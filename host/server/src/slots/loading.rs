//! What routes and calls want, compiled: each use of a component once, however many of them want it. A
//! persona that no route has is loaded when it is first wanted.

use super::Slot;
use crate::config::Loaded;
use crate::personas::{Named, Personas};
use crate::vitals::Vitals;
use anyhow::{Context, bail};
use components::grant::Variant;
use components::manifest::Kind;
use components::{Artifact, Catalogue, Fault, Generation, Host};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub struct Loader {
    host: Host,
    operator: Arc<Loaded>,
    personas: Personas,
    vitals: Arc<Vitals>,
    /// one component after the other is loaded or exchanged
    pub(super) changing: Mutex<()>,
    catalogue: Mutex<Catalogue>,
    slots: Mutex<BTreeMap<Use, Arc<Slot>>>,
}

/// What tells one use of a component from another: its name, and the settings that a route has for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    kind: Kind,
    id: String,
    settings: String,
}

impl Loader {
    pub fn new(
        catalogue: Catalogue,
        host: Host,
        operator: Arc<Loaded>,
        personas: Personas,
        vitals: Arc<Vitals>,
    ) -> Arc<Self> {
        let (catalogue, changing) = (Mutex::new(catalogue), Mutex::default());
        Arc::new(Self { host, operator, personas, vitals, changing, catalogue, slots: Mutex::default() })
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What the operator has said.
    pub fn operator(&self) -> &Loaded {
        &self.operator
    }

    /// The personas that can be asked for, and what they are.
    pub fn personas(&self) -> Vec<(String, String)> {
        self.personas.all(&self.catalogue())
    }

    /// All that can be plugged in, as it is now.
    pub fn catalogue(&self) -> Catalogue {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this is what there is of its id.
    pub(super) fn offer(&self, artifact: Artifact) {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner).insert(artifact);
    }

    /// Every use of every component so far.
    pub fn slots(&self) -> Vec<Arc<Slot>> {
        self.known_slots().values().cloned().collect()
    }

    /// The uses of this component.
    pub(super) fn slots_of(&self, component: &str) -> Vec<Arc<Slot>> {
        self.slots().into_iter().filter(|slot| slot.named.component == component).collect()
    }

    /// The component of this id, or the persona of this name; `settings`: what a route has for it. It may
    /// have to be compiled.
    pub fn load(
        &self,
        kind: Kind,
        id: &str,
        settings: &BTreeMap<String, toml::Value>,
    ) -> anyhow::Result<Arc<Slot>> {
        let wanted = wanted(kind, id, settings);
        if let Some(known) = self.known(&wanted) {
            return Ok(known);
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        // another call may have wanted it meanwhile
        if let Some(known) = self.known(&wanted) {
            return Ok(known);
        }
        let catalogue = self.catalogue();
        let named = match kind {
            Kind::Persona => self.personas.find(id, settings, &catalogue)?,
            _ => Named { component: id.to_owned(), variant: Variant::default() },
        };
        let generation = self.compile(&catalogue, kind, &named)?;
        if kind == Kind::Persona
            // what it refuses in its settings is known before there is a caller; one that breaks in other
            // ways may be well in a real call
            && let Err(Fault::Refused(failure)) = generation.probe()?
        {
            bail!("{failure}");
        }
        let vital = self.vitals.of(kind, generation.id());
        let slot = Arc::new(Slot::new(named, generation, vital));
        self.known_slots().insert(wanted, slot.clone());
        Ok(slot)
    }

    /// One use of a component of this catalogue.
    pub(super) fn compile(
        &self,
        catalogue: &Catalogue,
        kind: Kind,
        Named { component, variant }: &Named,
    ) -> anyhow::Result<Arc<Generation>> {
        Ok(catalogue.load_as(&self.host, component, kind, &*self.operator, variant)?)
    }

    /// The persona of this name. An error: there is none, or it cannot be used.
    pub async fn persona(self: &Arc<Self>, id: &str) -> anyhow::Result<Arc<Slot>> {
        let none = BTreeMap::new();
        if let Some(known) = self.known(&wanted(Kind::Persona, id, &none)) {
            return Ok(known);
        }
        self.personas.find(id, &none, &self.catalogue())?;
        let (this, id) = (self.clone(), id.to_owned());
        // compiling takes its time, and nobody else's
        let loading = move || {
            let loaded = this.load(Kind::Persona, &id, &none);
            loaded.with_context(|| format!("the persona {id:?} cannot be used"))
        };
        tokio::task::spawn_blocking(loading).await.context("loading a persona")?
    }

    fn known(&self, wanted: &Use) -> Option<Arc<Slot>> {
        self.known_slots().get(wanted).cloned()
    }

    fn known_slots(&self) -> MutexGuard<'_, BTreeMap<Use, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wanted(kind: Kind, id: &str, settings: &BTreeMap<String, toml::Value>) -> Use {
    let settings = settings.iter().map(|(name, value)| format!("{name:?} = {value}\n")).collect();
    Use { kind, id: id.to_owned(), settings }
}
