//! What routes and calls want, compiled: each component once, however many of them want it. A persona
//! that no route has is loaded when it is first wanted.

use crate::config::Loaded;
use crate::personas::{Named, Personas};
use anyhow::{Context, bail};
use call::Moment;
use call::persona::{Answerer, Direction};
use components::grant::Variant;
use components::manifest::Kind;
use components::{Catalogue, Fault, Generation, Host, LineAbilities, Scene, Surroundings};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

pub struct Loader {
    pub catalogue: Catalogue,
    host: Host,
    operator: Arc<Loaded>,
    personas: Personas,
    loaded: Mutex<BTreeMap<Use, Arc<Generation>>>,
}

/// What tells one use of a component from another: its name, and the settings that a route has for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    kind: Kind,
    id: String,
    settings: String,
}

impl Loader {
    pub fn new(catalogue: Catalogue, host: Host, operator: Arc<Loaded>, personas: Personas) -> Arc<Self> {
        Arc::new(Self { catalogue, host, operator, personas, loaded: Mutex::default() })
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The component of this id, or the persona of this name; `settings`: what a route has for it. It may
    /// have to be compiled.
    pub fn load(
        &self,
        kind: Kind,
        id: &str,
        settings: &BTreeMap<String, toml::Value>,
    ) -> anyhow::Result<Arc<Generation>> {
        let wanted = wanted(kind, id, settings);
        if let Some(known) = self.known(&wanted) {
            return Ok(known);
        }
        let named = match kind {
            Kind::Persona => self.personas.find(id, settings, &self.catalogue)?,
            _ => Named { component: id.to_owned(), variant: Variant::default() },
        };
        let Named { component, variant } = &named;
        let loaded = self.catalogue.load_as(&self.host, component, kind, &*self.operator, variant)?;
        if kind == Kind::Persona {
            opens(&loaded)?;
        }
        let mut known = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // another call may have wanted it meanwhile
        Ok(known.entry(wanted).or_insert(loaded).clone())
    }

    /// The persona of this name. An error: there is none, or it cannot be used.
    pub async fn persona(self: &Arc<Self>, id: &str) -> anyhow::Result<Arc<Generation>> {
        let none = BTreeMap::new();
        if let Some(known) = self.known(&wanted(Kind::Persona, id, &none)) {
            return Ok(known);
        }
        self.personas.find(id, &none, &self.catalogue)?;
        let (this, id) = (self.clone(), id.to_owned());
        // compiling takes its time, and nobody else's
        let loading = move || {
            let loaded = this.load(Kind::Persona, &id, &none);
            loaded.with_context(|| format!("the persona {id:?} cannot be used"))
        };
        tokio::task::spawn_blocking(loading).await.context("loading a persona")?
    }

    fn known(&self, wanted: &Use) -> Option<Arc<Generation>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(wanted).cloned()
    }
}

/// What a persona refuses in its settings is known before there is a caller. One that breaks in other ways
/// may be well in a real call.
fn opens(persona: &Arc<Generation>) -> anyhow::Result<()> {
    let (arrivals, _) = mpsc::channel(1);
    let surroundings = Surroundings::new("at the start", 0, 0, arrivals);
    match persona.open_persona(&surroundings, Moment::START, &nobody()) {
        Ok(Err(Fault::Refused(failure))) => bail!("{failure}"),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A call in which there is nobody.
fn nobody() -> Scene {
    Scene {
        seed: 0,
        timezone: "UTC".into(),
        language: "en-US".into(),
        call: "CA00000000000000000000000000000000".into(),
        direction: Direction::Inbound,
        caller: None,
        called: None,
        parameters: Vec::new(),
        initial_message: None,
        answered_by: Answerer::Unknown,
        line: LineAbilities {
            hears_audio: true,
            speaks_audio: true,
            can_speak_unasked: true,
            can_send_digits: true,
        },
    }
}

fn wanted(kind: Kind, id: &str, settings: &BTreeMap<String, toml::Value>) -> Use {
    let settings = settings.iter().map(|(name, value)| format!("{name:?} = {value}\n")).collect();
    Use { kind, id: id.to_owned(), settings }
}
