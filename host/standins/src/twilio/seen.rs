//! What is kept of what happened: every request to the interface, and every call with what it went
//! through, in its order.

use crate::serving::Record;
use jiff::Timestamp;
use std::time::Duration;

/// What happened at Twilio.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// All requests to the REST interface.
    pub requests: Vec<Request>,
    /// All calls, in the order in which they began; a call that `<Dial>` made is one of its own.
    pub calls: Vec<CallSeen>,
    /// Every breach of the protocol: what Twilio refuses or warns about.
    pub violations: Vec<String>,
    /// Requests that a fault refused.
    pub refused: usize,
}

impl Seen {
    pub fn call(&self, sid: &str) -> Option<&CallSeen> {
        self.calls.iter().find(|call| call.sid == sid)
    }

    /// Calls that the customer made.
    pub fn created(&self) -> impl Iterator<Item = &CallSeen> {
        self.calls.iter().filter(|call| call.direction == "outbound-api")
    }

    /// Calls that this call's `<Dial>` made.
    pub fn dialled_by<'a>(&'a self, sid: &'a str) -> impl Iterator<Item = &'a CallSeen> {
        self.calls.iter().filter(move |call| call.parent_sid.as_deref() == Some(sid))
    }
}

impl Record for Seen {
    const VENDOR: &'static str = "twilio";

    fn violations(&self) -> &[String] {
        &self.violations
    }

    fn add_violation(&mut self, text: String) {
        self.violations.push(text);
    }
}

/// A request to the REST interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub what: Asked,
    /// Of the form or the query, in their order.
    pub parameters: Vec<(String, String)>,
    /// The call it is about; of a create, the one that was made.
    pub sid: Option<String>,
    /// What was answered; none: nothing yet, or never.
    pub status: Option<u16>,
    /// Twilio's code, where it was refused.
    pub code: Option<u32>,
}

impl Request {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        value(&self.parameters, name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Create,
    Fetch,
    Update,
    List,
    Account,
    Numbers,
    /// Nothing that there is.
    Other,
}

/// A call: one telephone's part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallSeen {
    pub sid: String,
    /// The call whose `<Dial>` made this one.
    pub parent_sid: Option<String>,
    /// `inbound`, `outbound-api`, `outbound-dial`
    pub direction: &'static str,
    pub from: String,
    pub to: String,
    pub status: Status,
    /// What answering machine detection found, once it has.
    pub answered_by: Option<String>,
    pub created: Timestamp,
    /// Answered.
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// The call is over, and all that there was to tell the customer was told.
    pub settled: bool,
    pub timeline: Vec<Event>,
}

impl CallSeen {
    /// What Twilio itself said, in its order.
    pub fn said(&self) -> Vec<&str> {
        self.all(|event| if let Event::Said { text, .. } = event { Some(text.as_str()) } else { None })
    }

    /// What was heard of the agents, in its order: as Twilio spoke it in a ConversationRelay, or as a
    /// server of ours told it, where the person [announces](super::Person::announces) itself.
    pub fn heard(&self) -> Vec<&str> {
        self.all(|event| match event {
            Event::Heard { text: Some(text), .. } | Event::Spoken { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }

    /// The names of all status callbacks (`initiated`, …), in the order in which they were delivered.
    pub fn progress(&self) -> Vec<&str> {
        self.all(|event| match event {
            Event::Callback { kind: Kind::Call, event, .. } => Some(event.as_str()),
            _ => None,
        })
    }

    /// How all streams ended, in their order.
    pub fn streams(&self) -> Vec<StreamOutcome> {
        self.all(|event| if let Event::StreamEnded { outcome, .. } = event { Some(*outcome) } else { None })
    }

    /// How all sessions of ConversationRelay ended, in their order.
    pub fn relays(&self) -> Vec<RelayOutcome> {
        self.all(|event| if let Event::RelayEnded { outcome, .. } = event { Some(*outcome) } else { None })
    }

    /// The codes of everything that Twilio would have written into its log of errors and warnings.
    pub fn alerts(&self) -> Vec<u32> {
        self.all(|event| if let Event::Alert { code, .. } = event { Some(*code) } else { None })
    }

    pub fn hung_up_by(&self) -> Option<By> {
        self.all(|event| if let Event::HungUp { by } = event { Some(*by) } else { None }).pop()
    }

    fn all<'a, T>(&'a self, of: impl Fn(&'a Event) -> Option<T>) -> Vec<T> {
        self.timeline.iter().filter_map(of).collect()
    }
}

/// What a call went through.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It rings at the callee.
    Ringing,
    /// The callee took the call; or Twilio did, if it came from outside.
    Answered,
    /// Answering machine detection is done.
    Detected {
        answered_by: String,
    },
    /// The customer was asked for a document. `status`: none, there was no answer.
    Webhook {
        url: String,
        parameters: Vec<(String, String)>,
        status: Option<u16>,
    },
    /// The customer was told something. `event`: of a call `initiated`, …; of a stream
    /// `stream-started`, …; of a detection its finding; of a conference `participant-join`, …; of a
    /// `<Gather>` what was understood so far; of a ConversationRelay how its session ended.
    Callback {
        kind: Kind,
        event: String,
        url: String,
        parameters: Vec<(String, String)>,
        status: Option<u16>,
    },
    /// The customer was asked once more for a document that it had been asked for.
    Repeated {
        url: String,
        status: Option<u16>,
    },
    /// A document, as it came. `url`: none, it came by REST.
    Document {
        url: Option<String>,
        text: String,
    },
    /// Twilio began to say this; `voice` and `language` as the document has them.
    Said {
        text: String,
        voice: Option<String>,
        language: Option<String>,
    },
    /// The person cut in on what Twilio was saying or playing: no more of it is heard.
    CutShort,
    /// `status`: what the URL was answered with; in a ConversationRelay nobody asked it.
    Played {
        url: String,
        status: Option<u16>,
    },
    /// Keys that Twilio pressed.
    Pressed(String),
    Paused(Duration),
    Stream {
        sid: String,
        url: String,
        parameters: Vec<(String, String)>,
    },
    /// `departure`: why the call ended, if a server of ours told.
    StreamEnded {
        sid: String,
        outcome: StreamOutcome,
        departure: Option<String>,
    },
    /// A session of ConversationRelay. `sid`: as Twilio names sessions, VX….
    Relay {
        sid: String,
        url: String,
        parameters: Vec<(String, String)>,
    },
    RelayEnded {
        sid: String,
        outcome: RelayOutcome,
    },
    /// What Twilio spoke of a talk cycle, when that is over; `cut`: not all of it.
    Spoken {
        text: String,
        cut: bool,
    },
    /// The person began to say or press this, whether or not anybody listens.
    Spoke(String),
    /// What a server of ours understood of that.
    Understood(String),
    /// The agent spoke. `text`: what of it was heard, if a server of ours tells.
    Heard {
        text: Option<String>,
        length: Duration,
    },
    /// A document sent the call to another one: its URL, or `Twiml`.
    Redirected {
        to: String,
        by: By,
    },
    /// `<Dial>` is done with a number; `sid`: the call that it made.
    Dialled {
        number: String,
        sid: String,
        status: DialStatus,
        bridged: bool,
    },
    /// Talks with the other call.
    Bridged {
        with: String,
    },
    Unbridged {
        after: Duration,
    },
    /// `waits`: nobody is there yet, or nobody with whom it may begin.
    JoinedConference {
        room: String,
        waits: bool,
    },
    LeftConference {
        room: String,
        why: Left,
    },
    Rejected {
        reason: String,
    },
    /// What Twilio would have written into its log of errors and warnings.
    Alert {
        code: u32,
        text: String,
    },
    HungUp {
        by: By,
    },
    Over(Status),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Call,
    Stream,
    Detection,
    Conference,
    /// What a `<Gather>` has understood so far.
    Gather,
    /// How a ConversationRelay ended, where the call is over.
    Relay,
}

/// How a stream ended, and with that what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOutcome {
    /// The server closed it: the document goes on.
    ClosedByServer,
    /// The person hung up.
    HungUp,
    /// The call was ended or sent elsewhere by REST.
    StoppedByApi,
    /// The connection broke: the document goes on.
    Broke,
    /// It never opened: the document goes on. The status that the server answered with, if it did.
    Failed(Option<u16>),
}

/// How a session of ConversationRelay ended, and with that what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayOutcome {
    /// The server ended it.
    Ended,
    /// The server closed its socket, which is an error.
    Closed,
    /// The connection broke.
    Broke,
    /// Twilio closed it: too much was not understood.
    Malformed,
    /// The person hung up.
    HungUp,
    /// The call was ended or sent elsewhere by REST.
    StoppedByApi,
    /// It never opened. The status that the server answered with, if it did.
    Failed(Option<u16>),
}

/// Who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The one whose telephone this is.
    Person,
    /// The document: a verb, or its end.
    Document,
    Api,
    /// The one that this call was joined with.
    Other,
    /// Twilio, because of an error.
    Twilio,
}

/// What the customer is told about a number that was dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialStatus {
    Completed,
    Answered,
    Busy,
    NoAnswer,
    Failed,
    Canceled,
}

/// Why somebody left a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    HungUp,
    /// Sent elsewhere by REST.
    Redirected,
    /// Somebody with `endConferenceOnExit` left.
    Ended,
}

/// Of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
}

impl Status {
    pub fn is_terminal(self) -> bool {
        !matches!(self, Self::Queued | Self::Ringing | Self::InProgress)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }
}

impl DialStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

pub(super) fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
}
