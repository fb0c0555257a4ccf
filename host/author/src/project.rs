//! A folder that holds the source of one component.

use components::manifest::{Kind, Manifest, ManifestError};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a component is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Rust,
    Python,
    JavaScript,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Rust, Self::Python, Self::JavaScript];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// The files that tell it.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["Cargo.toml"],
            Self::Python => &["persona.py", "requirements.txt", "pyproject.toml"],
            Self::JavaScript => &["persona.js", "package.json"],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        })
    }
}

/// A project, as it was found.
#[derive(Clone, Debug)]
pub struct Project {
    pub root: PathBuf,
    pub language: Language,
    pub manifest: Manifest,
    /// `persona.toml` or `plugin.toml`
    pub manifest_path: PathBuf,
    /// the manifest as it was written
    pub manifest_text: String,
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error(
        "{root} holds no component: there is neither a persona.toml nor a plugin.toml in it. Go into a project, \
         or begin one with `cordboard new persona NAME`"
    )]
    NoManifest { root: PathBuf },
    #[error("{path} cannot be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {source}")]
    Manifest { path: PathBuf, source: ManifestError },
    #[error(
        "{root} has a manifest and no source that can be built: a Cargo.toml makes it Rust, a persona.py Python, \
         a persona.js JavaScript"
    )]
    NoLanguage { root: PathBuf },
}

impl Project {
    /// The project in this folder.
    pub fn open(root: &Path) -> Result<Self, ProjectError> {
        let root = root.to_owned();
        let manifest_path = ["persona.toml", "plugin.toml"].iter().map(|name| root.join(name));
        let Some(manifest_path) = manifest_path.into_iter().find(|path| path.is_file()) else {
            return Err(ProjectError::NoManifest { root });
        };
        let manifest_text = std::fs::read_to_string(&manifest_path)
            .map_err(|source| ProjectError::Read { path: manifest_path.clone(), source })?;
        let manifest = Manifest::parse(&manifest_text)
            .map_err(|source| ProjectError::Manifest { path: manifest_path.clone(), source })?;
        let has = |mark: &str| root.join(mark).is_file();
        let language = Language::ALL.into_iter().find(|language| language.marks().iter().any(|m| has(m)));
        let Some(language) = language else { return Err(ProjectError::NoLanguage { root }) };
        Ok(Self { root, language, manifest, manifest_path, manifest_text })
    }

    pub fn id(&self) -> &str {
        &self.manifest.id
    }

    pub fn kind(&self) -> Kind {
        self.manifest.kind
    }

    /// Where its component is, once it is built. The folder can be given to a host as `--components`.
    pub fn component(&self) -> PathBuf {
        self.root.join("build").join(format!("{}.wasm", self.id()))
    }

    /// A program that is to run in this project.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        // meant for this machine, not for WebAssembly; or for whatever cargo started us
        for variable in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "MAKEFLAGS", "CARGO_MAKEFLAGS"]
        {
            command.env_remove(variable);
        }
        command
    }
}
