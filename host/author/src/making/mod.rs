//! A new project: a template, the SDK of its language, and the contract. It stands alone: what it needs
//! beside it are the tools of its language.
//!
//! - `names.rs`: what a project may be called, and how its name is written where
//! - `vendored.rs`: the SDKs in Rust, without the workspace that they come from

mod names;
mod vendored;

use crate::embedded;
use crate::project::Language;
use components::manifest::{Kind, nearest};
use names::Names;
use std::io;
use std::path::{Path, PathBuf};

/// Of a template's file: not a part of its name, so that tools leave the template alone.
const SUFFIX: &str = ".template";

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    pub kind: Kind,
    pub language: Language,
    pub name: &'a str,
    /// the folder in which the project's own is made
    pub into: &'a Path,
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    pub root: PathBuf,
    /// of the author's own, from the root on
    pub files: Vec<String>,
    /// of the SDK and the contract
    pub vendored: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    #[error("there is no kind of component {0:?}{1}: it is one of persona, stt, llm, tts")]
    Kind(String, String),
    #[error("there is no template in {0:?}{1}: it is one of rust, python, javascript")]
    Language(String, String),
    #[error("{name:?} is no name for a component: {problem}. Try `cordboard new {kind} {instead}`")]
    Name { name: String, problem: &'static str, kind: Kind, instead: String },
    #[error(
        "a component {name:?} ships with Cordboard, and yours would take its place: choose another name, like \
         `cordboard new {kind} my-{name}`"
    )]
    Ships { name: String, kind: Kind },
    #[error("{0} is there already: choose another name, remove it, or give another folder with --into")]
    Exists(PathBuf),
    #[error("there is no template for {kind} in {language}; there is for: {known}")]
    NoTemplate { kind: Kind, language: Language, known: String },
    #[error("{path} cannot be written: {source}")]
    Write { path: PathBuf, source: io::Error },
    #[error("the SDK in this program cannot be used: {0}; this is a mistake of the program's")]
    Sdk(String),
}

/// A kind, as somebody wrote it.
pub fn kind(text: &str) -> Result<Kind, MakeError> {
    let kinds = [Kind::Persona, Kind::Stt, Kind::Llm, Kind::Tts];
    let found = kinds.into_iter().find(|kind| kind.name() == text);
    found.ok_or_else(|| MakeError::Kind(text.to_owned(), meant(text, &kinds.map(Kind::name))))
}

/// A language, as somebody wrote it.
pub fn language(text: &str) -> Result<Language, MakeError> {
    let text = match text {
        "rs" => "rust",
        "py" => "python",
        "js" => "javascript",
        text => text,
    };
    let found = Language::ALL.into_iter().find(|language| language.name() == text);
    found.ok_or_else(|| MakeError::Language(text.to_owned(), meant(text, &Language::ALL.map(Language::name))))
}

fn meant(text: &str, known: &[&str]) -> String {
    nearest(text, known.iter().copied()).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default()
}

/// Makes the project. Nothing is left behind where it fails before the first file.
pub fn make(new: &New<'_>) -> Result<Made, MakeError> {
    let names = Names::check(new.name, new.kind)?;
    let template = template(new.kind, new.language)?;
    let root = new.into.join(&names.id);
    if root.exists() {
        return Err(MakeError::Exists(root));
    }
    let mut files = Vec::new();
    for (name, bytes) in embedded::below(&template) {
        let name = names.fill(name.strip_suffix(SUFFIX).unwrap_or(name));
        match std::str::from_utf8(bytes) {
            Ok(text) => write(&root.join(&name), names.fill(text).as_bytes())?,
            Err(_) => write(&root.join(&name), bytes)?,
        }
        files.push(name);
    }
    let vendored = vendored::files(new.language)?;
    for (name, text) in &vendored {
        write(&root.join(name), text)?;
    }
    Ok(Made { root, files, vendored: vendored.len() })
}

/// The folder of the template.
fn template(kind: Kind, language: Language) -> Result<String, MakeError> {
    let folder = |kind: Kind, language: Language| format!("templates/{}-{}", kind.name(), language.name());
    let is_there = |folder: &str| embedded::below(folder).next().is_some();
    let wanted = folder(kind, language);
    if is_there(&wanted) {
        return Ok(wanted);
    }
    let known = Language::ALL.into_iter().filter(|language| is_there(&folder(kind, *language)));
    let known: Vec<String> = known.map(|language| format!("--lang {}", language.name())).collect();
    Err(MakeError::NoTemplate { kind, language, known: known.join(", ") })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MakeError> {
    let failed = |source| MakeError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, bytes).map_err(failed)
}
