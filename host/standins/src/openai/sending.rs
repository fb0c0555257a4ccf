//! A body on its way, piece by piece, and what became of it.

use super::Seen;
use crate::serving::Kept;
use axum::body::Body;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// It was sent to its end, also if that is where it is made to break off.
    Completed,
    /// Its client went away before.
    Cancelled,
}

/// An answer in the record, from the request to its end. Dropped before its end, it was cancelled
/// by the client.
pub(super) struct Answer {
    kept: Kept<Seen>,
    kind: Kind,
    ended: bool,
}

/// What is answered; a number is its place in the record.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Completion,
    Speech(usize),
    Transcription(usize),
}

impl Answer {
    pub(super) fn new(kept: Kept<Seen>, kind: Kind) -> Self {
        Self { kept, kind, ended: false }
    }

    /// There is none, and that is not the client's doing.
    pub(super) fn withhold(&mut self) {
        self.ended = true;
    }

    fn sent(&self, piece: &Bytes) {
        if let Kind::Speech(number) = self.kind {
            self.kept.note(|seen| {
                if let Some(speech) = seen.speeches.get_mut(number) {
                    speech.audio_bytes += piece.len() as u64;
                }
            });
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.kept.note(|seen| match (self.kind, outcome) {
            (Kind::Completion, Outcome::Completed) => seen.completed += 1,
            (Kind::Completion, Outcome::Cancelled) => seen.cancelled += 1,
            (Kind::Speech(number), _) => {
                if let Some(speech) = seen.speeches.get_mut(number) {
                    speech.outcome = Some(outcome);
                }
            }
            (Kind::Transcription(number), _) => {
                if let Some(transcription) = seen.transcriptions.get_mut(number) {
                    transcription.outcome = Some(outcome);
                }
            }
        });
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

pub(super) struct Sending {
    pub(super) pieces: VecDeque<Bytes>,
    /// The connection breaks instead of ending.
    pub(super) breaks: bool,
    /// It neither goes on nor ends.
    pub(super) hangs: bool,
    /// Before the next piece.
    pub(super) delay: Duration,
    /// Before each one after it.
    pub(super) delay_between: Duration,
    pub(super) answer: Answer,
}

impl Sending {
    pub(super) fn body(self) -> Body {
        Body::from_stream(futures_util::stream::unfold(self, Self::next))
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        self.delay = self.delay_between;
        let piece = self.pieces.pop_front();
        if piece.is_none() && self.hangs {
            // until its client goes
            return std::future::pending().await;
        }
        if let Some(piece) = &piece {
            self.answer.sent(piece);
        }
        if piece.is_none() || (self.pieces.is_empty() && !self.breaks && !self.hangs) {
            self.answer.end(Outcome::Completed);
        }
        match piece {
            Some(piece) => Some((Ok(piece), self)),
            None if std::mem::take(&mut self.breaks) => {
                // what was said before must be on the wire when the connection breaks
                tokio::task::yield_now().await;
                Some((Err(io::Error::other("the connection is to break here")), self))
            }
            None => None,
        }
    }
}
