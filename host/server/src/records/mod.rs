//! What is kept of calls: one conversation each, what was said in it, what happened, how quick it was.
//!
//! - `record.rs`: the record of one call, while it goes on
//! - `memory.rs`: what personas may know of earlier calls
//! - `redaction.rs`: what must not be kept
//! - `retention.rs`: what is kept only for a while
//!
//! Nothing here waits for a database: what is to be kept is given away, and the store sees to it.

mod memory;
mod record;
mod redaction;
mod retention;

pub use record::{End, Record};
pub use redaction::Redaction;
pub use retention::keep_no_longer;

use crate::calls::recall::Memory;
use crate::config::{Config, Loaded};
use anyhow::Context;
use components::Scene;
use components::grant::Operator;
use jiff::Timestamp;
use memory::Kept;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Database, Store};

/// The word for "no database".
const NONE: &str = "none";
/// A host that stops waits so long for its database; what is not written then waits on the disk.
const CLOSE: Duration = Duration::from_secs(5);

/// What could not be done is tried again after this time.
const AGAIN: Duration = Duration::from_secs(30);

pub struct Records {
    /// none: nothing is kept
    store: Option<Store>,
    /// which host writes
    node: String,
    /// where recordings are
    folder: PathBuf,
    /// where journals are
    journals: PathBuf,
}

impl Records {
    /// Opens what the configuration names. Fails where that cannot be; a database that is merely away
    /// is no failure.
    pub async fn open(loaded: &Loaded, folder: PathBuf) -> anyhow::Result<Self> {
        let store = match database(loaded)? {
            Some(database) => {
                let settings = store::Settings::new(database, loaded.config.store.spool.clone());
                let opened = Store::open(settings).await;
                Some(opened.context("what is kept of calls (`store.database`, DATABASE_URL)")?)
            }
            None => None,
        };
        anyhow::ensure!(
            store.is_some() || loaded.config.retention.is_for_ever(),
            "`retention`: with `store.database = \"none\"` nobody knows how old anything is; name a database, or \
             keep things for ever"
        );
        let journals = loaded.config.journal.folder.clone();
        Ok(Self { store, node: node(&loaded.config), folder, journals })
    }

    /// Everything that was to be kept is, or waits on the disk.
    pub async fn close(&self) {
        if let Some(store) = &self.store {
            store.clone().close(CLOSE).await;
        }
    }

    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Which host this is, in what is kept.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The file of this recording; none: it is not one of this host's.
    pub fn recording(&self, name: &str) -> Option<PathBuf> {
        // a name, and no way to another folder
        let file = Path::new(name).file_name().filter(|file| *file == name)?;
        let path = self.folder.join(file);
        path.is_file().then_some(path)
    }

    /// A call begins.
    pub fn begin(&self, scene: &Scene, persona: &str, recording: Option<&str>) -> Record {
        Record::begin(self.store.clone(), &self.node, scene, persona, recording)
    }

    /// What personas may know of earlier calls; none: nothing is kept.
    pub fn memory(&self) -> Option<Arc<dyn Memory>> {
        self.store.clone().map(|store| Arc::new(Kept(store)) as Arc<dyn Memory>)
    }

    /// Calls that this host held when it was last cut off are over.
    /// A database that is away is waited for.
    pub async fn end_what_was_cut_off(&self, started: Timestamp) {
        let Some(store) = &self.store else { return };
        while !log_lost(store.end_of_node(&self.node, started).await) {
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Calls that another host held are over, which cannot say so itself any more.
    pub async fn end_of_calls(&self, calls: &[String]) {
        let Some(store) = &self.store else { return };
        let gone = Timestamp::now();
        while !log_lost(store.end_of_calls(calls, &self.node, gone).await) {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Whether it was done.
fn log_lost(ended: Result<u64, store::Error>) -> bool {
    match ended {
        Ok(0) => true,
        Ok(calls) => {
            tracing::warn!(calls, "calls were cut off with their host");
            true
        }
        Err(error) => {
            tracing::warn!("the calls that were cut off cannot be ended yet: {error}");
            false
        }
    }
}

/// A name for this host that it has again when it is started again, and no other has.
fn node(config: &Config) -> String {
    if let Some(name) = config.nodes.name.as_ref().filter(|name| !name.is_empty()) {
        return name.clone();
    }
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let name = name.unwrap_or_else(|_| "host".into());
    match config.server.address().1 {
        // whichever port is free
        0 => format!("{}:{}", name.trim(), uuid::Uuid::now_v7()),
        port => format!("{}:{port}", name.trim()),
    }
}

/// Where what is kept goes; none: nowhere.
pub fn database(loaded: &Loaded) -> anyhow::Result<Option<Database>> {
    let config = &loaded.config.store;
    let variable = |name| loaded.variable(name).filter(|value: &String| !value.is_empty());
    let supabase = (variable("SUPABASE_URL"), variable("SUPABASE_KEY"));
    match (&config.database, supabase) {
        (Some(none), _) if none == NONE => Ok(None),
        (Some(url), _) => Database::parse(url).map(Some).context("`store.database`, or DATABASE_URL"),
        (None, (Some(url), Some(key))) => {
            let database = Database::supabase(crate::cli::client::builder()?, &url, &key);
            database.map(Some).context("SUPABASE_URL and SUPABASE_KEY")
        }
        (None, (Some(_), None)) | (None, (None, Some(_))) => {
            anyhow::bail!("SUPABASE_URL and SUPABASE_KEY belong together: one of them is missing")
        }
        (None, (None, None)) => Database::parse(DEFAULT).map(Some).context("the default database"),
    }
}

/// Beside the recordings, where the program was started.
pub const DEFAULT: &str = "sqlite://cordboard.db";
