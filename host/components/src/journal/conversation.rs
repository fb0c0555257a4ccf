//! The conversation as a person reads it, out of what its persona was told and what it asked for.
//!
//! What the agent says has a line when it is known how much of it was heard.

use crate::contract::script_words as wit;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that happened in the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// in milliseconds since the call began
    pub at: u64,
    pub who: Who,
    pub text: String,
}

/// Who did it, or what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Agent,
    Caller,
    Operator,
    Model,
    Tool,
    Kept,
    Outcome,
    Note,
    Host,
    Line,
    End,
}

impl Who {
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Model => "model",
            Self::Tool => "tool",
            Self::Kept => "kept",
            Self::Outcome => "outcome",
            Self::Note => "note",
            Self::Host => "host",
            Self::Line => "line",
            Self::End => "end",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a persona has begun and has no report of.
enum Begun {
    Said,
    Played(String),
    AskedAloud,
    Asked,
    Sent(String),
    Transferred(String),
}

/// Follows one call.
#[derive(Default)]
pub(super) struct Conversation {
    begun: BTreeMap<u32, Begun>,
}

impl Conversation {
    /// Something happened to the persona.
    pub(super) fn event(&mut self, event: wit::Event) -> Option<(Who, String)> {
        Some(match event {
            wit::Event::Turn(wit::Turn { revision: 0, said, .. }) => (Who::Caller, said.text),
            wit::Event::Turn(turn) => (Who::Caller, format!("{} (went on)", turn.said.text)),
            wit::Event::Key(key) => (Who::Caller, format!("presses {key}")),
            wit::Event::Keys(wit::Keys { digits, by }) => {
                let by = match by {
                    wit::CollectedBy::FinishKey => "",
                    wit::CollectedBy::Max => " (all that may be)",
                    wit::CollectedBy::Timeout => " (and no more in time)",
                };
                (Who::Caller, format!("pressed {digits}{by}"))
            }
            wit::Event::Silence(length) => (Who::Caller, format!("silent for {} s", length / 1000)),
            wit::Event::Done(report) => return self.report(report),
            wit::Event::ToolCall(wit::CallForTool { call, .. }) => {
                (Who::Tool, format!("{} {}", call.name, call.arguments))
            }
            wit::Event::Response(wit::Response { id, outcome }) => {
                let came = match outcome {
                    Ok(fetched) => format!("status {}, {} bytes", fetched.head.status, fetched.body.len()),
                    Err(failure) => failure.message,
                };
                (Who::Host, format!("fetch {id}: {came}"))
            }
            wit::Event::Recalled(wit::Recalled { fields, .. }) => match fields {
                Some(fields) => (Who::Host, format!("recalled {}", named(&fields))),
                None => (Who::Host, "recalled nothing".into()),
            },
            wit::Event::AnsweredBy(who) => {
                let who = match who {
                    wit::Answerer::Unknown => "somebody",
                    wit::Answerer::Human => "a person",
                    wit::Answerer::MachineGreeting | wit::Answerer::MachineBeep => "a machine",
                    wit::Answerer::Fax => "a fax",
                };
                (Who::Line, format!("answered by {who}"))
            }
            wit::Event::Operator(text) => (Who::Operator, text),
            wit::Event::LineLost => (Who::Line, "lost".into()),
            wit::Event::LineBack => (Who::Line, "back".into()),
            wit::Event::Ended(departure) => {
                let how = match departure {
                    wit::Departure::Caller => "the caller hung up",
                    wit::Departure::Script => "the agent hung up",
                    wit::Departure::Transferred => "the caller was put through",
                    wit::Departure::Failed => "the call failed",
                    wit::Departure::Limit => "the call was too long",
                    wit::Departure::Operator => "the operator ended it",
                };
                (Who::End, how.into())
            }
            wit::Event::Started | wit::Event::Speaking | wit::Event::Partial(_) | wit::Event::Timer(_) => {
                return None;
            }
        })
    }

    fn report(&mut self, report: wit::Report) -> Option<(Who, String)> {
        let wit::Report { id, ending, heard, answer } = report;
        let ending = match ending {
            wit::Ending::Complete => "",
            wit::Ending::Interrupted => " (interrupted)",
            wit::Ending::Cancelled => " (cancelled)",
            wit::Ending::Failed => " (failed)",
        };
        Some(match self.begun.remove(&id)? {
            Begun::Said | Begun::AskedAloud if heard.is_empty() && ending.is_empty() => return None,
            Begun::Said | Begun::AskedAloud => (
                Who::Agent,
                format!("{}{ending}", if heard.is_empty() { "nothing was heard" } else { &heard }),
            ),
            Begun::Played(name) => (Who::Agent, format!("played {name}{ending}")),
            Begun::Asked => (Who::Model, format!("{answer}{ending}")),
            Begun::Sent(digits) => (Who::Agent, format!("sent the keys {digits}{ending}")),
            Begun::Transferred(to) => (Who::Agent, format!("transfer to {to}{ending}")),
        })
    }

    /// The persona asked for something.
    pub(super) fn action(&mut self, action: wit::Action) -> Option<(Who, String)> {
        let (id, begun) = match action {
            wit::Action::Say(speech) => (speech.id, Begun::Said),
            wit::Action::Play(clip) => (clip.id, Begun::Played(clip.name)),
            wit::Action::Ask(question) if question.aloud.is_some() => (question.id, Begun::AskedAloud),
            wit::Action::Ask(question) => (question.id, Begun::Asked),
            wit::Action::SendDigits(digits) => (digits.id, Begun::Sent(digits.digits)),
            wit::Action::Transfer(transfer) => (transfer.id, Begun::Transferred(transfer.to)),
            wit::Action::ToolResult(result) => return Some((Who::Tool, format!("→ {}", result.content))),
            wit::Action::Keep(fields) => return Some((Who::Kept, named(&fields))),
            wit::Action::Outcome(text) => return Some((Who::Outcome, text)),
            wit::Action::Note(text) => return Some((Who::Note, text)),
            wit::Action::Fetch(wit::Fetch { id, request }) => {
                return Some((Who::Host, format!("fetch {id}: {} {}", request.method, request.url)));
            }
            wit::Action::PauseRecording(true) => return Some((Who::Host, "the recording pauses".into())),
            wit::Action::PauseRecording(false) => return Some((Who::Host, "the recording goes on".into())),
            wit::Action::Become(successor) => {
                return Some((Who::Host, format!("{} goes on", successor.persona)));
            }
            wit::Action::Cancel(_)
            | wit::Action::Listen(_)
            | wit::Action::Collect(_)
            | wit::Action::Recall(_)
            | wit::Action::Timer(_)
            | wit::Action::HangUp => return None,
        };
        self.begun.insert(id, begun);
        None
    }
}

fn named(fields: &[wit::Field]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|field| format!("{} = {}", field.name, field.value)).collect();
    fields.join(", ")
}
