//! What the script kept in an earlier call, looked up by the host.
//!
//! Every `recall` is answered once, and soon: a caller waits for it in silence. An answer that comes
//! after that is nobody's.

use super::Conversation;
use crate::Moment;
use crate::io::{Outbox, Output};
use crate::persona::{Event, Field, Id};
use std::time::Duration;

/// Who has not found it by then does not know it.
const LONGEST: Duration = Duration::from_secs(2);
const MOST: usize = 8;

impl Conversation {
    pub(super) fn recall(&mut self, now: Moment, id: Id, field: String, value: String, out: &mut Outbox) {
        if self.recalls.len() >= MOST {
            out.trouble(format!("the script recalls more than {MOST} things at once; one is not looked up"));
            return self.tell(Event::Recalled { id, fields: None }, out);
        }
        self.recalls.insert(id, now + LONGEST);
        out.push(Output::Recall { id, field, value });
    }

    /// Somebody has looked it up.
    pub(crate) fn recalled(&mut self, now: Moment, id: Id, fields: Option<Vec<Field>>, out: &mut Outbox) {
        self.now = now;
        // one that was cancelled, or took too long, has been answered
        if self.recalls.remove(&id).is_some() {
            self.tell(Event::Recalled { id, fields }, out);
        }
    }

    /// Those that take too long are answered: nothing is known.
    pub(super) fn give_up_recalls(&mut self, now: Moment, out: &mut Outbox) {
        let late: Vec<Id> = self.recalls.iter().filter(|(_, due)| **due <= now).map(|(id, _)| *id).collect();
        for id in late {
            let longest = LONGEST.as_secs();
            out.trouble(format!("what was kept earlier could not be looked up within {longest} s"));
            self.forget_recall(id, out);
        }
    }

    /// Nobody is to look it up any more: nothing is known.
    pub(super) fn forget_recall(&mut self, id: Id, out: &mut Outbox) {
        if self.recalls.remove(&id).is_some() {
            out.push(Output::CancelRecall(id));
            self.tell(Event::Recalled { id, fields: None }, out);
        }
    }

    pub(super) fn forget_recalls(&mut self, out: &mut Outbox) {
        for id in self.recalls.keys().copied().collect::<Vec<Id>>() {
            self.forget_recall(id, out);
        }
    }
}
