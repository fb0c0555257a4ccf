//! What is kept of calls: where, for how long, and what not.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite://file`, `postgres://…`, `none`; unset: Supabase, where its variables are set, or a file
    /// of SQLite beside the recordings. With a password in it, it is better a variable: DATABASE_URL.
    pub database: Option<String>,
    /// Where what is to be kept waits while the database is away; it is made where it is missing.
    pub spool: PathBuf,
}

impl Default for Store {
    fn default() -> Self {
        Self { database: None, spool: "spool".into() }
    }
}

/// In days after a call began; unset: for ever.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub recordings_days: Option<u32>,
    /// what was said, word for word
    pub transcripts_days: Option<u32>,
    /// what happened besides
    pub events_days: Option<u32>,
    /// everything of a conversation, its recording and its journal too
    pub conversations_days: Option<u32>,
    /// by the age of their files, whether there is a database or not
    pub journals_days: Option<u32>,
}

impl Retention {
    /// All that a database knows the age of.
    pub fn is_for_ever(&self) -> bool {
        let all = [self.recordings_days, self.transcripts_days, self.events_days, self.conversations_days];
        all.iter().all(Option::is_none)
    }
}

/// What is taken out of everything that is said, before anybody sees or keeps it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redaction {
    /// numbers of payment cards
    pub cards: bool,
    /// regular expressions
    pub patterns: Vec<String>,
}

impl Default for Redaction {
    fn default() -> Self {
        Self { cards: true, patterns: Vec::new() }
    }
}
