//! What there is to plug in: the components embedded in the program, and a folder of `.wasm` files,
//! which adds to them or replaces them by id. One loader for both.

use crate::component::{Artifact, Generation, LoadError};
use crate::embedded;
use crate::engine::Host;
use crate::grant::{Grant, Operator, Variant};
use crate::manifest::{Kind, Manifest, nearest};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Everything that was found, not yet compiled. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalogue {
    artifacts: BTreeMap<String, Artifact>,
}

impl Catalogue {
    /// The embedded components, and those in the folder, if one is given. Fails where a file in it
    /// cannot be used: what the operator put there was meant to be used.
    pub fn read(folder: Option<&Path>) -> Result<Self, LoadError> {
        let mut artifacts = BTreeMap::new();
        for wasm in embedded::COMPONENTS {
            let artifact = Artifact::from_bytes(wasm.to_vec(), None)?;
            artifacts.insert(artifact.manifest.id.clone(), artifact);
        }
        if let Some(folder) = folder {
            for artifact in read_folder(folder)?.into_values() {
                let id = artifact.manifest.id.clone();
                if let Some(replaced) = artifacts.insert(id, artifact) {
                    tracing::info!("{replaced:?} is replaced by the file in {}", folder.display());
                }
            }
        }
        Ok(Self { artifacts })
    }

    /// Takes this one from now on; the one that it replaces, if there was one of this id.
    pub fn insert(&mut self, artifact: Artifact) -> Option<Artifact> {
        self.artifacts.insert(artifact.manifest.id.clone(), artifact)
    }

    /// The component of this id that is embedded in the program; none: there is none.
    pub fn embedded(id: &str) -> Option<Artifact> {
        let artifacts = embedded::COMPONENTS.iter().filter_map(|wasm| {
            // one that cannot be read was reported when the catalogue was
            Artifact::from_bytes(wasm.to_vec(), None).ok()
        });
        artifacts.into_iter().find(|artifact| artifact.manifest.id == id)
    }

    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        self.artifacts.values()
    }

    pub fn manifests(&self) -> impl Iterator<Item = &Manifest> {
        self.artifacts.values().map(|artifact| &artifact.manifest)
    }

    pub fn get(&self, id: &str) -> Option<&Artifact> {
        self.artifacts.get(id)
    }

    /// Compiles this component and settles its grant.
    pub fn load(
        &self,
        host: &Host,
        id: &str,
        kind: Kind,
        operator: &dyn Operator,
    ) -> Result<Arc<Generation>, LoadError> {
        self.load_as(host, id, kind, operator, &Variant::default())
    }

    /// The same, for one use of it.
    pub fn load_as(
        &self,
        host: &Host,
        id: &str,
        kind: Kind,
        operator: &dyn Operator,
        variant: &Variant,
    ) -> Result<Arc<Generation>, LoadError> {
        let artifact = self.find(id, kind)?;
        let shipped = embedded::manifests().get(id);
        Generation::load_as(host, artifact.clone(), shipped, operator, variant).map(Arc::new)
    }

    /// What one use of it may do, without compiling it.
    pub fn settle(
        &self,
        id: &str,
        kind: Kind,
        operator: &dyn Operator,
        variant: &Variant,
    ) -> Result<Grant, LoadError> {
        let manifest = &self.find(id, kind)?.manifest;
        Ok(Grant::settle_as(manifest, embedded::manifests().get(id), operator, variant)?)
    }

    /// The component of this id, if it is of this kind.
    pub fn find(&self, id: &str, kind: Kind) -> Result<&Artifact, LoadError> {
        let artifact = self.artifacts.get(id).ok_or_else(|| self.unknown(id, kind))?;
        let found = artifact.manifest.kind;
        if found != kind {
            return Err(LoadError::Kind { id: id.to_owned(), found, wanted: kind });
        }
        Ok(artifact)
    }

    fn unknown(&self, id: &str, kind: Kind) -> LoadError {
        let of_kind: Vec<&str> =
            self.manifests().filter(|manifest| manifest.kind == kind).map(|m| m.id.as_str()).collect();
        let hint = nearest(id, of_kind.iter().copied());
        let hint = hint.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        LoadError::Unknown { id: id.to_owned(), hint, known: of_kind.join(", ") }
    }
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, Artifact>, LoadError> {
    let unreadable = |source| LoadError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut artifacts: BTreeMap<String, Artifact> = BTreeMap::new();
    for path in paths {
        let wasm = std::fs::read(&path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
        let artifact = Artifact::from_bytes(wasm, Some(path))?;
        let id = artifact.manifest.id.clone();
        if let Some(first) = artifacts.get(&id) {
            let (first, second) = (first.from(), artifact.from());
            return Err(LoadError::Twice { id, first, second });
        }
        artifacts.insert(id, artifact);
    }
    Ok(artifacts)
}
