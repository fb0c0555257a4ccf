//! The personas that calls may ask for by name. One that is not the route's is loaded when it is first
//! wanted.

use crate::config::Loaded;
use anyhow::{Context, bail};
use components::manifest::{Kind, nearest};
use components::{Catalogue, Generation, Host};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

pub struct Personas {
    catalogue: Catalogue,
    host: Host,
    operator: Arc<Loaded>,
    loaded: Mutex<BTreeMap<String, Arc<Generation>>>,
}

impl Personas {
    pub fn new(catalogue: Catalogue, host: Host, operator: Arc<Loaded>) -> Arc<Self> {
        Arc::new(Self { catalogue, host, operator, loaded: Mutex::default() })
    }

    /// The persona of this id. An error: there is none, or it cannot be used.
    pub async fn get(self: &Arc<Self>, id: &str) -> anyhow::Result<Arc<Generation>> {
        if let Some(known) = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(known.clone());
        }
        self.is_there(id)?;
        let (this, id) = (self.clone(), id.to_owned());
        // compiling takes its time, and nobody else's
        let loading = move || {
            let loaded = this.catalogue.load(&this.host, &id, Kind::Persona, &*this.operator);
            let loaded = loaded.with_context(|| format!("the persona {id:?} cannot be used"))?;
            let mut known = this.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(known.entry(id).or_insert(loaded).clone())
        };
        tokio::task::spawn_blocking(loading).await.context("loading a persona")?
    }

    fn is_there(&self, id: &str) -> anyhow::Result<()> {
        let personas = || self.catalogue.manifests().filter(|manifest| manifest.kind == Kind::Persona);
        if personas().any(|manifest| manifest.id == id) {
            return Ok(());
        }
        let known: Vec<&str> = personas().map(|manifest| manifest.id.as_str()).collect();
        let hint = nearest(id, known.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
        bail!(
            "there is no persona {id:?}{}",
            hint.unwrap_or_else(|| format!("; there are: {}", known.join(", ")))
        )
    }
}
