//! From a project to a `.wasm` that holds its manifest.
//!
//! - `rust.rs`, `python.rs`, `javascript.rs`: one language each; they give the component as their tools
//!   made it
//! - `section.rs`: puts the manifest in, where it is not

mod javascript;
mod python;
mod rust;
mod section;

pub(crate) use rust::test as test_rust;

use crate::project::{Language, Project};
use components::Artifact;
use components::manifest::Kind;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{tool} could not be started ({source}): {install}")]
    Tool { tool: String, source: std::io::Error, install: String },
    #[error(
        "the Rust target wasm32-wasip2 is missing, for which components are built: run\n\n    \
         rustup target add wasm32-wasip2\n\nand build again"
    )]
    Target,
    #[error("{tool} refused to build it; correct what it says and build again{}{said}", if .said.is_empty() { "" } else { ":\n" })]
    Refused { tool: String, said: String },
    #[error("{tool} left no component: {advice}")]
    Nothing { tool: String, advice: String },
    #[error("a component in {language} cannot be built here yet: only {known} can")]
    Language { language: Language, known: String },
    #[error("{path} cannot be read or written: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("what was built cannot be used: {0}")]
    Unusable(#[from] components::LoadError),
}

/// A component, as it was built.
#[derive(Debug)]
pub struct Built {
    pub path: PathBuf,
    pub artifact: Artifact,
    /// in bytes
    pub size: usize,
}

/// Builds the project: `build/ID.wasm` in it.
pub fn build(project: &Project) -> Result<Built, BuildError> {
    let made = match project.language {
        Language::Rust => rust::build(project),
        Language::Python => python::build(project),
        Language::JavaScript => javascript::build(project),
    }?;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| BuildError::File { path, source }
    };
    let wasm = std::fs::read(&made).map_err(file(&made))?;
    let wasm = section::with_manifest(wasm, &project.manifest_text);
    let path = project.component();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
    }
    // a host that watches the folder never sees half of a file
    let part = path.with_extension("part");
    std::fs::write(&part, &wasm).map_err(file(&part))?;
    std::fs::rename(&part, &path).map_err(file(&path))?;
    let size = wasm.len();
    let artifact = Artifact::from_bytes(wasm, Some(path.clone()))?;
    Ok(Built { path, artifact, size })
}

/// The contract in a project, and the world of it that a persona serves.
const CONTRACT: &str = "cordboard/wit";
const PERSONA: &str = "persona-script";

/// There is an SDK for nothing else but in Rust.
fn personas_only(project: &Project) -> Result<(), BuildError> {
    match project.kind() {
        Kind::Persona => Ok(()),
        _ => Err(BuildError::Language { language: project.language, known: "personas".into() }),
    }
}

/// Where a tool leaves what it makes: beside the component, and nothing that a host would load.
fn place(project: &Project) -> Result<PathBuf, BuildError> {
    let made = project.component().with_extension("made");
    if let Some(folder) = made.parent() {
        let failed = |source| BuildError::File { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    Ok(made)
}

/// Runs a tool to its end. What it says is shown while it comes, or, where nobody watches, told in the
/// error. `install`: what to do where there is no such tool.
pub(crate) fn run(mut command: Command, tool: &str, install: &str) -> Result<(), BuildError> {
    let watched = std::io::stderr().is_terminal();
    if watched {
        // what it says is no result of ours
        command.stdout(std::io::stderr()).stderr(Stdio::inherit());
    }
    let output = if watched {
        command.status().map(|status| (status, String::new()))
    } else {
        command.output().map(|output| {
            let said = [output.stdout, output.stderr].concat();
            (output.status, String::from_utf8_lossy(&said).into_owned())
        })
    };
    match output {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((_, said)) => Err(BuildError::Refused { tool: tool.to_owned(), said }),
        Err(source) => Err(BuildError::Tool { tool: tool.to_owned(), source, install: install.to_owned() }),
    }
}
