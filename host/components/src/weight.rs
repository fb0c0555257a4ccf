//! How many bytes cross the boundary with what a component is told, and with what it gives: sound,
//! frames, requests and their responses, text. What has one size whatever it says is not counted.

use crate::egress::{Action, NetEvent, Outcome, What};
use call::chat::{Message, Tool, ToolCall};
use call::net::{Head, Header, Request};
use call::{llm, persona, stt, tts};

/// Something that was told or given.
pub trait Weight {
    /// in bytes
    fn weight(&self) -> usize;
}

fn all<'a, T: 'a>(things: impl IntoIterator<Item = &'a T>, weight: impl Fn(&T) -> usize) -> usize {
    things.into_iter().map(weight).sum()
}

fn optional(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

fn headers(headers: &[Header]) -> usize {
    all(headers, |header| header.name.len() + header.value.len())
}

fn request(Request { method, url, headers: set, body }: &Request) -> usize {
    method.len() + url.len() + headers(set) + body.len()
}

fn head(head: &Head) -> usize {
    headers(&head.headers)
}

fn called(ToolCall { id, name, arguments }: &ToolCall) -> usize {
    id.len() + name.len() + arguments.len()
}

fn tool(Tool { name, description, parameters }: &Tool) -> usize {
    name.len() + description.len() + parameters.len()
}

fn message(message: &Message) -> usize {
    match message {
        Message::System(text) | Message::Caller(text) => text.len(),
        Message::Assistant(reply) => reply.text.len() + all(&reply.calls, called),
        Message::Tool(result) => result.id.len() + result.content.len(),
    }
}

impl Weight for NetEvent {
    fn weight(&self) -> usize {
        match &self.outcome {
            Outcome::Frame(frame) => frame.size(),
            Outcome::Body(piece) => piece.len(),
            Outcome::Head(response) => head(response),
            Outcome::Closed { reason, .. } => reason.len(),
            Outcome::Failed(failure) => failure.message.len() + headers(&failure.headers),
            Outcome::Opened => 0,
        }
    }
}

impl Weight for Action {
    fn weight(&self) -> usize {
        match &self.what {
            What::Open { url, headers: set, protocols } => {
                url.len() + headers(set) + all(protocols, String::len)
            }
            What::Request(asked) => request(asked),
            What::Send(frame) => frame.size(),
            What::Close => 0,
        }
    }
}

impl Weight for stt::Event {
    fn weight(&self) -> usize {
        match self {
            Self::Audio(audio) => audio.len(),
            Self::Retune(tuning) => {
                optional(tuning.language.as_ref()) + all(tuning.keyterms.iter().flatten(), String::len)
            }
            Self::SpeechStarted | Self::SpeechEnded | Self::Finalize | Self::Finish => 0,
        }
    }
}

impl Weight for stt::Effect {
    fn weight(&self) -> usize {
        match self {
            Self::Partial(heard) | Self::Final(heard) => {
                heard.text.len() + all(&heard.words, |word| word.text.len())
            }
            Self::Usage(usage) => usage.unit.len(),
            Self::Failed(failure) => failure.message.len(),
            Self::TurnStarted | Self::TurnEnded | Self::TurnEnding | Self::TurnResumed | Self::Finished => 0,
        }
    }
}

impl Weight for llm::Event {
    fn weight(&self) -> usize {
        match self {
            Self::Generate(prompt) => {
                all(&prompt.messages, message) + all(&prompt.tools, tool) + optional(prompt.schema.as_ref())
            }
            Self::Cancel => 0,
        }
    }
}

impl Weight for llm::Effect {
    fn weight(&self) -> usize {
        match self {
            Self::Delta(text) => text.len(),
            Self::ToolCall(call) => called(call),
            Self::Usage(usage) => usage.unit.len(),
            Self::Failed(failure) => failure.message.len(),
            Self::Finished(_) => 0,
        }
    }
}

impl Weight for tts::Event {
    fn weight(&self) -> usize {
        match self {
            Self::Speak { text, .. } => text.len(),
            Self::Begin { voice, language, .. } => optional(voice.as_ref()) + optional(language.as_ref()),
            Self::Prepare | Self::Cancel(_) | Self::More => 0,
        }
    }
}

impl Weight for tts::Effect {
    fn weight(&self) -> usize {
        match self {
            Self::Audio { data, .. } => data.len(),
            Self::Timing { word, .. } => word.text.len(),
            Self::Usage(usage) => usage.unit.len(),
            Self::Failed(failure) => failure.message.len(),
            Self::Finished(_) | Self::More => 0,
        }
    }
}

impl Weight for persona::Event {
    fn weight(&self) -> usize {
        match self {
            Self::Partial(said) => said.text.len(),
            Self::Turn(turn) => turn.said.text.len(),
            Self::Keys { digits, .. } => digits.len(),
            Self::Done(report) => report.heard.len() + report.answer.len(),
            Self::ToolCall { call, .. } => called(call),
            Self::Response { outcome: Ok(fetched), .. } => head(&fetched.head) + fetched.body.len(),
            Self::Response { outcome: Err(failure), .. } => failure.message.len() + headers(&failure.headers),
            Self::Recalled { fields, .. } => all(fields.iter().flatten(), field),
            Self::Operator(text) => text.len(),
            Self::Started
            | Self::Speaking
            | Self::Key(_)
            | Self::Silence(_)
            | Self::Timer(_)
            | Self::AnsweredBy(_)
            | Self::LineLost
            | Self::LineBack
            | Self::Ended(_) => 0,
        }
    }
}

fn field(field: &persona::Field) -> usize {
    field.name.len() + field.value.len()
}

impl Weight for persona::Action {
    fn weight(&self) -> usize {
        match self {
            Self::Say { text, .. } | Self::Note(text) | Self::Outcome(text) => text.len(),
            Self::Play { name, .. } => name.len(),
            Self::Ask(question) => {
                let messages = match &question.context {
                    persona::Context::Conversation => 0,
                    persona::Context::Messages(messages) => all(messages, message),
                };
                let schema = optional(question.schema.as_ref());
                question.instructions.len() + messages + all(&question.tools, tool) + schema
            }
            Self::ToolResult(result) => result.id.len() + result.content.len(),
            Self::Listen(hint) => all(&hint.keyterms, String::len),
            Self::Keep(fields) => all(fields, field),
            Self::Fetch { request: asked, .. } => request(asked),
            Self::Recall { field, value, .. } => field.len() + value.len(),
            Self::SendDigits { digits, .. } => digits.len(),
            Self::Transfer { to, brief, .. } => to.len() + optional(brief.as_ref()),
            Self::Become { persona, handed } => persona.len() + handed.len(),
            Self::Cancel(_)
            | Self::Collect(_)
            | Self::Timer { .. }
            | Self::PauseRecording(_)
            | Self::HangUp => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call::chat::{Reply, ToolChoice};
    use call::line::UtteranceId;

    #[test]
    fn sound_and_words_weigh_what_they_are_and_what_is_only_said_weighs_nothing() {
        assert_eq!(stt::Event::Audio(vec![0; 320]).weight(), 320);
        assert_eq!(stt::Event::SpeechStarted.weight(), 0);
        assert_eq!(tts::Effect::Audio { utterance: UtteranceId(1), data: vec![0; 800] }.weight(), 800);
        assert_eq!(tts::Event::More.weight(), 0);
        assert_eq!(llm::Effect::Delta("grüß".into()).weight(), 6);
    }

    #[test]
    fn a_prompt_weighs_all_that_the_model_is_told() {
        let call = ToolCall { id: "1".into(), name: "book".into(), arguments: "{}".into() };
        let reply = Reply { text: "Yes.".into(), calls: vec![call] };
        let tool = Tool { name: "book".into(), description: "a table".into(), parameters: "{}".into() };
        let prompt = llm::Prompt {
            messages: vec![Message::System("Be kind.".into()), Message::Assistant(reply)],
            tools: vec![tool],
            tool_choice: ToolChoice::Auto,
            max_tokens: None,
            temperature: None,
            schema: None,
        };
        assert_eq!(llm::Event::Generate(prompt).weight(), 8 + (4 + 7) + 13);
    }

    #[test]
    fn a_request_weighs_its_address_and_its_headers_too() {
        let header = Header { name: "accept".into(), value: "json".into() };
        let (method, url) = ("POST".into(), "http://a/".into());
        let asked = Request { method, url, headers: vec![header], body: vec![0; 100] };
        let action = Action { connection: 1, what: What::Request(asked.clone()) };
        assert_eq!(action.weight(), 4 + 9 + 10 + 100);
        assert_eq!(persona::Action::Fetch { id: 1, request: asked }.weight(), action.weight());
    }
}
