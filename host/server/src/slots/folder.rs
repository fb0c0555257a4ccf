//! Builds that appear in the folder of components, are exchanged there, or vanish from it.
//!
//! The folder is looked at again and again rather than being told of: that is right for every file system,
//! whether a file is written in place, renamed into it, or comes as a link that points elsewhere tomorrow.
//! A file is read once it has been the same for two looks.

use super::Loader;
use super::swapping::{Unswapped, read, shipped};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// What can be seen of a file without reading it.
type Look = (SystemTime, u64);

/// Looks after the folder until the program ends.
pub fn watch(loader: Arc<Loader>, folder: PathBuf) {
    let mut watching = Watching::new(loader, folder);
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            // what changes is read and compiled where nobody waits for it
            let looking = tokio::task::spawn_blocking(move || {
                watching.look();
                watching
            });
            match looking.await {
                Ok(back) => watching = back,
                Err(_) => return tracing::error!("the folder of components is not looked after any more"),
            }
        }
    });
}

struct Watching {
    loader: Arc<Loader>,
    folder: PathBuf,
    /// as it was at the last look
    seen: BTreeMap<PathBuf, Look>,
    /// what was dealt with
    known: BTreeMap<PathBuf, Look>,
    /// which component a file holds
    ids: BTreeMap<PathBuf, String>,
}

impl Watching {
    /// What was loaded from the folder at the start is known; what has changed since is not.
    fn new(loader: Arc<Loader>, folder: PathBuf) -> Self {
        let seen = look(&folder).unwrap_or_default();
        let (mut known, mut ids) = (BTreeMap::new(), BTreeMap::new());
        for artifact in loader.catalogue().artifacts() {
            let Some(path) = artifact.path.clone() else { continue };
            let is_same = std::fs::read(&path).is_ok_and(|now| now == artifact.wasm());
            if let Some(look) = seen.get(&path).filter(|_| is_same) {
                known.insert(path.clone(), *look);
            }
            ids.insert(path, artifact.manifest.id.clone());
        }
        Self { loader, folder, seen, known, ids }
    }

    fn look(&mut self) {
        // one that cannot be read is not empty
        let Ok(now) = look(&self.folder) else { return };
        for (path, is) in &now {
            let settled = self.seen.get(path) == Some(is);
            if settled && self.known.get(path) != Some(is) {
                self.known.insert(path.clone(), *is);
                self.appeared(path);
            }
        }
        let gone: Vec<PathBuf> = self.known.keys().filter(|path| !now.contains_key(*path)).cloned().collect();
        for path in gone {
            // it may only be on its way from one name to another
            if !self.seen.contains_key(&path) {
                self.known.remove(&path);
                self.vanished(&path);
            }
        }
        self.seen = now;
    }

    fn appeared(&mut self, path: &Path) {
        let swapped = read(path).map_err(Unswapped::Load).and_then(|artifact| {
            let id = artifact.manifest.id.clone();
            let other =
                self.ids.iter().find(|(other, known)| **known == id && *other != path && other.exists());
            if let Some((other, _)) = other {
                tracing::warn!("{} and {} both hold the component {id:?}", path.display(), other.display());
            }
            let is_there = |there: &components::Artifact| there.hash == artifact.hash;
            let known = self.loader.catalogue().get(&id).is_some_and(is_there);
            self.ids.insert(path.to_owned(), id);
            // what came over HTTP was put here too
            if known { Ok(()) } else { self.loader.swap(artifact, None).map(drop) }
        });
        match swapped {
            Ok(()) => {}
            // it is looked at again once it has come to rest
            Err(Unswapped::Changing { .. }) => {
                self.known.remove(path);
            }
            Err(error) => {
                tracing::error!(
                    "{} is not plugged in, and what was there before stays: {error}",
                    path.display()
                );
            }
        }
    }

    fn vanished(&mut self, path: &Path) {
        let Some(id) = self.ids.remove(path) else { return };
        let other = self.ids.iter().find(|(_, known)| **known == id).map(|(other, _)| other.clone());
        if let Some(other) = other {
            return self.appeared(&other);
        }
        match shipped(&id).map(|artifact| self.loader.swap(artifact, None)) {
            Some(Ok(_)) => {
                tracing::info!(component = id, "{} is gone: the one that ships is back", path.display());
            }
            Some(Err(error)) => {
                tracing::error!(component = id, "{} is gone, and it stays in use: {error}", path.display());
            }
            None => tracing::warn!(
                component = id,
                "{} is gone; it stays in use until this server stops",
                path.display()
            ),
        }
    }
}

fn look(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Look>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(about) => files.insert(path, (about.modified()?, about.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
    }
    Ok(files)
}
