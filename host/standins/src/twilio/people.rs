//! Who is on the telephones: what a test decides about the people at the other end, and how calls
//! reach them.

use caller::Step;
use std::time::Duration;

/// Somebody with a telephone, as far as a call with the customer's application goes.
///
/// One person has one plan for the whole call: if the call is connected to a second stream, it goes on
/// there with the steps that are left.
#[derive(Clone, Debug)]
pub struct Person {
    /// What is said and pressed while a stream or a ConversationRelay is connected, or a `<Gather>`
    /// listens. After the last step the person waits for as long as there is
    /// [`patience`](Self::patience), and hangs up; in a `<Gather>` they say nothing, and stay.
    pub steps: Vec<Step>,
    /// Default: 15 s.
    pub patience: Duration,
    /// A stream is hung up after this long in any case, and so is a `<Gather>` so long after the call was
    /// answered. Default: 10 minutes.
    pub limit: Duration,
    /// The stream has the parameter `cordboard`, so that a server of ours on this machine takes words
    /// without a recogniser and says what it understood. With `false` the stream is exactly Twilio's.
    /// Default: true.
    pub announces: bool,
    /// No stream of this call opens (31920): the document goes on with its next verb; and no
    /// ConversationRelay (64102). Default: false.
    pub stream_fails: bool,
    /// How long this person talks with somebody whom they were joined with before they hang up; none:
    /// until the other one does. Default: none.
    pub talks: Option<Duration>,
    /// How sure a `<Gather>` is of what this person said, as Twilio writes it; none: it does not say.
    /// Default: `0.92`.
    pub confidence: Option<&'static str>,
    /// The same for single sentences. Default: none.
    pub confidences: Vec<(&'static str, Option<&'static str>)>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            patience: Duration::from_secs(15),
            limit: Duration::from_secs(600),
            announces: true,
            stream_fails: false,
            talks: None,
            confidence: Some("0.92"),
            confidences: Vec::new(),
        }
    }
}

impl Person {
    /// Says these sentences, each when the agent has finished.
    pub fn who_says<T: Into<String>>(sentences: impl IntoIterator<Item = T>) -> Self {
        let steps = sentences.into_iter().map(|text| Step::Say(text.into())).collect();
        Self { steps, ..Self::default() }
    }

    pub(super) fn confidence_in(&self, sentence: &str) -> Option<&'static str> {
        let own = self.confidences.iter().find(|(said, _)| *said == sentence);
        own.map_or(self.confidence, |(_, confidence)| *confidence)
    }
}

/// What becomes of a call to a number.
#[derive(Clone, Debug)]
pub enum Callee {
    Answers(Answers),
    /// After so long.
    Busy {
        after: Duration,
    },
    /// It rings for so long, or for as long as the customer lets it, if that is shorter.
    NoAnswer {
        after: Duration,
    },
    /// There is no such number.
    Fails,
}

#[derive(Clone, Debug)]
pub struct Answers {
    /// The telephone rings for this long. Default: 5 ms.
    pub after: Duration,
    /// What answering machine detection finds, in Twilio's words (`human`, `machine_start`,
    /// `machine_end_beep`, …); the words of the other mode are translated. None: `unknown`. It is
    /// told only where detection was asked for.
    pub answered_by: Option<&'static str>,
    /// From the answer to that finding. Default: 5 ms.
    pub verdict_after: Duration,
    pub person: Person,
}

impl Callee {
    /// A person who answers at once, and, if joined with somebody, talks for 50 ms.
    pub fn answers() -> Self {
        Self::Answers(Answers::default())
    }

    /// This person answers.
    pub fn person(person: Person) -> Self {
        Self::Answers(Answers { person, ..Answers::default() })
    }
}

impl Default for Answers {
    fn default() -> Self {
        let moment = Duration::from_millis(5);
        let person = Person { talks: Some(Duration::from_millis(50)), ..Person::default() };
        Self { after: moment, answered_by: Some("human"), verdict_after: moment, person }
    }
}

/// Somebody dials a number of the customer's.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// What the number is configured with.
    pub webhook_url: String,
    /// Of the request to `webhook_url`. Default: POST.
    pub method: Method,
    /// Requested when `webhook_url` fails.
    pub fallback_url: Option<String>,
    /// Told when the call is over.
    pub status_callback: Option<String>,
    /// Who calls: a number, or what Twilio writes where there is none (`anonymous`).
    pub from: String,
    /// The number that was dialled.
    pub to: String,
    pub person: Person,
    /// More parameters of every request about this call, for instance `ForwardedFrom`.
    pub parameters: Vec<(String, String)>,
}

impl Incoming {
    /// From +15555550199 to +15555550100, somebody who says nothing.
    pub fn new(webhook_url: impl Into<String>) -> Self {
        Self {
            webhook_url: webhook_url.into(),
            method: Method::Post,
            fallback_url: None,
            status_callback: None,
            from: "+15555550199".into(),
            to: super::NUMBER.into(),
            person: Person::default(),
            parameters: Vec::new(),
        }
    }
}

/// How the customer's server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    Get,
    #[default]
    Post,
}

/// How often a document is asked for, as a customer sees it whose network repeats what it has already
/// delivered: the same form and the same signature. The call goes on with the answer to the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asking {
    #[default]
    Once,
    /// Again, as soon as the first request was answered.
    Again,
    /// Twice at the same time.
    AtOnce,
}

/// How callbacks arrive. What the network promises is none of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    #[default]
    InOrder,
    /// Each again, as soon as the first one was answered.
    Twice,
    /// Of the status callbacks of a call every second one comes before the one it should follow: so
    /// `ringing` comes before `initiated`, and `completed` before `answered`.
    Shuffled,
}
