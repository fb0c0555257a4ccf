//! What the caller does.

use std::path::PathBuf;
use std::time::Duration;

/// A call, from the caller's side.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The media stream: ws or wss.
    pub url: String,
    /// The stream's custom parameters.
    pub parameters: Vec<(String, String)>,
    /// One after the other; each waits until the agent has spoken and paused.
    pub steps: Vec<Step>,
    /// Where what the caller hears is written, as WAV.
    pub out: Option<PathBuf>,
    /// How long the caller waits for the agent to say something before going on, or, at the end,
    /// before hanging up.
    pub patience: Duration,
    /// The caller hangs up after this long in any case.
    pub limit: Duration,
}

impl Plan {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            parameters: Vec::new(),
            steps: Vec::new(),
            out: None,
            patience: Duration::from_secs(15),
            limit: Duration::from_secs(600),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Says this, with a synthetic voice, when the agent has finished.
    Say(String),
    /// Plays these samples (8000 Hz), when the agent has finished. `name`: for whoever reads along.
    Play { name: String, samples: Vec<i16> },
    /// Says this while the agent is speaking, a second after it began.
    Interrupt(String),
    /// Presses these keys, when the agent has finished.
    Press(String),
}
