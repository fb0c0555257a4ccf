//! A call as words: Twilio's part of a session of ConversationRelay, and the caller behind it.
//!
//! There is no sound. What the agent sends is spoken at a pace that the plan gives, character by
//! character, so that a caller can cut in on it and the agent is told how far it came; what the caller
//! says is sent as a recogniser would have understood it.
//!
//! Where Twilio's documentation has no answer, this is chosen:
//! - A caller waits until a talk cycle is over (`last`) and nothing was sent for a moment. While a cycle
//!   has begun and its end was not sent, the agent is speaking, also if it is out of words.
//! - A caller who cuts in does so when 16 characters of a cycle were spoken, or the half of a shorter one;
//!   without a pace, when anything was, and if all was spoken already, there is nothing to cut.
//! - Who cuts in ends everything that was sent by then. What comes afterwards is spoken, also where it
//!   belongs to the same talk cycle.
//! - What is said or pressed while the agent must not be interrupted is lost, unless
//!   `reportInputDuringAgentSpeech` wants it.
//! - A sound (`play`) takes no time, and is not fetched.
//! - `end` ends the session at once: what was not spoken by then is not spoken.
//! - `agentSpeaking` is told at the beginning of a talk cycle and at its end, `tokensPlayed` for each
//!   text that was spoken.

mod session;
mod talk;
mod wire;

use crate::line::{CallError, Leave, Told};
use crate::plan::{Step, Typed};
use session::Session;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use twilio::relay::Setup;
use wire::Wire;

/// A session, from Twilio's side.
#[derive(Clone, Debug)]
pub struct Plan {
    /// ws or wss; a query may be in it.
    pub url: String,
    /// Where to connect instead, in plain. Default: none.
    pub connect_to: Option<SocketAddr>,
    /// More headers of the upgrade. Default: none.
    pub headers: Vec<(String, String)>,
    /// The first message. Default: a fresh call of nobody's account.
    pub setup: Setup,
    pub options: Options,
    /// One after the other; each waits until the agent has spoken.
    pub steps: Vec<Step>,
    /// More steps, while the session goes on. Default: none.
    pub typed: Option<Typed>,
    /// How long it takes to speak one character; 0: everything is spoken at once. Default: 60 ms.
    pub pace: Duration,
    /// How long it is quiet after what the agent said before the caller takes it for finished.
    /// Default: 800 ms.
    pub pause: Duration,
    /// How long the caller waits for the agent before going on, or, at the end, before hanging up.
    pub patience: Duration,
    /// The caller hangs up after this long in any case.
    pub limit: Duration,
}

impl Plan {
    pub fn new(url: impl Into<String>) -> Self {
        let identity = crate::plan::Identity::default();
        let text = |text: &str| Some(text.to_owned());
        let setup = Setup {
            session_id: Some(identity.call_sid.replacen("CA", "VX", 1)),
            account_sid: Some(identity.account_sid),
            call_sid: Some(identity.call_sid),
            parent_call_sid: text(""),
            from: text("+15555550199"),
            to: text("+15555550100"),
            forwarded_from: text(""),
            call_type: text("PSTN"),
            caller_name: text(""),
            direction: text("inbound"),
            call_status: text("RINGING"),
            ..Setup::default()
        };
        Self {
            url: url.into(),
            connect_to: None,
            headers: Vec::new(),
            setup,
            options: Options::default(),
            steps: Vec::new(),
            typed: None,
            pace: Duration::from_millis(60),
            pause: Duration::from_millis(800),
            patience: Duration::from_secs(15),
            limit: Duration::from_secs(600),
        }
    }
}

/// What cuts the agent short, or is told while it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    pub speech: bool,
    pub keys: bool,
}

impl Inputs {
    pub const ANY: Self = Self { speech: true, keys: true };
    pub const NONE: Self = Self { speech: false, keys: false };

    fn of(text: Option<&str>, default: Self) -> Self {
        match text {
            Some("any" | "true") => Self::ANY,
            Some("speech") => Self { speech: true, keys: false },
            Some("dtmf") => Self { speech: false, keys: true },
            Some("none" | "false") => Self::NONE,
            _ => default,
        }
    }
}

/// What the attributes of `<ConversationRelay>` say, as far as it concerns a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What the caller speaks. Default: `en-US`.
    pub language: String,
    /// Said by Twilio, as the first talk cycle. Default: none.
    pub greeting: Option<String>,
    /// What cuts the greeting. Default: any.
    pub greeting_cut_by: Inputs,
    /// What cuts everything else that may be cut. Default: any.
    pub cut_by: Inputs,
    /// What is told though it cuts nothing. Default: none.
    pub told_while_speaking: Inputs,
    /// Default: false.
    pub partial_prompts: bool,
    /// Keys are told. Default: false.
    pub dtmf_detection: bool,
    /// `info` about who speaks. Default: false.
    pub speaker_events: bool,
    /// `info` about what was spoken. Default: false.
    pub tokens_played: bool,
}

impl Options {
    /// Of attributes with Twilio's names. What they do not say has its default.
    pub fn of<'a>(attribute: impl Fn(&str) -> Option<&'a str>) -> Self {
        let is_true = |name| attribute(name) == Some("true");
        let has = |event| attribute("events").is_some_and(|all| all.split(' ').any(|one| one == event));
        let language = attribute("transcriptionLanguage").or_else(|| attribute("language"));
        let greeting = attribute("welcomeGreeting").filter(|greeting| !greeting.is_empty());
        Self {
            language: language.unwrap_or("en-US").to_owned(),
            greeting: greeting.map(str::to_owned),
            greeting_cut_by: Inputs::of(attribute("welcomeGreetingInterruptible"), Inputs::ANY),
            cut_by: Inputs::of(attribute("interruptible"), Inputs::ANY),
            told_while_speaking: Inputs::of(attribute("reportInputDuringAgentSpeech"), Inputs::NONE),
            partial_prompts: is_true("partialPrompts"),
            dtmf_detection: is_true("dtmfDetection"),
            speaker_events: has("speaker-events"),
            tokens_played: has("tokens-played"),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::of(|_| None)
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server ended it, with `end`.
    Ended { handoff: Option<String> },
    /// The server closed the socket.
    Closed,
    /// The connection went without being closed.
    Dropped,
    /// So much was not understood that Twilio closed it.
    Malformed,
    /// The caller hung up.
    Caller,
}

/// How a session went.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub ending: Ending,
    /// Whether anything was heard of the agent.
    pub heard: bool,
    /// steps of the plan that were not reached
    pub left: usize,
    /// Messages that Twilio would have refused (64107); only the first of many.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// Why it did not go well; none: it did.
    pub fn problem(&self) -> Option<String> {
        match &self.ending {
            Ending::Dropped => Some("the connection was dropped".into()),
            Ending::Malformed => Some("too many messages were not understood".into()),
            _ if !self.heard => Some("nothing was heard of the agent".into()),
            _ if self.left > 0 => Some(format!("the call ended with {} steps left", self.left)),
            _ => self.warnings.first().map(|first| format!("a message was not understood: {first}")),
        }
    }
}

/// Opens the session and sees it through.
pub async fn call(plan: Plan, tell: impl FnMut(Told)) -> Result<Outcome, CallError> {
    call_until(plan, tell, std::future::pending()).await
}

/// The same, but the caller goes when `leave` says so.
pub async fn call_until(
    plan: Plan,
    mut tell: impl FnMut(Told),
    leave: impl Future<Output = Leave>,
) -> Result<Outcome, CallError> {
    let mut leave = pin!(leave);
    let wire = tokio::select! {
        wire = Wire::connect(&plan) => wire?,
        leave = &mut leave => {
            let left = plan.steps.len();
            return Ok(Outcome { ending: leave.into(), heard: false, left, warnings: Vec::new() });
        }
    };
    tell(Told::Connected { url: plan.url.clone() });
    Session::new(plan, wire).run(&mut tell, leave).await
}

impl From<Leave> for Ending {
    fn from(leave: Leave) -> Self {
        match leave {
            Leave::HangUp => Self::Caller,
            Leave::Drop => Self::Dropped,
        }
    }
}
