//! Waits until the source of a project changes.

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// What tools write, and nobody edits.
const LEFT_OUT: [&str; 8] =
    ["build", "target", ".git", "node_modules", "__pycache__", ".venv", ".pytest_cache", "dist"];

/// An editor writes a file in several steps, and several files at once.
const SETTLES: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
#[error("changes in {folder} cannot be watched: {source}; build by hand, with `cordboard build`")]
pub struct WatchError {
    folder: PathBuf,
    source: notify::Error,
}

/// A project that is being watched.
pub struct Watch {
    root: PathBuf,
    changes: Receiver<notify::Result<Event>>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub fn new(root: &Path) -> Result<Self, WatchError> {
        let failed = |source| WatchError { folder: root.to_owned(), source };
        let root = root.canonicalize().map_err(|e| failed(e.into()))?;
        let (sender, changes) = channel();
        let mut watcher = notify::recommended_watcher(sender).map_err(failed)?;
        // each folder on its own: what is built may be many thousand files
        watcher.watch(&root, RecursiveMode::NonRecursive).map_err(failed)?;
        let entries = std::fs::read_dir(&root).map_err(|e| failed(e.into()))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()) {
            if counts(&root, &path) {
                watcher.watch(&path, RecursiveMode::Recursive).map_err(failed)?;
            }
        }
        Ok(Self { root, changes, _watcher: watcher })
    }

    /// Waits for a change, and until nothing changes any more; what changed, from the root on. None: it
    /// cannot be watched any more.
    pub fn changed(&self) -> Option<PathBuf> {
        let changed = loop {
            if let Some(path) = self.source(self.changes.recv().ok()?) {
                break path;
            }
        };
        loop {
            match self.changes.recv_timeout(SETTLES) {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Some(changed),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn source(&self, event: notify::Result<Event>) -> Option<PathBuf> {
        let event = event.ok()?;
        if matches!(event.kind, EventKind::Access(_)) {
            return None;
        }
        let path = event.paths.into_iter().find(|path| counts(&self.root, path))?;
        Some(path.strip_prefix(&self.root).unwrap_or(&path).to_owned())
    }
}

/// Whether it is source: not what is built of it, and not what an editor keeps beside it.
fn counts(root: &Path, path: &Path) -> bool {
    let Ok(within) = path.strip_prefix(root) else { return false };
    let Some(first) = within.iter().next().and_then(|name| name.to_str()) else { return false };
    let name = within.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_aside =
        name.starts_with('.') || name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".part");
    let caches = within.iter().any(|part| part == "__pycache__");
    // cargo brings the lock up to date while it builds
    !LEFT_OUT.contains(&first) && !is_aside && !caches && name != "Cargo.lock"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_source_is_noticed_and_what_is_built_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for inner in ["src", "build", "target"] {
            std::fs::create_dir(folder.path().join(inner)).unwrap();
        }
        let watch = Watch::new(folder.path()).unwrap();
        std::fs::write(folder.path().join("build/x.wasm"), "x").unwrap();
        std::fs::write(folder.path().join("Cargo.lock"), "x").unwrap();
        std::fs::write(folder.path().join("src/lib.rs"), "x").unwrap();
        assert_eq!(watch.changed(), Some("src/lib.rs".into()));
    }
}
