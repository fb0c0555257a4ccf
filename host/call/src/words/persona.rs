//! What a script is told, and what it asks for (`wit/persona.wit`).

use super::{chat, net};
use std::time::Duration;

/// Chosen by the script: one range for everything it begins.
pub type Id = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Inbound,
    Outbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    Unknown,
    Human,
    MachineGreeting,
    MachineBeep,
    Fax,
}

/// What may cut speech short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    Nothing,
    Keys,
    Speech,
    Anything,
}

impl Interruption {
    pub fn by_speech(self) -> bool {
        matches!(self, Self::Speech | Self::Anything)
    }

    pub fn by_keys(self) -> bool {
        matches!(self, Self::Keys | Self::Anything)
    }

    /// The same, except that speech cuts nothing short.
    pub fn without_speech(self) -> Self {
        if self.by_keys() { Self::Keys } else { Self::Nothing }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    pub interruption: Interruption,
    pub voice: Option<String>,
    pub language: Option<String>,
}

impl Manner {
    pub const fn new(interruption: Interruption) -> Self {
        Self { interruption, voice: None, language: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    Conversation,
    Messages(Vec<chat::Message>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub id: Id,
    pub instructions: String,
    pub context: Context,
    pub tools: Vec<chat::Tool>,
    pub tool_choice: chat::ToolChoice,
    pub schema: Option<String>,
    pub max_tokens: Option<u32>,
    pub temperature: Option<f32>,
    pub aloud: Option<Manner>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    pub keyterms: Vec<String>,
    pub language: Option<String>,
    pub patience: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    pub max: u8,
    pub finish: Option<char>,
    pub timeout: Duration,
}

/// A fact about the call; the value is JSON, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Say { id: Id, text: String, manner: Manner },
    Play { id: Id, name: String, manner: Manner },
    Ask(Question),
    ToolResult(chat::ToolResult),
    Cancel(Id),
    Listen(Hint),
    Collect(Collection),
    Keep(Vec<Field>),
    Outcome(String),
    Note(String),
    Fetch { id: Id, request: net::Request },
    Recall { id: Id, field: String, value: String },
    Timer { id: Id, after: Duration },
    SendDigits { id: Id, digits: String },
    Transfer { id: Id, to: String, brief: Option<String> },
    PauseRecording(bool),
    Become { persona: String, handed: String },
    HangUp,
}

/// Words of the caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    pub text: String,
    pub confidence: f32,
    pub language: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    pub number: u32,
    pub revision: u32,
    pub said: Utterance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Complete,
    Interrupted,
    Cancelled,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub id: Id,
    pub ending: Ending,
    pub heard: String,
    pub answer: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectedBy {
    FinishKey,
    Max,
    Timeout,
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    Caller,
    Script,
    Transferred,
    Failed,
    Limit,
    Operator,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Started,
    Speaking,
    Partial(Utterance),
    Turn(Turn),
    Key(char),
    Keys {
        digits: String,
        by: CollectedBy,
    },
    Silence(Duration),
    Done(Report),
    ToolCall {
        question: Id,
        call: chat::ToolCall,
    },
    Response {
        id: Id,
        outcome: Result<net::Fetched, net::Failure>,
    },
    /// none: nothing is known, or nobody can look it up now
    Recalled {
        id: Id,
        fields: Option<Vec<Field>>,
    },
    Timer(Id),
    AnsweredBy(Answerer),
    Operator(String),
    LineLost,
    LineBack,
    Ended(Departure),
}
