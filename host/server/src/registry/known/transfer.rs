//! Where the caller of a call is put through to.

use super::Known;
use serde::{Deserialize, Serialize};

/// Where a caller is to be put through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// E.164, or a name from the route's settings
    pub to: String,
    /// said to whoever picks up
    pub brief: Option<String>,
    /// the caller waits with the agent until somebody picks up
    pub warm: bool,
}

/// What comes after the stream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Next {
    Dial { number: twilio::number::Number, brief: Option<String> },
    Conference { room: String },
}

/// Somebody is being called for a caller who waits with the agent.
#[derive(Clone, Debug)]
pub struct Pending {
    /// tells it from another one
    pub name: String,
    pub brief: Option<String>,
    /// they have been told
    pub briefed: bool,
    /// of the call to them
    pub sid: Option<String>,
}

impl Known {
    /// What comes after the stream, once the conversation is over.
    pub fn set_next(&self, next: Option<Next>) {
        self.facts().next = next;
        self.changed();
    }

    pub fn next(&self) -> Option<Next> {
        self.facts().next.clone()
    }

    /// Sets who is being called for the caller, and gives who was.
    pub fn set_pending(&self, pending: Option<Pending>) -> Option<Pending> {
        std::mem::replace(&mut self.facts().pending, pending)
    }

    pub fn pending(&self) -> Option<Pending> {
        self.facts().pending.clone()
    }

    /// Whether that call is still wanted.
    pub fn set_pending_sid(&self, name: &str, sid: &str) -> bool {
        let mut facts = self.facts();
        let pending = facts.pending.as_mut().filter(|pending| pending.name == name);
        pending.map(|pending| pending.sid = Some(sid.to_owned())).is_some()
    }

    /// They hear the brief now. Whether they have heard it before.
    pub fn set_briefed(&self) -> bool {
        let mut facts = self.facts();
        facts.pending.as_mut().is_some_and(|pending| std::mem::replace(&mut pending.briefed, true))
    }
}
