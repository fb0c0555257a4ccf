//! What the caller does, and as whom.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

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

/// Steps that come while the call goes on, for instance from somebody who types: each is done at once,
/// and cuts in if the agent is speaking. For as long as more may come, the caller does not lose patience.
///
/// One queue, also where it is cloned.
#[derive(Clone, Debug)]
pub struct Typed(Arc<Mutex<mpsc::Receiver<Step>>>);

impl Typed {
    /// Where the steps go, and what a plan has of it. They end when the first is dropped.
    pub fn new() -> (mpsc::Sender<Step>, Self) {
        let (sender, steps) = mpsc::channel(16);
        (sender, Self(Arc::new(Mutex::new(steps))))
    }

    /// The next one; none: no more will come. Can be dropped and called again.
    pub(crate) async fn next(&self) -> Option<Step> {
        self.0.lock().await.recv().await
    }
}

/// So long after that, or, where nobody can wait so long, as late as makes no difference.
pub(crate) fn after(moment: Instant, time: Duration) -> Instant {
    const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    moment + time.min(LONGEST)
}

/// What a recogniser has understood of this while it is being said: beginnings of it that grow, without
/// the whole.
pub fn partials(words: &str) -> Vec<&str> {
    let ends: Vec<usize> = words
        .match_indices(char::is_whitespace)
        .map(|(end, _)| end)
        .filter(|&end| !words.get(..end).unwrap_or_default().trim().is_empty())
        .collect();
    // the first word, and about half
    let mut wanted = vec![ends.first(), ends.get(ends.len() / 2)];
    wanted.dedup();
    wanted.into_iter().flatten().filter_map(|&end| words.get(..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partials_are_beginnings_that_grow() {
        assert_eq!(partials("My soup was cold today."), ["My", "My soup was"]);
        assert_eq!(partials("Thank you."), ["Thank"]);
        assert_eq!(partials("Yes."), [""; 0]);
        assert_eq!(partials(" \u{e9}t\u{e9} 1"), [" \u{e9}t\u{e9}"]);
    }
}
