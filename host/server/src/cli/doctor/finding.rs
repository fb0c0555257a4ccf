//! What was looked at, what was found, and what to do about it.

use std::fmt;

pub struct Finding {
    pub state: State,
    what: &'static str,
    found: String,
    /// what to do
    advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    /// calls are possible, and something about them may surprise
    Warn,
    /// calls will fail
    Wrong,
    /// there is nothing to look at
    None,
}

impl Finding {
    pub fn ok(what: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Ok, what, found: found.into(), advice: None }
    }

    pub fn warn(what: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Warn, ..Self::ok(what, found) }
    }

    pub fn wrong(what: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Wrong, ..Self::ok(what, found) }
    }

    pub fn none(what: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::None, ..Self::ok(what, found) }
    }

    /// The same, of one among several.
    pub fn of(self, whose: &str) -> Self {
        Self { found: format!("{whose}: {}", self.found), ..self }
    }

    pub fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Wrong => "WRONG",
            State::None => "–",
        };
        write!(f, "{state:<6} {:<21} {}", self.what, self.found)?;
        match &self.advice {
            Some(advice) => write!(f, "\n{:<6} → {advice}", ""),
            None => Ok(()),
        }
    }
}
