//! What is plugged in, for those who want to see it.

use super::{Loader, Plug, Slot};
use components::grant::{Allowed, Grant, Variant};
use components::manifest::{Kind, Limits};
use components::{Artifact, Consumed};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;
use utoipa::ToSchema;

/// One component, in use or not.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Component {
    pub id: String,
    /// `stt`, `llm`, `tts` or `persona`
    pub kind: String,
    pub version: String,
    /// the beginning of its SHA-256
    pub hash: String,
    pub about: String,
    /// a file, `embedded`, or `uploaded`, which lasts until the server stops
    pub from: String,
    /// what it may do, where nothing else is said of a use
    pub grant: Granted,
    pub limits: Limited,
    /// the uses that calls make of it; none: nothing has needed it
    pub uses: Vec<Use>,
}

/// What a component may do.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Granted {
    /// URLs: everything at or below them, by WebSocket too
    pub egress: Vec<String>,
    /// the variables that hold the secrets which are put into its requests
    pub secrets: BTreeSet<String>,
    /// some of `egress` may lead into the own network
    pub private: bool,
    /// of a persona: tools that may be carried out twice
    pub idempotent: BTreeSet<String>,
    /// what it asks for and does not get
    pub refused: Vec<String>,
}

/// What it may take, of one session or of one call into it.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Limited {
    pub memory_mb: u32,
    pub call_ms: u32,
    pub effects: u32,
    pub frame_kb: u32,
    pub connections: u32,
    pub queue: u32,
}

impl Granted {
    /// It could not be settled, and why.
    fn nothing(why: &dyn std::fmt::Display) -> Self {
        Self { refused: vec![format!("anything: {why}")], ..Self::default() }
    }
}

impl From<&Grant> for Granted {
    fn from(grant: &Grant) -> Self {
        let Allowed { egress, secrets, private, idempotent, refused } = grant.allowed();
        Self { egress, secrets, private, idempotent, refused }
    }
}

impl From<Limits> for Limited {
    fn from(limits: Limits) -> Self {
        let Limits { memory_mb, call_ms, effects, frame_kb, connections, queue } = limits;
        Self { memory_mb, call_ms, effects, frame_kb, connections, queue }
    }
}

/// One use of it: its own, or one with a name and settings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Use {
    pub name: String,
    /// `ok`, `unused`, `failing`; `resting`: it is not asked for a while, where another can stand in;
    /// `evicted`: it broke too often itself
    pub state: &'static str,
    /// why it is in this state, where it is in trouble
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// seconds until one call tries it again
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_for: Option<u64>,
    /// what this use may do, if it is another than its component's
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<Granted>,
    pub current: Build,
    /// tried by some calls
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// what a roll-back brings back
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Build>,
    /// since the server began
    pub consumed: Consumption,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Build {
    /// counted from 1
    pub generation: u32,
    pub version: String,
    pub hash: String,
    pub since: String,
    /// instances that wait for a session: some of a build that is in use, where making them takes long
    pub ready: usize,
    /// live ones that use it
    pub calls: u32,
    pub sessions: u32,
    pub failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// calls that cannot leave it, and why
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pinned: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Canary {
    /// for which calls
    pub share: String,
    pub grant: Granted,
    #[serde(flatten)]
    pub build: Build,
}

/// What a component took of the machine.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Consumption {
    pub cpu_ms: u64,
    /// now
    pub memory_bytes: u64,
    /// at any moment
    pub most_memory_bytes: u64,
    /// sessions now
    pub sessions: u64,
    /// sessions in all
    pub opened: u64,
    /// calls into it
    pub entries: u64,
    /// what it gave back
    pub effects: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// sessions that were ended for what they did
    pub faults: u64,
    /// sessions that refused to begin
    pub refusals: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
}

impl From<Consumed> for Consumption {
    fn from(consumed: Consumed) -> Self {
        Self {
            cpu_ms: u64::try_from(consumed.cpu.as_millis()).unwrap_or(u64::MAX),
            memory_bytes: consumed.memory,
            most_memory_bytes: consumed.most_memory,
            sessions: consumed.sessions,
            opened: consumed.opened,
            entries: consumed.entries,
            effects: consumed.effects,
            bytes_in: consumed.bytes_in,
            bytes_out: consumed.bytes_out,
            faults: consumed.faults,
            refusals: consumed.refusals,
            last_fault: consumed.last_fault,
        }
    }
}

/// Every component, by its id.
pub fn report(loader: &Loader) -> Vec<Component> {
    let consumed: BTreeMap<String, Consumed> = loader.host().consumed().into_iter().collect();
    let slots = loader.slots();
    let catalogue = loader.catalogue();
    let component = |artifact: &Artifact| {
        let manifest = &artifact.manifest;
        let settled = catalogue.settle(&manifest.id, manifest.kind, loader.operator(), &Variant::default());
        let uses = slots.iter().filter(|slot| slot.named.component == manifest.id);
        Component {
            id: manifest.id.clone(),
            kind: kind(manifest.kind),
            version: manifest.version.clone(),
            hash: artifact.hash.clone(),
            about: manifest.about.clone(),
            from: artifact.from(),
            grant: settled.as_ref().map_or_else(|why| Granted::nothing(why), Granted::from),
            limits: settled.as_ref().map_or(manifest.limits, |grant| grant.limits()).into(),
            uses: uses.map(|slot| slot.report(consumed.get(slot.id()).cloned())).collect(),
        }
    };
    catalogue.artifacts().map(component).collect()
}

fn kind(kind: Kind) -> String {
    kind.name().to_owned()
}

impl Slot {
    fn report(&self, consumed: Option<Consumed>) -> Use {
        let plugged = self.plugged.load_full();
        let (state, trouble) = self.vital.state();
        let resting = self.breaker.resting(Instant::now());
        let state = match &resting {
            Some(resting) if resting.evicted => "evicted",
            Some(_) => "resting",
            None => state,
        };
        let rests_for = resting.as_ref().and_then(|resting| Some(resting.left?.as_secs()));
        Use {
            name: self.id().to_owned(),
            state,
            reason: resting.map(|resting| resting.reason).or(trouble.map(|trouble| trouble.reason)),
            rests_for,
            grant: (self.id() != self.named.component).then(|| plugged.current.generation.grant().into()),
            current: plugged.current.report(),
            canary: plugged.canary.as_ref().map(|(plug, share)| Canary {
                share: share.to_string(),
                grant: plug.generation.grant().into(),
                build: plug.report(),
            }),
            previous: plugged.previous.as_ref().map(|plug| plug.report()),
            consumed: consumed.unwrap_or_default().into(),
        }
    }
}

impl Plug {
    fn report(&self) -> Build {
        let (sessions, failures, last_failure) = self.trial.so_far();
        Build {
            generation: self.number,
            version: self.generation.artifact.manifest.version.clone(),
            hash: self.generation.artifact.hash.clone(),
            since: self.since.to_string(),
            ready: self.generation.ready(),
            calls: self.calls.load(Ordering::Relaxed),
            sessions,
            failures,
            last_failure,
            pinned: self.pinned.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
