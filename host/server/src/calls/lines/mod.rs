//! What a call is held over, as its driver sees it: something that happens comes in, and what the call
//! wants goes out, in whatever way Twilio carries it.
//!
//! - `socket.rs`: what has a socket
//! - `stream.rs`: a media stream, which carries sound
//! - `relay.rs`: ConversationRelay, which carries words
//! - `gather.rs`: `<Gather>` and `<Say>`, which carry words turn by turn, in webhooks and their answers

mod gather;
mod relay;
mod socket;
mod stream;

pub use gather::{Asked, GatherLine, Heard, Reply, TURN};
pub use relay::RelaySocket;
pub use stream::StreamSocket;

use crate::config::LineKind;
use audio::dtmf::Press;
use call::persona::Utterance;
use call::text;
use components::LineAbilities;
use std::collections::BTreeMap;
use std::time::Duration;
use twilio::receiving::Received;
use twilio::stream::Own;

/// One character takes so long at an unhurried pace: what is thought to have been heard was heard.
const PACE: Duration = Duration::from_millis(75);

/// What a line says of its call as it begins.
#[derive(Clone, Debug, Default)]
pub struct Begun {
    pub account_sid: Option<String>,
    pub call_sid: Option<String>,
    pub parameters: BTreeMap<String, String>,
}

/// The line of one call.
// there is one of them for each call
#[allow(clippy::large_enum_variant)]
pub enum CallLine {
    Stream(StreamSocket),
    Relay(RelaySocket),
    Gather(GatherLine),
}

/// What comes over a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// the caller's sound, µ-law
    Audio(Vec<u8>),
    Key(char),
    /// what was sent up to this mark was played
    Mark(String),
    /// words along with the sound
    Said {
        text: String,
        last: bool,
    },
    /// on a line of words
    Text(text::Input),
    /// the caller hung up
    Stopped,
    /// nothing has come of what was asked for, for too long
    Stuck,
}

impl Happened {
    pub fn prompt(text: String, language: Option<String>, confidence: f32, last: bool) -> Self {
        Self::Text(text::Input::Prompt { said: Utterance { text, confidence, language }, last })
    }
}

impl CallLine {
    pub fn kind(&self) -> LineKind {
        match self {
            Self::Stream(_) => LineKind::Stream,
            Self::Relay(_) => LineKind::Relay,
            Self::Gather(_) => LineKind::Gather,
        }
    }

    /// Words that come along with the sound are taken.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Stream(stream) if stream.local)
    }

    /// What comes next; none: the far end is gone. Can be dropped and called again.
    pub async fn next(&mut self) -> Option<Vec<Happened>> {
        match self {
            Self::Stream(stream) => Some(stream.next().await?.into_iter().filter_map(of_stream).collect()),
            Self::Relay(relay) => relay.next().await,
            Self::Gather(gather) => Some(gather.next().await),
        }
    }

    // -- out; what cannot be sent is known from the next read

    pub async fn media(&mut self, audio: &[u8]) {
        if let Self::Stream(stream) = self {
            stream.media(audio).await;
        }
    }

    pub async fn mark(&mut self, name: &str) {
        if let Self::Stream(stream) = self {
            stream.mark(name).await;
        }
    }

    pub async fn clear(&mut self) {
        if let Self::Stream(stream) = self {
            stream.clear().await;
        }
    }

    /// A message that only a far end of ours understands.
    pub async fn own(&mut self, message: impl FnOnce(String) -> Own) {
        if let Self::Stream(stream) = self {
            stream.own(message).await;
        }
    }

    pub async fn words(&mut self, output: text::Output) {
        match self {
            Self::Stream(_) => {}
            Self::Relay(relay) => relay.words(output).await,
            Self::Gather(gather) => gather.words(output),
        }
    }

    /// Sends what was given since the last time. `busy`: more may follow without the caller.
    pub async fn flush(&mut self, busy: bool) {
        match self {
            Self::Stream(stream) => stream.flush().await,
            Self::Relay(relay) => relay.flush().await,
            Self::Gather(gather) => gather.settle(busy),
        }
    }

    /// Nothing is sent after this; the line is closed once the call is over.
    pub fn closes(&mut self) {
        if let Self::Gather(gather) = self {
            gather.closes();
        }
    }

    /// The far end cannot be reached any more.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_gone(),
            Self::Relay(relay) => relay.is_gone(),
            // it asks again, or has gone
            Self::Gather(_) => false,
        }
    }

    /// The call is over. `handoff`: what became of it, for whoever Twilio asks what follows.
    pub async fn close(self, handoff: String) {
        match self {
            Self::Stream(stream) => stream.close().await,
            Self::Relay(relay) => relay.close(handoff).await,
            Self::Gather(gather) => gather.close(),
        }
    }

    /// It is not wanted, and why.
    pub async fn refuse(self, why: &'static str) {
        match self {
            Self::Stream(stream) => stream.refuse(why).await,
            Self::Relay(relay) => relay.refuse(why).await,
            Self::Gather(gather) => gather.close(),
        }
    }
}

/// What the socket has not dealt with itself.
fn of_stream(received: Received) -> Option<Happened> {
    Some(match received {
        Received::Audio(audio) => Happened::Audio(audio),
        Received::Key(key) => Happened::Key(key),
        Received::Mark(name) => Happened::Mark(name),
        Received::Said { text, last } => Happened::Said { text, last },
        Received::Stopped => Happened::Stopped,
        // the socket has logged what was wrong
        Received::Started(_) | Received::Wrong(_) => return None,
    })
}

/// What the far end of a line of words is like; none: the line carries sound.
pub fn settings(line: LineKind) -> Option<text::Settings> {
    let words = text::Settings { pace: PACE, keys: true, ..text::Settings::default() };
    match line {
        LineKind::Stream => None,
        // what is sent cuts off what is spoken, so that it can be stopped
        LineKind::Relay => {
            Some(text::Settings { lag: Duration::from_millis(700), one_at_a_time: true, ..words })
        }
        // an answer waits until there is a request
        LineKind::Gather => {
            Some(text::Settings { lag: Duration::from_millis(500), says_when: true, ..words })
        }
    }
}

/// What a persona may know of it. `updates`: Twilio can be told about a call that is under way.
pub fn abilities(line: LineKind, updates: bool) -> LineAbilities {
    LineAbilities {
        hears_audio: !line.is_text(),
        speaks_audio: !line.is_text(),
        can_speak_unasked: line != LineKind::Gather || updates,
        can_send_digits: true,
    }
}

/// Keys as Twilio presses them: those that it does not have (A to D) are left out.
fn keys(presses: &[Press]) -> String {
    let key = |press: &Press| match press {
        Press::Digit(digit) => Some(char::from(*digit)).filter(|key| !key.is_ascii_alphabetic()),
        Press::Pause => Some('w'),
    };
    presses.iter().filter_map(key).collect()
}
