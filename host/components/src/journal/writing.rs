//! The journal of a call that goes on. What is written goes to a [`Sink`], which must not wait; once it
//! cannot take a piece, the journal takes no more, and says at its end that it is not whole.

use super::format::{Began, Bytes, Came, Component, NAME, Opened, Record, Snapshot, Told, VERSION, framed};
use crate::component::Generation;
use crate::egress::SessionId;
use crate::session::Fault;
use call::Moment;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a journal goes. It is dropped when nothing more will come.
pub trait Sink: Send + Sync {
    /// Takes the next piece of the file, at once. False: it cannot, and the journal is not whole.
    fn take(&self, piece: Vec<u8>) -> bool;
}

/// The journal of one call. It ends with its last handle.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    sink: Box<dyn Sink>,
    whole: AtomicBool,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a journal, whole: {}", self.inner.whole.load(Ordering::Relaxed))
    }
}

impl Journal {
    pub fn new(sink: impl Sink + 'static) -> Self {
        Self { inner: Arc::new(Inner { sink: Box::new(sink), whole: AtomicBool::new(true) }) }
    }

    pub(crate) fn begin(&self, call: &str, at: u64, seed: u64) {
        self.inner.take([NAME, &[VERSION]].concat());
        let host = env!("CARGO_PKG_VERSION").into();
        self.inner.write(&Record::Began(Began { host, call: call.into(), at, seed }));
    }

    pub(crate) fn session(&self, id: SessionId) -> Pages {
        Pages { journal: self.clone(), session: id.0 }
    }
}

impl Inner {
    fn write(&self, record: &Record<'_>) {
        if self.whole.load(Ordering::Relaxed) {
            match framed(record) {
                Some(piece) => self.take(piece),
                None => self.whole.store(false, Ordering::Relaxed),
            }
        }
    }

    fn take(&self, piece: Vec<u8>) {
        if !self.sink.take(piece) {
            self.whole.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let whole = self.whole.load(Ordering::Relaxed);
        if let Some(piece) = framed(&Record::Ended { whole }) {
            self.take(piece);
        }
    }
}

/// What one session has in the journal of its call. It ends with the session.
pub(crate) struct Pages {
    journal: Journal,
    session: u64,
}

impl Pages {
    /// `settings`, `opening`: what it was opened with.
    pub(crate) fn opened(
        &self,
        now: Moment,
        generation: &Generation,
        settings: &str,
        opening: Bytes<'_>,
        result: Result<(), &Fault>,
    ) {
        let manifest = &generation.artifact.manifest;
        let component = Component {
            kind: manifest.kind,
            id: manifest.id.as_str().into(),
            name: generation.id().into(),
            version: manifest.version.as_str().into(),
            hash: generation.artifact.hash.as_str().into(),
        };
        self.journal.inner.write(&Record::Opened(Opened {
            at: milliseconds(now),
            session: self.session,
            component,
            limits: generation.grant.limits,
            sound: manifest.audio,
            settings: settings.into(),
            opening,
            came: Came::of(result),
        }));
    }

    /// `events`: what it was told.
    pub(crate) fn told<T: Serialize>(&self, now: Moment, events: Bytes<'_>, result: Result<&T, &Fault>) {
        let (at, session) = (milliseconds(now), self.session);
        self.journal.inner.write(&Record::Told(Told { at, session, events, came: Came::of(result) }));
    }

    pub(crate) fn snapshot(&self, now: Moment, result: Result<&Option<String>, &Fault>) {
        let (at, session) = (milliseconds(now), self.session);
        self.journal.inner.write(&Record::Snapshot(Snapshot { at, session, came: Came::of(result) }));
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.journal.inner.write(&Record::Closed { session: self.session });
    }
}

fn milliseconds(now: Moment) -> u64 {
    u64::try_from(now.elapsed().as_millis()).unwrap_or(u64::MAX)
}
