//! A component, ready to be used: read, checked, compiled, granted. One [`Generation`] is shared by
//! all its sessions, and lives as long as the last of them.

use crate::contract::{Contract, LlmContract, Script, ScriptWorld, SttContract, TtsContract};
use crate::egress::Egress;
use crate::engine::Host;
use crate::grant::{Grant, GrantError, Operator, Settings, Variant};
use crate::manifest::{Kind, Limits, Manifest, ManifestError, SECTION};
use crate::stock::Stock;
use crate::store::State;
use crate::wasi;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::component::{Component, InstancePre};

/// The bytes of a component and its manifest, as they were found.
#[derive(Clone)]
pub struct Artifact {
    pub manifest: Manifest,
    /// the first 12 digits of its SHA-256
    pub hash: String,
    /// none: embedded in the program, or sent to it
    pub path: Option<PathBuf>,
    uploaded: bool,
    wasm: Arc<[u8]>,
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ({}, {})", self.manifest.id, self.manifest.version, self.hash, self.from())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{from} is not a WebAssembly component: {reason}")]
    NotAComponent { from: String, reason: String },
    #[error(
        "{from} holds no manifest: build it with the SDK, which puts plugin.toml or persona.toml into it, or \
         put the manifest beside it as {beside}"
    )]
    NoManifest { from: String, beside: String },
    #[error("{from}: {source}")]
    Manifest { from: String, source: ManifestError },
    #[error(
        "{from} does not fit the contract of a {kind} component: {reason}; build it again with the SDK of this \
         version of Cordboard"
    )]
    Contract { from: String, kind: Kind, reason: String },
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error("{id}: {source}")]
    Audio { id: String, source: audio::resample::ResampleError },
    #[error("{id} is a {found} component, and a {wanted} component is needed there")]
    Kind { id: String, found: Kind, wanted: Kind },
    #[error("there is no component {id:?}{hint}; there are: {known}")]
    Unknown { id: String, hint: String, known: String },
    #[error("{first} and {second} both hold a component {id:?}: remove one of them")]
    Twice { id: String, first: String, second: String },
}

impl Artifact {
    /// Fails where it is no component, or says nothing of itself.
    pub fn from_bytes(wasm: Vec<u8>, path: Option<PathBuf>) -> Result<Self, LoadError> {
        Self::read(wasm, path, false)
    }

    /// The same of what somebody has sent, and which is in no file.
    pub fn uploaded(wasm: Vec<u8>) -> Result<Self, LoadError> {
        Self::read(wasm, None, true)
    }

    fn read(wasm: Vec<u8>, path: Option<PathBuf>, uploaded: bool) -> Result<Self, LoadError> {
        let nowhere = if uploaded { "what was sent" } else { "an embedded component" };
        let from = path.as_ref().map_or_else(|| nowhere.to_owned(), |path| path.display().to_string());
        let section = manifest_section(&wasm)
            .map_err(|reason| LoadError::NotAComponent { from: from.clone(), reason })?;
        let beside = path.as_ref().map(|path| path.with_extension("toml"));
        let text = match (section, &beside) {
            (Some(section), _) => section,
            (None, Some(beside)) if beside.exists() => std::fs::read_to_string(beside)
                .map_err(|source| LoadError::Read { path: beside.clone(), source })?,
            (None, beside) => {
                let beside = beside.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
                return Err(LoadError::NoManifest { from, beside });
            }
        };
        let manifest = Manifest::parse(&text).map_err(|source| LoadError::Manifest { from, source })?;
        let digest = Sha256::digest(&wasm);
        let hash = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { manifest, hash, path, uploaded, wasm: wasm.into() })
    }

    /// Its bytes.
    pub fn wasm(&self) -> &[u8] {
        &self.wasm
    }

    /// Where it came from, for a person.
    pub fn from(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None if self.uploaded => "uploaded".to_owned(),
            None => "embedded".to_owned(),
        }
    }
}

/// The manifest that travels in the component: the first section of its name, at any depth.
fn manifest_section(wasm: &[u8]) -> Result<Option<String>, String> {
    let mut found = None;
    let mut is_component = false;
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        match payload.map_err(|e| e.message().to_owned())? {
            wasmparser::Payload::Version { encoding, .. } => {
                is_component |= encoding == wasmparser::Encoding::Component;
                if !is_component {
                    return Err("it is a core module; build it for wasm32-wasip2".into());
                }
            }
            wasmparser::Payload::CustomSection(section) if section.name() == SECTION && found.is_none() => {
                found = Some(String::from_utf8_lossy(section.data()).into_owned());
            }
            _ => {}
        }
    }
    Ok(found)
}

/// What a component says of itself that holds its manifest.
pub(crate) fn embedded_manifest(wasm: &[u8]) -> Option<Manifest> {
    Manifest::parse(&manifest_section(wasm).ok()??).ok()
}

/// A component that sessions can be opened of.
pub struct Generation {
    pub artifact: Artifact,
    name: String,
    pub(crate) host: Host,
    pub(crate) grant: Grant,
    pub(crate) egress: Arc<Egress>,
    pub(crate) instances: Instances,
}

/// Where its sessions get theirs.
pub(crate) enum Instances {
    Stt(Stock<<SttContract as Contract>::World>),
    Llm(Stock<<LlmContract as Contract>::World>),
    Tts(Stock<<TtsContract as Contract>::World>),
    Persona(Stock<ScriptWorld>),
}

impl Generation {
    /// Compiles it, checks it against its contract and settles its grant. `shipped`: the manifest
    /// of the component that Cordboard ships under the same id.
    pub fn load(
        host: &Host,
        artifact: Artifact,
        shipped: Option<&Manifest>,
        operator: &dyn Operator,
    ) -> Result<Self, LoadError> {
        Self::load_as(host, artifact, shipped, operator, &Variant::default())
    }

    /// The same, for one use of it.
    pub fn load_as(
        host: &Host,
        artifact: Artifact,
        shipped: Option<&Manifest>,
        operator: &dyn Operator,
        variant: &Variant,
    ) -> Result<Self, LoadError> {
        let grant = Grant::settle_as(&artifact.manifest, shipped, operator, variant)?;
        let name = variant.name.clone().unwrap_or_else(|| artifact.manifest.id.clone());
        for refused in &grant.refused {
            tracing::warn!(component = name, "it asks {refused}, which is not granted");
        }
        Self::compile(host, artifact, name, grant)
    }

    /// Compiles it and checks it against its contract.
    pub(crate) fn compile(
        host: &Host,
        artifact: Artifact,
        name: String,
        grant: Grant,
    ) -> Result<Self, LoadError> {
        let from = artifact.from();
        let kind = artifact.manifest.kind;
        let component = Component::new(host.engine(), &artifact.wasm[..])
            .map_err(|e| LoadError::NotAComponent { from: from.clone(), reason: format!("{e:#}") })?;
        let instances = link(host, &component)
            .and_then(|instance| check(host, kind, grant.limits, instance))
            .map_err(|e| LoadError::Contract { from, kind, reason: format!("{e:#}") })?;
        // the one thing that can fail in it is the set-up of TLS, which is ours
        let egress = Egress::new(grant.rules.clone(), grant.limits).map_err(|e| LoadError::Contract {
            from: artifact.from(),
            kind,
            reason: format!("no client for its requests: {e}"),
        })?;
        Ok(Self { artifact, name, host: host.clone(), grant, egress: Arc::new(egress), instances })
    }

    /// What it goes by: its id, or the name that the operator gave this use of it.
    pub fn id(&self) -> &str {
        &self.name
    }

    /// What it may do, as it was settled when it was loaded.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    pub fn settings(&self) -> &Settings {
        &self.grant.settings
    }

    /// Tools that may be carried out twice, in the operator's word.
    pub fn idempotent(&self) -> &BTreeSet<String> {
        &self.grant.idempotent
    }

    /// Whether sessions of it are opened from now on: then some instances of it are made beforehand, where that
    /// saves time. Nobody is expected to begin with.
    pub fn expect_sessions(&self, expected: bool) {
        match &self.instances {
            Instances::Stt(stock) => stock.expect(expected),
            Instances::Llm(stock) => stock.expect(expected),
            Instances::Tts(stock) => stock.expect(expected),
            Instances::Persona(stock) => stock.expect(expected),
        }
    }

    /// How many instances of it wait for a session.
    pub fn ready(&self) -> usize {
        match &self.instances {
            Instances::Stt(stock) => stock.ready(),
            Instances::Llm(stock) => stock.ready(),
            Instances::Tts(stock) => stock.ready(),
            Instances::Persona(stock) => stock.ready(),
        }
    }
}

fn link(host: &Host, component: &Component) -> wasmtime::Result<InstancePre<State>> {
    wasi::link(host.engine(), component)?.instantiate_pre(component)
}

fn check(
    host: &Host,
    kind: Kind,
    limits: Limits,
    instance: InstancePre<State>,
) -> wasmtime::Result<Instances> {
    let (engine, room) = (host.engine(), host.room());
    Ok(match kind {
        Kind::Stt => Instances::Stt(Stock::new(engine, room, limits, SttContract::check(instance)?)),
        Kind::Llm => Instances::Llm(Stock::new(engine, room, limits, LlmContract::check(instance)?)),
        Kind::Tts => Instances::Tts(Stock::new(engine, room, limits, TtsContract::check(instance)?)),
        Kind::Persona => Instances::Persona(Stock::new(engine, room, limits, Script::check(instance)?)),
    })
}
