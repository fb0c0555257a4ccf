//! TwiML: what answers Twilio's webhooks, a list of verbs that Twilio carries out one after the other.
//!
//! Source: Twilio, "TwiML for Programmable Voice"; the attributes are those of twilio-python 9.13. Only
//! what we answer with is here. What is `None` is not written, and has Twilio's default. Times are
//! written in whole seconds, rounded up. What XML cannot hold (control characters) is left out.
//!
//! ```
//! use twilio::twiml::{Parameter, Response, Stream};
//!
//! let mut stream = Stream::new("wss://agent.example.com/ws");
//! stream.parameters.push(Parameter::new("direction", "inbound")?);
//! let twiml = Response::new().connect(stream).redirect("https://agent.example.com/after").to_string();
//! # assert!(twiml.contains("<Redirect>https://agent.example.com/after</Redirect>"));
//! # Ok::<(), twilio::twiml::ParameterError>(())
//! ```

mod write;

use crate::number::Number;
use std::fmt;
use std::time::Duration;

/// Name and value of a `<Parameter>` together, in characters. Twilio takes no longer one.
pub const LONGEST_PARAMETER: usize = 500;

/// A document. One without verbs hangs up; so does one whose verbs are done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    verbs: Vec<Verb>,
}

#[derive(Clone, Debug, PartialEq)]
enum Verb {
    Connect(Box<Connect>),
    Gather(Box<Gather>),
    Say(Say),
    Play(String),
    Keys(String),
    Pause(Duration),
    Redirect(Address),
    Dial(Box<Dial>),
    Reject(Reason),
    Hangup,
}

/// Gives the call to a stream in both directions, or to ConversationRelay. What comes next is carried
/// out when that was closed by us, or could not be opened: the `action`, or the next verb.
#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    pub to: Connected,
    pub action: Option<Address>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Connected {
    Stream(Stream),
    Relay(Box<Relay>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// `wss`, and without a query: what there is to say goes into the parameters.
    pub url: String,
    /// Unique in its call.
    pub name: Option<String>,
    pub status_callback: Option<Address>,
    /// They come back in the `start` of the stream.
    pub parameters: Vec<Parameter>,
}

/// ConversationRelay: Twilio recognises and speaks, and exchanges words with us.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relay {
    /// `wss`
    pub url: String,
    /// Attributes by the names that Twilio gives them: `language`, `voice`, `ttsProvider`. Those that
    /// are nobody's choice are not among [`RELAY_ATTRIBUTES`].
    pub attributes: Vec<(String, String)>,
    /// They come back in the `setup` of the session.
    pub parameters: Vec<Parameter>,
}

/// What may be chosen of a [`Relay`].
pub const RELAY_ATTRIBUTES: [&str; 35] = [
    "asrSmartFormat",
    "backgroundNoiseReduction",
    "deepgramSmartFormat",
    "eagerEotThreshold",
    "echoPromptFiltering",
    "elevenlabsLanguageTextNormalization",
    "elevenlabsTextNormalization",
    "eotThreshold",
    "hints",
    "ignoreBackchannel",
    "includeInPrompt",
    "intelligenceService",
    "interruptSensitivity",
    "interruptible",
    "language",
    "partialPromptOnHangup",
    "profanityFilter",
    "reportInputDuringAgentSpeech",
    "speechModel",
    "speechTimeout",
    "transcriptionLanguage",
    "transcriptionProvider",
    "ttsLanguage",
    "ttsLanguageTextNormalization",
    "ttsProvider",
    "ttsTextNormalization",
    "turnDetection",
    "voice",
    "welcomeGreeting",
    "welcomeGreetingInterruptible",
    "conversationConfiguration",
    "customerName",
    "debug",
    "applicationReconnect",
    "preemptible",
];

/// Asks the caller for words or keys, while it says something or in silence. What they were is told to
/// the `action`, where the call goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Gather {
    pub action: Address,
    /// Words are listened for.
    pub speech: bool,
    /// Keys are.
    pub keys: bool,
    /// What is said meanwhile: what the caller says cuts it short.
    pub prompt: Vec<Prompt>,
    /// How long the caller may be silent after it: 5 s, if nothing is said.
    pub timeout: Option<Duration>,
    /// How long a pause ends what the caller says: as `timeout`, if nothing is said.
    pub speech_timeout: Option<SpeechTimeout>,
    /// The longest that the caller may speak.
    pub max_speech: Option<Duration>,
    pub speech_model: Option<String>,
    /// `en-GB`
    pub language: Option<String>,
    /// Words to be expected.
    pub hints: Vec<String>,
    pub profanity_filter: Option<bool>,
    /// So many keys are all.
    pub digits: Option<u32>,
    /// This key says that it was all; empty: none does. `#`, if nothing is said.
    pub finish_on_key: Option<String>,
    /// Told of the caller's words while they are being said.
    pub partial: Option<Address>,
    /// The action is also asked where nothing came.
    pub on_empty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechTimeout {
    /// Twilio decides. Not with the speech model `default` (13335).
    Auto,
    /// Of whole seconds, at least one.
    After(Duration),
}

/// Something that is heard.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    Say(Say),
    Pause(Duration),
}

/// A name and a value that are not too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    name: String,
    value: String,
}

/// Refused rather than cut or left out: whoever asked for the parameter can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    #[error("a parameter of a stream without a name; give it one")]
    NoName,
    #[error(
        "the parameter {name:?} of a stream has {length} characters, name and value together; Twilio \
         takes {LONGEST_PARAMETER}: shorten it, or pass an id and keep the text here"
    )]
    TooLong { name: String, length: usize },
}

/// A URL of ours, and how Twilio is to request it: `POST`, if nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub url: String,
    pub method: Option<Method>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// Twilio's own voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    pub text: String,
    /// As Twilio names it: `Polly.Joanna`, `Google.en-US-Standard-C`.
    pub voice: Option<String>,
    /// `en-GB`
    pub language: Option<String>,
}

/// How a call that is not answered sounds to the caller. It costs nothing, and must come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Out of service.
    Rejected,
    Busy,
}

/// Connects the caller to somebody else. Without an action, the next verb follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Dial {
    pub to: Target,
    /// One that the account owns, or the caller's own; the caller's, if nothing is said.
    pub caller_id: Option<Number>,
    /// Asked what to do when the other has hung up or was not reached; see
    /// [`DialResult`](crate::webhook::DialResult).
    pub action: Option<Address>,
    /// How long it rings: 30 s, if nothing is said.
    pub timeout: Option<Duration>,
    /// The longest that the two may talk.
    pub time_limit: Option<Duration>,
    /// The caller's own call is answered only when the other answers. Of use if it was not answered yet.
    pub answer_on_bridge: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Number(Callee),
    Conference(Conference),
}

/// A telephone.
#[derive(Clone, Debug, PartialEq)]
pub struct Callee {
    pub number: Number,
    /// Answers with what is said to the callee alone, before the two are connected.
    pub whisper: Option<Address>,
    /// Keys that are pressed once it is answered: `wwww1#`.
    pub send_digits: Option<String>,
    /// Told of `initiated`, `ringing`, `answered` and `completed`.
    pub status_callback: Option<Address>,
}

/// A room, which is there as long as somebody is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Conference {
    /// Whoever dials the same name is in the same room.
    pub name: String,
    /// Whether it begins when this one comes: true, if nothing is said. Until then, who waits hears
    /// music.
    pub start_on_enter: Option<bool>,
    /// Whether it is over when this one goes: false, if nothing is said.
    pub end_on_exit: Option<bool>,
    pub beep: Option<Beep>,
    /// What who waits hears: TwiML with `<Play>`, or sound. An empty URL is silence.
    pub wait: Option<Address>,
    pub most_participants: Option<u32>,
    /// A name for this one, by which REST finds it.
    pub participant: Option<String>,
    /// Told of the [`events`](Self::events).
    pub status_callback: Option<Address>,
    pub events: Vec<ConferenceEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beep {
    Always,
    OnEnter,
    OnExit,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConferenceEvent {
    Start,
    End,
    Join,
    Leave,
    Mute,
    Hold,
}

impl Response {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn connect(self, connect: impl Into<Connect>) -> Self {
        self.with(Verb::Connect(Box::new(connect.into())))
    }

    pub fn say(self, say: impl Into<Say>) -> Self {
        self.with(Verb::Say(say.into()))
    }

    /// The URL of a sound.
    pub fn play(self, url: impl Into<String>) -> Self {
        self.with(Verb::Play(url.into()))
    }

    /// Keys that are pressed: `0-9 * # w`, where `w` is half a second.
    pub fn press(self, keys: impl Into<String>) -> Self {
        self.with(Verb::Keys(keys.into()))
    }

    pub fn gather(self, gather: Gather) -> Self {
        self.with(Verb::Gather(Box::new(gather)))
    }

    pub fn pause(self, length: Duration) -> Self {
        self.with(Verb::Pause(length))
    }

    /// Goes on with the document that is there. What follows is never reached.
    pub fn redirect(self, address: impl Into<Address>) -> Self {
        self.with(Verb::Redirect(address.into()))
    }

    pub fn dial(self, dial: impl Into<Dial>) -> Self {
        self.with(Verb::Dial(Box::new(dial.into())))
    }

    pub fn reject(self, reason: Reason) -> Self {
        self.with(Verb::Reject(reason))
    }

    pub fn hangup(self) -> Self {
        self.with(Verb::Hangup)
    }

    fn with(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }
}

/// The document.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write::document(self))
    }
}

impl Stream {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), name: None, status_callback: None, parameters: Vec::new() }
    }
}

impl Gather {
    /// Listens for words and keys, and asks `action` in any case.
    pub fn new(action: impl Into<Address>) -> Self {
        Self {
            action: action.into(),
            speech: true,
            keys: true,
            prompt: Vec::new(),
            timeout: None,
            speech_timeout: None,
            max_speech: None,
            speech_model: None,
            language: None,
            hints: Vec::new(),
            profanity_filter: None,
            digits: None,
            finish_on_key: None,
            partial: None,
            on_empty: true,
        }
    }
}

impl Parameter {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Result<Self, ParameterError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() {
            return Err(ParameterError::NoName);
        }
        let length = name.chars().count() + value.chars().count();
        if length > LONGEST_PARAMETER {
            let name = name.chars().take(40).collect();
            return Err(ParameterError::TooLong { name, length });
        }
        Ok(Self { name, value })
    }
}

impl Address {
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), method: Some(Method::Get) }
    }

    pub fn post(url: impl Into<String>) -> Self {
        Self { url: url.into(), method: Some(Method::Post) }
    }
}

impl Dial {
    pub fn new(to: impl Into<Target>) -> Self {
        Self {
            to: to.into(),
            caller_id: None,
            action: None,
            timeout: None,
            time_limit: None,
            answer_on_bridge: false,
        }
    }
}

impl Conference {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            start_on_enter: None,
            end_on_exit: None,
            beep: None,
            wait: None,
            most_participants: None,
            participant: None,
            status_callback: None,
            events: Vec::new(),
        }
    }
}

impl From<Stream> for Connect {
    fn from(stream: Stream) -> Self {
        Self { to: Connected::Stream(stream), action: None }
    }
}

impl From<Relay> for Connect {
    fn from(relay: Relay) -> Self {
        Self { to: Connected::Relay(Box::new(relay)), action: None }
    }
}

impl From<&str> for Address {
    fn from(url: &str) -> Self {
        Self { url: url.to_owned(), method: None }
    }
}

impl From<String> for Address {
    fn from(url: String) -> Self {
        Self { url, method: None }
    }
}

impl From<&str> for Say {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Say {
    fn from(text: String) -> Self {
        Self { text, voice: None, language: None }
    }
}

impl<T: Into<Target>> From<T> for Dial {
    fn from(to: T) -> Self {
        Self::new(to)
    }
}

impl From<Number> for Callee {
    fn from(number: Number) -> Self {
        Self { number, whisper: None, send_digits: None, status_callback: None }
    }
}

impl From<Number> for Target {
    fn from(number: Number) -> Self {
        Self::Number(number.into())
    }
}

impl From<Callee> for Target {
    fn from(callee: Callee) -> Self {
        Self::Number(callee)
    }
}

impl From<Conference> for Target {
    fn from(conference: Conference) -> Self {
        Self::Conference(conference)
    }
}
