//! What the tests share: an engine, and folders in which projects are made that share what they build.

use author::{Language, Made, New, Project};
use components::manifest::Kind;
use components::{Artifact, Catalogue, EngineSettings, Host};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use tempfile::TempDir;

/// One engine for all tests of the program.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        Host::new(&EngineSettings { sessions: 64, cache: Some(cache) }).unwrap()
    })
}

/// A folder for projects, and the only one of its time: cargo builds all projects in one place, so that what
/// they need is built once, and one of them would take away what another is about to run.
pub struct Folder {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Folder {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

pub fn folder() -> Folder {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
    std::fs::create_dir_all(folder.path().join(".cargo")).unwrap();
    let config = format!("[build]\ntarget-dir = {target:?}\n");
    std::fs::write(folder.path().join(".cargo/config.toml"), config).unwrap();
    Folder { folder, _alone: alone }
}

pub fn new(kind: Kind, name: &str, into: &Path) -> Made {
    author::make(&New { kind, language: Language::Rust, name, into }).unwrap()
}

pub fn open(root: &Path) -> Project {
    Project::open(root).unwrap()
}

/// A component that ships.
pub fn shipped(id: &str) -> Artifact {
    Catalogue::read(None).unwrap().get(id).unwrap().clone()
}
