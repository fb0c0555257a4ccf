//! The inputs on disk: what the parsers really get, and what once broke them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    #[error("cannot read {path}: {source}; a target needs the folder, with an input or more")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{0} has no input: put a real one into it")]
    Empty(PathBuf),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
}

pub(crate) struct Corpus {
    name: &'static str,
    /// regressions first
    inputs: Vec<Vec<u8>>,
    scratch: PathBuf,
}

impl Corpus {
    /// `scratch`: the folder for what is found.
    pub(crate) fn read(name: &'static str, scratch: &Path) -> Result<Self, CorpusError> {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut inputs = match folder(&home.join("regressions").join(name)) {
            // most parsers have broken on nothing yet
            Err(CorpusError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Vec::new()
            }
            regressions => regressions?,
        };
        let corpus = home.join("corpus").join(name);
        let real = folder(&corpus)?;
        if real.is_empty() {
            return Err(CorpusError::Empty(corpus));
        }
        inputs.extend(real);
        let scratch = scratch.join("fuzz");
        std::fs::create_dir_all(&scratch)
            .map_err(|source| CorpusError::Write { path: scratch.clone(), source })?;
        Ok(Self { name, inputs, scratch })
    }

    pub(crate) fn inputs(&self) -> &[Vec<u8>] {
        &self.inputs
    }

    /// Where the input is that runs now.
    pub(crate) fn running(&self) -> PathBuf {
        self.scratch.join(format!("{}.running", self.name))
    }

    /// Where it is.
    pub(crate) fn write_finding(&self, input: &[u8]) -> Result<PathBuf, CorpusError> {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let path = self.scratch.join(format!("{}-{:016x}", self.name, hasher.finish()));
        match std::fs::write(&path, input) {
            Ok(()) => Ok(path),
            Err(source) => Err(CorpusError::Write { path, source }),
        }
    }
}

/// The files of a folder, in the order of their names.
fn folder(path: &Path) -> Result<Vec<Vec<u8>>, CorpusError> {
    let read = |source| CorpusError::Read { path: path.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.sort();
    let files = paths.into_iter().filter(|path| path.is_file());
    files.map(|path| std::fs::read(&path).map_err(|source| CorpusError::Read { path, source })).collect()
}
