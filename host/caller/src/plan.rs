//! What the caller does, and as whom.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A call, from the caller's side.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The media stream: ws or wss.
    pub url: String,
    /// Where to connect instead of the host that the URL names, and in plain: the way a proxy in
    /// front of a server goes that has ended the encryption. Default: none.
    pub connect_to: Option<SocketAddr>,
    /// More headers of the upgrade. Default: none.
    pub headers: Vec<(String, String)>,
    /// Default: a fresh call of nobody's account.
    pub identity: Identity,
    /// The stream's custom parameters.
    pub parameters: Vec<(String, String)>,
    /// Whether the caller says that it is one of ours, by one more parameter, so that a server on this
    /// machine takes its words and tells what it understood. Without it, it is a telephone and nothing
    /// else. Default: true.
    pub announces: bool,
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
            connect_to: None,
            headers: Vec::new(),
            identity: Identity::default(),
            parameters: Vec::new(),
            announces: true,
            steps: Vec::new(),
            out: None,
            patience: Duration::from_secs(15),
            limit: Duration::from_secs(600),
        }
    }
}

/// What the stream says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub account_sid: String,
    pub call_sid: String,
    pub stream_sid: String,
}

impl Default for Identity {
    fn default() -> Self {
        // as unlike another call's as a process and a moment can make it
        let moment = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
        Self {
            account_sid: "AC00000000000000000000000000000000".into(),
            call_sid: format!("CA{:08x}{moment:024x}", std::process::id()),
            stream_sid: "MZ00000000000000000000000000000001".into(),
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
    /// Puts the receiver down, when the agent has finished.
    HangUp,
}
