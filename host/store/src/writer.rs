//! The task that brings rows to the database, in the order in which they were recorded.
//!
//! A row is in one of four places, and those behind each other are in order:
//!
//! ```text
//! database  <-  in flight  <-  spool (disk)  <-  pending (memory)  <-  queue
//! ```
//!
//! While all is well the spool is empty, and a flight takes what is pending. A flight that takes long is
//! put into the spool while it goes on; from then on everything goes through the spool until that is
//! empty. So nothing is in memory alone for more than half a second, whatever the database does.

use crate::backend::{Backend, Error};
use crate::spool::{Front, Spool};
use crate::store::Shared;
use crate::tables::Row;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

const BATCH: usize = 500;
/// A batch waits so long for more.
const GATHERED_FOR: Duration = Duration::from_millis(100);
/// A flight that takes longer goes on, and into the spool.
const SHELTERED_AFTER: Duration = Duration::from_millis(350);
/// A database that does not answer in this time is away.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(10);
const DISK_RETRY: Duration = Duration::from_secs(1);
/// Where nobody said how long closing may take.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

pub(crate) enum Ask {
    Wait { upto: u64, wish: Wish, answer: oneshot::Sender<Result<(), Error>> },
    Close(Instant),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// in the database or on the disk
    Safe,
    /// in the database
    Written,
}

struct Waiting {
    upto: u64,
    wish: Wish,
    answer: oneshot::Sender<Result<(), Error>>,
}

struct Flight {
    front: Arc<Front>,
    spooled: bool,
    since: Instant,
    writing: JoinHandle<Outcome>,
}

/// How far a batch came.
#[derive(Default)]
struct Outcome {
    /// so many from the front are dealt with: written, or refused
    done: usize,
    refused: Vec<(Row, String)>,
    away: Option<Away>,
}

struct Away {
    reason: String,
    /// it may only have been too much at once
    silent: bool,
}

pub(crate) struct Keeper<B> {
    queue: mpsc::Receiver<Row>,
    asks: mpsc::UnboundedReceiver<Ask>,
    backend: Arc<B>,
    shared: Arc<Shared>,
    spool: Arc<Mutex<Spool>>,
    /// as it was when it was last touched
    spooled: u64,
    pending: VecDeque<Row>,
    /// when the first of them came
    waiting_since: Instant,
    flight: Option<Flight>,
    /// of the spool that was found, and of the queue
    taken: u64,
    waiting: Vec<Waiting>,
    away: Option<String>,
    retry_at: Instant,
    retry_after: Duration,
    /// so many at once: fewer for a database that did not manage
    batch: usize,
    /// the disk takes nothing: until when it is not asked again
    disk_at: Option<Instant>,
    most_pending: usize,
    closing: Option<Instant>,
    /// whether more may come out of the queue
    open: bool,
}

impl<B: Backend + 'static> Keeper<B> {
    pub(crate) fn new(
        queue: mpsc::Receiver<Row>,
        asks: mpsc::UnboundedReceiver<Ask>,
        backend: Arc<B>,
        shared: Arc<Shared>,
        spool: Spool,
        away: Option<String>,
    ) -> Self {
        let now = Instant::now();
        let mut keeper = Self {
            most_pending: queue.max_capacity().max(BATCH),
            queue,
            asks,
            backend,
            shared,
            spooled: spool.rows(),
            taken: spool.rows(),
            spool: Arc::new(Mutex::new(spool)),
            pending: VecDeque::new(),
            waiting_since: now,
            flight: None,
            waiting: Vec::new(),
            away: None,
            retry_at: now,
            retry_after: FIRST_RETRY,
            batch: BATCH,
            disk_at: None,
            closing: None,
            open: true,
        };
        if let Some(reason) = away {
            keeper.went_away(reason);
        }
        if keeper.spooled > 0 {
            tracing::info!(rows = keeper.spooled, "what an earlier run could not write is written now");
        }
        keeper.note_spool();
        keeper
    }

    pub(crate) async fn run(mut self) {
        let mut rows = Vec::new();
        loop {
            self.depart().await;
            self.shelter().await;
            self.answer();
            if self.is_over() {
                break;
            }
            let wake = self.wake();
            let room = self.most_pending.saturating_sub(self.pending.len());
            tokio::select! {
                outcome = landing(&mut self.flight) => self.landed(outcome).await,
                got = self.queue.recv_many(&mut rows, room.min(BATCH)), if self.open && room > 0 => {
                    if got == 0 {
                        self.open = false;
                        self.closing.get_or_insert(Instant::now() + CLOSED_WITHIN);
                    }
                    self.take(&mut rows);
                }
                Some(ask) = self.asks.recv() => self.asked(ask),
                () = sleep_until(wake) => {}
            }
        }
        self.leave().await;
    }

    fn take(&mut self, rows: &mut Vec<Row>) {
        if self.pending.is_empty() {
            self.waiting_since = Instant::now();
        }
        self.taken += rows.len() as u64;
        self.pending.extend(rows.drain(..));
    }

    fn asked(&mut self, ask: Ask) {
        match ask {
            Ask::Wait { upto, wish, answer } => self.waiting.push(Waiting { upto, wish, answer }),
            Ask::Close(deadline) => {
                self.queue.close();
                self.closing = Some(deadline);
            }
        }
    }

    /// Whether what is pending has waited for long enough.
    fn ripe(&self) -> bool {
        let hurry = !self.waiting.is_empty() || self.closing.is_some();
        let full = self.pending.len() >= self.batch;
        !self.pending.is_empty() && (hurry || full || self.waiting_since.elapsed() >= GATHERED_FOR)
    }

    /// A batch goes to the database, if none is under way and it may be there.
    async fn depart(&mut self) {
        if self.flight.is_some() || Instant::now() < self.retry_at {
            return;
        }
        let most = self.batch;
        let (front, spooled) = if self.spooled > 0 {
            match self.on_disk(move |spool| spool.front(most)).await {
                Ok(front) => (front, true),
                Err(error) => return self.went_away(format!("the spool cannot be read: {error}")),
            }
        } else if self.ripe() {
            let most = most.min(self.pending.len());
            (Spool::front_of(self.pending.drain(..most).collect()), false)
        } else {
            return;
        };
        if front.rows.is_empty() {
            return;
        }
        let front = Arc::new(front);
        let writing = tokio::spawn(write(Arc::clone(&self.backend), Arc::clone(&front)));
        self.flight = Some(Flight { front, spooled, since: Instant::now(), writing });
    }

    /// What would be in memory for too long goes to the disk.
    async fn shelter(&mut self) {
        if self.disk_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        // it is in front of what is pending
        if let Some(flight) = self.flight.as_ref().filter(|flight| !flight.spooled) {
            if flight.since.elapsed() < SHELTERED_AFTER {
                return;
            }
            let front = Arc::clone(&flight.front);
            if !self.spool(move |spool| spool.append(&front.rows)).await {
                return;
            }
            if let Some(flight) = &mut self.flight {
                flight.spooled = true;
            }
        }
        let behind = self.spooled > 0 || self.away.is_some();
        while behind && self.ripe() {
            let rows: Vec<Row> = self.pending.drain(..self.pending.len().min(BATCH)).collect();
            let rows = Arc::new(rows);
            let kept = Arc::clone(&rows);
            if !self.spool(move |spool| spool.append(&kept)).await {
                for row in rows.iter().rev() {
                    self.pending.push_front(row.clone());
                }
                return;
            }
        }
    }

    async fn spool(&mut self, add: impl FnOnce(&mut Spool) -> io::Result<()> + Send + 'static) -> bool {
        match self.on_disk(add).await {
            Ok(()) => {
                self.disk_at = None;
                true
            }
            Err(error) => {
                if self.disk_at.replace(Instant::now() + DISK_RETRY).is_none() {
                    tracing::error!(
                        %error,
                        "what the database does not take now cannot be put on the disk either; it is kept \
                         in memory as long as there is room"
                    );
                }
                false
            }
        }
    }

    async fn on_disk<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Spool) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let spool = Arc::clone(&self.spool);
        let work = move || work(&mut spool.lock().unwrap_or_else(PoisonError::into_inner));
        let done =
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        self.note_spool();
        done
    }

    fn note_spool(&mut self) {
        let spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        self.spooled = spool.rows();
        self.shared.spooled.store(spool.rows(), Ordering::Relaxed);
        let aside = spool.set_aside() + spool.rejected();
        self.shared.rejected.store(aside, Ordering::Relaxed);
    }

    async fn landed(&mut self, outcome: Outcome) {
        let Some(flight) = self.flight.take() else { return };
        let Outcome { done, refused, away } = outcome;
        for (row, reason) in refused {
            self.reject(row, reason).await;
        }
        if flight.spooled {
            let front = Arc::clone(&flight.front);
            if let Err(error) = self.on_disk(move |spool| spool.advance(&front, done)).await {
                tracing::error!(%error, "what is written cannot be taken out of the spool");
            }
        } else {
            for row in flight.front.rows.iter().skip(done).rev() {
                self.pending.push_front(row.clone());
            }
        }
        match away {
            Some(away) => {
                if away.silent {
                    self.batch = (self.batch / 2).max(1);
                }
                self.went_away(away.reason);
            }
            None => {
                self.batch = (self.batch * 2).min(BATCH);
                self.is_there();
            }
        }
    }

    async fn reject(&mut self, row: Row, reason: String) {
        tracing::error!(
            table = row.table.name(),
            reason,
            "the database refuses a row; it is in rejected.jsonl in the spool's folder"
        );
        if let Err(error) = self.on_disk(move |spool| spool.reject(&row, &reason)).await {
            self.shared.lose(1, &format!("rejected.jsonl cannot be written: {error}"));
        }
    }

    fn went_away(&mut self, reason: String) {
        self.retry_at = Instant::now() + self.retry_after;
        self.retry_after = (self.retry_after * 2).min(LAST_RETRY);
        let mut said = self.shared.away.lock().unwrap_or_else(PoisonError::into_inner);
        let since = said.as_ref().map_or_else(jiff::Timestamp::now, |(since, _)| *since);
        if said.is_none() {
            tracing::error!(reason, "the database is away; what is to be kept waits on the disk");
        }
        *said = Some((since, reason.clone()));
        self.away = Some(reason);
    }

    fn is_there(&mut self) {
        self.retry_after = FIRST_RETRY;
        self.disk_at = None;
        if self.away.take().is_some() {
            *self.shared.away.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::info!(rows = self.spooled, "the database is back; what waited is written");
        }
        self.shared.loss_said.store(false, Ordering::Relaxed);
    }

    /// Rows of a flight that are nowhere else.
    fn unsheltered(&self) -> usize {
        self.flight.as_ref().filter(|flight| !flight.spooled).map_or(0, |flight| flight.front.rows.len())
    }

    fn answer(&mut self) {
        let held = self.pending.len() + self.unsheltered();
        self.shared.held.store(held, Ordering::Relaxed);
        let safe = self.taken.saturating_sub(held as u64);
        let written = safe.saturating_sub(self.spooled);
        let all_safe = held == 0 && self.queue.is_empty();
        for Waiting { upto, wish, answer } in std::mem::take(&mut self.waiting) {
            let fulfilled = match wish {
                Wish::Safe => safe >= upto || all_safe,
                Wish::Written => written >= upto || (all_safe && self.spooled == 0),
            };
            let verdict = match (&self.away, wish) {
                _ if fulfilled => Ok(()),
                (Some(reason), Wish::Written) => Err(Error::Away(format!("the database is away: {reason}"))),
                (Some(reason), Wish::Safe) if self.disk_at.is_some() => {
                    Err(Error::Away(format!("the database is away, and the disk takes nothing: {reason}")))
                }
                _ => {
                    self.waiting.push(Waiting { upto, wish, answer });
                    continue;
                }
            };
            // who asked may have gone
            let _ = answer.send(verdict);
        }
    }

    fn is_over(&self) -> bool {
        let Some(deadline) = self.closing else { return false };
        let held = !self.pending.is_empty() || self.flight.is_some() || self.open;
        let done = !held && (self.spooled == 0 || self.away.is_some());
        done || Instant::now() >= deadline
    }

    /// When there is something to do that nobody tells of.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        let mut wake = self.closing.unwrap_or(now + Duration::from_secs(60));
        // no use before
        let disk_at = self.disk_at.unwrap_or(now);
        match &self.flight {
            Some(flight) if !flight.spooled => {
                wake = wake.min((flight.since + SHELTERED_AFTER).max(disk_at));
            }
            Some(_) => {}
            None if self.spooled > 0 || self.ripe() => wake = wake.min(self.retry_at),
            None => {}
        }
        if !self.pending.is_empty() && !self.ripe() {
            wake = wake.min(self.waiting_since + GATHERED_FOR);
        }
        if !self.pending.is_empty() && self.disk_at.is_some() && self.unsheltered() == 0 {
            wake = wake.min(disk_at);
        }
        wake.max(now + Duration::from_millis(1))
    }

    /// What is still in memory goes to the disk.
    async fn leave(mut self) {
        self.queue.close();
        let mut rows = Vec::new();
        if let Some(flight) = self.flight.take() {
            flight.writing.abort();
            if !flight.spooled {
                rows.extend(flight.front.rows.iter().cloned());
            }
        }
        rows.extend(self.pending.drain(..));
        while let Ok(row) = self.queue.try_recv() {
            rows.push(row);
        }
        if rows.is_empty() {
            return;
        }
        let count = rows.len() as u64;
        if let Err(error) = self.on_disk(move |spool| spool.append(&rows)).await {
            self.shared.lose(count, &format!("neither the database nor the disk takes it: {error}"));
        }
        self.shared.held.store(0, Ordering::Relaxed);
    }
}

async fn landing(flight: &mut Option<Flight>) -> Outcome {
    match flight {
        None => std::future::pending().await,
        Some(flight) => (&mut flight.writing).await.unwrap_or_else(|error| Outcome {
            away: Some(Away { reason: error.to_string(), silent: false }),
            ..Outcome::default()
        }),
    }
}

/// A batch that is refused is halved until the row is found that it is about.
async fn write<B: Backend>(backend: Arc<B>, front: Arc<Front>) -> Outcome {
    let mut outcome = Outcome::default();
    let whole = 0..front.rows.len();
    let mut parts = vec![whole];
    while let Some(part) = parts.pop() {
        let rows = front.rows.get(part.clone()).unwrap_or_default();
        match timeout(ANSWERED_WITHIN, backend.write(rows)).await {
            Ok(Ok(())) => outcome.done = part.end,
            Ok(Err(Error::Refused(reason))) => {
                if let [row] = rows {
                    outcome.refused.push((row.clone(), reason));
                    outcome.done = part.end;
                } else {
                    let middle = part.start + rows.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
            }
            Ok(Err(Error::Away(reason))) => {
                outcome.away = Some(Away { reason, silent: false });
                break;
            }
            Err(_) => {
                let reason = format!("it did not answer within {} s", ANSWERED_WITHIN.as_secs());
                outcome.away = Some(Away { reason, silent: true });
                break;
            }
        }
    }
    outcome
}
