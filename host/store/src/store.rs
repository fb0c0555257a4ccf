//! What others hold of the store.

use crate::backend::Error;
use crate::backends::Backends;
use crate::opening::{Absence, Database, OpenError, locked, migrations};
use crate::spool::Spool;
use crate::tables::Row;
use crate::writer::{Ask, Keeper, Wish};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

const SETTLED_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Settings {
    pub database: Database,
    /// A folder of this host's own, for what cannot be written yet.
    pub spool: PathBuf,
    /// So many rows may wait in memory. 20 000, unless said otherwise.
    pub queue: usize,
}

impl Settings {
    pub fn new(database: Database, spool: impl Into<PathBuf>) -> Self {
        Self { database, spool: spool.into(), queue: 20_000 }
    }
}

/// A handle; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    kind: &'static str,
    place: String,
    by_hand: Vec<(String, String)>,
    entries: mpsc::Sender<Row>,
    asks: mpsc::UnboundedSender<Ask>,
    shared: Arc<Shared>,
    backend: Arc<Backends>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

/// How it goes with the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// `sqlite`, `postgresql`, `supabase`
    pub kind: &'static str,
    /// since when, and why
    pub away: Option<(jiff::Timestamp, String)>,
    /// rows in memory
    pub queued: usize,
    /// rows on the disk, which wait for the database
    pub spooled: u64,
    /// Rows since the start that the database will never take: they are in `rejected.jsonl`, or, where a
    /// crash tore them, in `torn.jsonl`, in the spool's folder.
    pub rejected: u64,
    /// rows since the start that there was no room for anywhere
    pub lost: u64,
}

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) away: Mutex<Option<(jiff::Timestamp, String)>>,
    /// rows that have been taken out of the queue, and are neither written nor spooled
    pub(crate) held: AtomicUsize,
    pub(crate) spooled: AtomicU64,
    pub(crate) rejected: AtomicU64,
    /// how many rows have been recorded
    pub(crate) recorded: AtomicU64,
    lost: AtomicU64,
    /// whether the log knows; once for each outage
    pub(crate) loss_said: AtomicBool,
}

impl Shared {
    pub(crate) fn lose(&self, rows: u64, reason: &str) {
        self.lost.fetch_add(rows, Ordering::Relaxed);
        if !self.loss_said.swap(true, Ordering::Relaxed) {
            tracing::error!(rows, reason, "there is no room for what is to be kept of calls: it is lost");
        }
    }
}

impl Store {
    /// Opens the database and sets it up. A database server that is away is no error: what is recorded
    /// waits on the disk.
    pub async fn open(settings: Settings) -> Result<Self, OpenError> {
        let folder = settings.spool.clone();
        let unusable = |error| OpenError::Spool { path: folder.clone(), error };
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        let mut locks = vec![locked(&folder.join("lock"), &folder)?];
        locks.extend(settings.database.lock()?);
        let spool = Spool::open(&folder).map_err(unusable)?;
        let backend = settings.database.backend()?;
        let away = match (backend.start().await?, &settings.database) {
            (Some(Absence { reason, .. }), Database::Sqlite(path)) => {
                return Err(OpenError::Unusable(format!("{}: {reason}", path.display())));
            }
            (away, _) => away,
        };
        let by_hand = match &away {
            Some(Absence { unprepared: true, .. }) => migrations(&settings.database),
            _ => Vec::new(),
        };
        let away = away.map(|absence| absence.reason);

        let (entries, queue) = mpsc::channel(settings.queue.max(1));
        let (asks, asked) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::default());
        shared.recorded.store(spool.rows(), Ordering::Relaxed);
        let backend = Arc::new(backend);
        let keeper = Keeper::new(queue, asked, Arc::clone(&backend), Arc::clone(&shared), spool, away);
        let keeper = tokio::spawn(async move {
            keeper.run().await;
            // another host may have the files now
            drop(locks);
        });
        let inner = Inner {
            kind: settings.database.kind(),
            place: settings.database.to_string(),
            by_hand,
            entries,
            asks,
            shared,
            backend,
            keeper: Mutex::new(Some(keeper)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Where it is, without anything secret.
    pub fn place(&self) -> &str {
        &self.inner.place
    }

    /// What somebody has to run before anything can be written, because nobody else can: names, and SQL.
    pub fn by_hand(&self) -> &[(String, String)] {
        &self.inner.by_hand
    }

    /// To be kept. Never waits, for nothing: it is written, or at least on the disk, within half a second.
    pub fn record(&self, row: Row) {
        let shared = &self.inner.shared;
        // before it is sent, so that who waits for it waits for enough
        shared.recorded.fetch_add(1, Ordering::AcqRel);
        if let Err(error) = self.inner.entries.try_send(row) {
            shared.recorded.fetch_sub(1, Ordering::AcqRel);
            shared.lose(1, &error.to_string());
        }
    }

    /// Waits until all that was recorded before is written, or at least on the disk. An error if neither
    /// can be done now.
    pub async fn flush(&self) -> Result<(), Error> {
        self.ask(Wish::Safe).await
    }

    /// Waits until all that was recorded before is in the database. An error if that is away.
    pub async fn settle(&self) -> Result<(), Error> {
        timeout(SETTLED_WITHIN, self.ask(Wish::Written)).await.unwrap_or_else(|_| {
            Err(Error::Away("the database is still busy with what came before; try again later".to_owned()))
        })
    }

    async fn ask(&self, wish: Wish) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        let upto = self.inner.shared.recorded.load(Ordering::Acquire);
        let closed = || Error::Away("the store is closed".to_owned());
        self.inner.asks.send(Ask::Wait { upto, wish, answer }).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    pub fn health(&self) -> Health {
        let Inner { kind, entries, shared, .. } = &*self.inner;
        Health {
            kind,
            away: shared.away.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            queued: entries.max_capacity().saturating_sub(entries.capacity())
                + shared.held.load(Ordering::Relaxed),
            spooled: shared.spooled.load(Ordering::Relaxed),
            rejected: shared.rejected.load(Ordering::Relaxed),
            lost: shared.lost.load(Ordering::Relaxed),
        }
    }

    /// Writes what was recorded. What the database does not take in this time is left on the disk, for the
    /// next start. Nothing can be recorded afterwards.
    pub async fn close(self, within: Duration) {
        // it is gone already if the send fails
        let _ = self.inner.asks.send(Ask::Close(Instant::now() + within));
        let keeper = self.inner.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper
            && let Err(error) = keeper.await
        {
            tracing::error!(%error, "what writes to the database ended badly");
        }
        self.inner.backend.close().await;
    }

    pub(crate) fn backend(&self) -> &Backends {
        &self.inner.backend
    }
}
