//! Which turn a caller's words belong to (DESIGN, rule 1).
//!
//! Words that come before anything of the reply was heard go on the turn that was closed too
//! early: the reply is withdrawn and the turn comes again, as its next revision. Words that come
//! later are a new turn.

use crate::persona::{Turn, Utterance};
use crate::words::join;

#[derive(Default)]
pub(super) struct Turns {
    number: u32,
    revision: u32,
    /// the words of the turn given last, in all its revisions
    text: String,
    reply: Reply,
}

/// How far the answer to the last turn has come.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Reply {
    /// not begun, or over without having been cut short
    #[default]
    None,
    /// begun, and nothing of it heard; also when the caller's own words stopped it
    Unheard,
    Heard,
}

impl Turns {
    pub(super) fn count(&self) -> u32 {
        self.number
    }

    /// The turn that a reply which begins now belongs to.
    pub(super) fn current(&self) -> (u32, u32) {
        (self.number, self.revision)
    }

    pub(super) fn reply_begun(&mut self) {
        if self.reply == Reply::None {
            self.reply = Reply::Unheard;
        }
    }

    pub(super) fn reply_heard(&mut self) {
        self.reply = Reply::Heard;
    }

    /// Nothing of the reply is open any more, and it was not the caller who stopped it.
    pub(super) fn reply_over(&mut self) {
        if self.reply == Reply::Unheard {
            self.reply = Reply::None;
        }
    }

    /// Whether words that come now go on the last turn.
    pub(super) fn would_revise(&self) -> bool {
        self.number > 0 && self.reply == Reply::Unheard
    }

    /// The turn that these words make, together with those they go on.
    pub(super) fn close(&mut self, mut said: Utterance) -> Turn {
        if self.would_revise() {
            self.revision += 1;
            said.text = join(&self.text, &said.text);
        } else {
            self.number += 1;
            self.revision = 0;
        }
        self.text.clone_from(&said.text);
        self.reply = Reply::None;
        Turn { number: self.number, revision: self.revision, said }
    }
}
