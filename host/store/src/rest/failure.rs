//! What can go wrong, sorted by what to do about it.
//!
//! Sources: PostgREST 13, "Errors"; PostgreSQL, "Error codes".

use crate::backend::Error;
use reqwest::StatusCode;
use serde_json::Value;
use std::error::Error as _;

#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) why: Why,
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nobody is there, or has time.
    Away,
    /// The key is none, or may not.
    Key,
    /// Nobody at this address knows what is asked.
    Address,
    /// A table is not there.
    Table,
    /// A column or a key of a table is not there.
    Column,
    /// What was to be written or asked cannot be.
    Refused,
}

impl Failure {
    pub(super) fn away(doing: &str, reason: &str) -> Self {
        Self { why: Why::Away, said: format!("{doing}: {reason}") }
    }

    /// Of a response that is no success.
    pub(super) fn refused(doing: &str, status: StatusCode, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        let code = text("code");
        let why = why(status, code);
        let mut said = format!("{doing}: it says {}", status.as_u16());
        // a whole row, with what somebody said in it, is not for a log
        let details = Some(text("details")).filter(|details| !details.starts_with("Failing row"));
        for part in [code, text("message"), details.unwrap_or_default()] {
            if !part.is_empty() {
                said = format!("{said} {}", part.trim_end_matches('.'));
            }
        }
        if let Some(advice) = advice(why) {
            said = format!("{said}; {advice}");
        }
        Self { why, said }
    }

    /// Whatever the server quotes.
    pub(super) fn without(self, key: &str) -> Self {
        Self { said: self.said.replace(key, "(the key)"), ..self }
    }

    pub(super) fn said(self) -> String {
        self.said
    }
}

fn why(status: StatusCode, code: &str) -> Why {
    match (status.as_u16(), code) {
        (_, "PGRST205" | "42P01") => Why::Table,
        (_, "PGRST204" | "42703" | "42P10") => Why::Column,
        // a full disk makes the database read-only, until somebody has made room
        (_, "25006") => Why::Away,
        // some of what no repetition mends has a status of 500 all the same
        (_, code) if ["21", "22", "23", "54", "P0001"].iter().any(|class| code.starts_with(class)) => {
            Why::Refused
        }
        (401 | 403, _) => Why::Key,
        (300..=399 | 404 | 405, _) => Why::Address,
        (402 | 408 | 425 | 429 | 500.., _) => Why::Away,
        _ => Why::Refused,
    }
}

fn advice(why: Why) -> Option<&'static str> {
    match why {
        Why::Away | Why::Refused => None,
        Why::Key => Some("check that the key is the project's secret one (sb_secret_… or service_role)"),
        Why::Address => Some("check that the URL is the project's, like https://REF.supabase.co"),
        Why::Table | Why::Column => {
            Some("run the migrations in the project's SQL editor, and have its schema public exposed")
        }
    }
}

/// Only what was asked or written can be refused for good. Everything else somebody may mend, and then
/// the same works.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure.why {
            Why::Refused => Self::Refused(failure.said),
            Why::Away | Why::Key | Why::Address | Why::Table | Why::Column => Self::Away(failure.said),
        }
    }
}

/// With all its causes, and without the URL, which may hold what somebody said.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    reason
}
