//! The vocabulary of the contract in plain Rust: what the call, its components and whoever drives
//! it say to each other. The authority on what each word means is `wit/`; here only what Rust
//! makes of it.
//!
//! What a component asks of the network and its timers is not here: the call never sees it.

pub mod chat;
pub mod llm;
pub mod net;
pub mod persona;
pub mod stt;
pub mod tts;

use std::fmt;
use std::time::Duration;

/// Why a provider cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub cause: Cause,
    pub message: String,
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Misconfigured,
    Denied,
    Busy,
    Unreachable,
    Garbled,
    Unsupported,
}

impl Failure {
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), retry_after: None }
    }

    /// Whether the same provider may do better when it is opened again.
    pub fn is_passing(&self) -> bool {
        match self.cause {
            Cause::Busy | Cause::Unreachable | Cause::Garbled => true,
            Cause::Misconfigured | Cause::Denied | Cause::Unsupported => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = match self.cause {
            Cause::Misconfigured => "misconfigured",
            Cause::Denied => "denied",
            Cause::Busy => "busy",
            Cause::Unreachable => "unreachable",
            Cause::Garbled => "garbled",
            Cause::Unsupported => "unsupported",
        };
        write!(f, "{cause}: {}", self.message)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub unit: String,
    pub amount: u64,
}

/// A word and where it lies in its audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub start: Duration,
    pub end: Duration,
}

/// Two pieces of what somebody said, one after the other.
pub(crate) fn join(first: &str, second: &str) -> String {
    match (first.trim(), second.trim()) {
        ("", text) | (text, "") => text.to_owned(),
        (first, second) => format!("{first} {second}"),
    }
}
