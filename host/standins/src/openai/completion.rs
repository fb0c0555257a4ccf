//! A completion on the wire: as a stream of chunks, or whole.

use super::refusal;
use super::request::Request;
use super::sending::{Answer, Sending};
use super::{Config, Reply, ToolCall};
use crate::fault::{FLOOD, Fault, GARBAGE_TEXTS, Turn};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) struct Completion {
    number: usize,
    created: u64,
    model: String,
    text: String,
    calls: Vec<ToolCall>,
    /// The connection breaks instead of ending.
    breaks: bool,
    stream: bool,
    usage_chunk: bool,
    prompt_tokens: usize,
}

impl Completion {
    /// The answer to the request with this number.
    pub(super) fn new(number: usize, request: &Request, reply: Reply, fault: Option<&Fault>) -> Self {
        let (text, calls, breaks) = match reply {
            Reply::Text(text) => (text, Vec::new(), false),
            Reply::TextThenDrop(text) => (text, Vec::new(), true),
            Reply::ToolCalls { text, calls } => (text, calls, false),
            Reply::GoOn(text) => (text, Vec::new(), false),
            Reply::HttpError { .. } => Default::default(), // is no completion, and answered before
        };
        let (text, calls) = match fault {
            Some(Fault::Nothing) => Default::default(),
            Some(Fault::Flood) => (flood(&text), calls),
            _ => (text, calls),
        };
        Self {
            number,
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            model: request.model().to_owned(),
            text,
            calls,
            breaks,
            stream: request.wants_stream(),
            usage_chunk: request.wants_usage(),
            prompt_tokens: request.prompt_tokens(),
        }
    }

    pub(super) fn respond(self, config: &Config, answer: Answer, fault: Option<&Fault>) -> Response {
        let (content_type, mut pieces) = if self.stream {
            ("text/event-stream; charset=utf-8", self.events())
        } else {
            ("application/json", halves(&self.whole().to_string()))
        };
        let cut = fault == Some(&Fault::CloseMidWord);
        if cut {
            // something of it is always said: a chunk without words comes first
            pieces.truncate((pieces.len() / 2).max(if self.stream { 2 } else { 1 }));
        }
        let turn = match fault {
            Some(Fault::MidWord(turn)) => Some(*turn),
            _ => None,
        };
        if let Some(turn) = turn {
            pieces.truncate((pieces.len() / 2).max(if self.stream { 2 } else { 1 }));
            match turn {
                Turn::Silent => {}
                Turn::Garbage => pieces.push(format!("data: {}\n\n", GARBAGE_TEXTS.concat())),
                Turn::Error => pieces.push(format!("data: {}\n\n", refusal::body_of(500))),
            }
        }
        let body = Sending {
            hangs: turn == Some(Turn::Silent),
            pieces: pieces.into_iter().map(Bytes::from).collect(),
            breaks: cut || self.breaks,
            delay: config.first_token_delay,
            delay_between: config.token_delay,
            answer,
        };
        ([(CONTENT_TYPE, content_type)], body.body()).into_response()
    }

    /// Every event of the stream.
    fn events(&self) -> Vec<String> {
        let mut chunks = vec![self.chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
        chunks.extend(deltas(&self.text).iter().map(|d| self.chunk(json!({"content": d}), Value::Null)));
        for (index, call) in self.calls.iter().enumerate() {
            let first = json!({"index": index, "id": self.call_id(index), "type": "function",
                "function": {"name": call.name, "arguments": ""}});
            chunks.push(self.chunk(json!({"tool_calls": [first]}), Value::Null));
            chunks.extend(fragments(&call.arguments.to_string()).iter().map(|fragment| {
                let more = json!({"index": index, "function": {"arguments": fragment}});
                self.chunk(json!({"tool_calls": [more]}), Value::Null)
            }));
        }
        if !self.breaks {
            chunks.push(self.chunk(json!({}), self.finish_reason()));
            if self.usage_chunk {
                let mut last = self.object("chat.completion.chunk", json!([]));
                insert(&mut last, "usage", self.usage());
                chunks.push(last);
            }
        }
        let mut events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
        if !self.breaks {
            events.push("data: [DONE]\n\n".into());
        }
        events
    }

    /// The answer to a request without `stream`.
    fn whole(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": self.text, "refusal": null});
        if !self.calls.is_empty() {
            let call = |(index, call): (usize, &ToolCall)| {
                json!({"id": self.call_id(index), "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments.to_string()}})
            };
            insert(&mut message, "tool_calls", self.calls.iter().enumerate().map(call).collect());
            if self.text.is_empty() {
                insert(&mut message, "content", Value::Null);
            }
        }
        let choice = json!({"index": 0, "message": message, "finish_reason": self.finish_reason()});
        let mut whole = self.object("chat.completion", json!([choice]));
        insert(&mut whole, "usage", self.usage());
        whole
    }

    fn chunk(&self, delta: Value, finish_reason: Value) -> Value {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
        let mut chunk = self.object("chat.completion.chunk", json!([choice]));
        if self.usage_chunk {
            insert(&mut chunk, "usage", Value::Null);
        }
        chunk
    }

    fn object(&self, kind: &str, choices: Value) -> Value {
        json!({
            "id": format!("chatcmpl-{:08}", self.number),
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn call_id(&self, index: usize) -> String {
        format!("call_{:08}_{index}", self.number)
    }

    fn finish_reason(&self) -> Value {
        if self.calls.is_empty() { "stop".into() } else { "tool_calls".into() }
    }

    fn usage(&self) -> Value {
        let arguments = self.calls.iter().map(|call| fragments(&call.arguments.to_string()).len() + 1);
        let completion_tokens = deltas(&self.text).len() + arguments.sum::<usize>();
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        })
    }
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

/// A text in the pieces that a model would produce: words with the space before them, marks alone.
fn deltas(text: &str) -> Vec<String> {
    const LONGEST: usize = 8;
    let mut deltas: Vec<String> = Vec::new();
    for letter in text.chars() {
        let goes_on = |delta: &&mut String| {
            letter.is_alphanumeric()
                && delta.chars().count() < LONGEST
                && delta.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == ' ')
        };
        match deltas.last_mut().filter(goes_on) {
            Some(delta) => delta.push(letter),
            None => deltas.push(letter.into()),
        }
    }
    deltas
}

/// The text again and again.
fn flood(text: &str) -> String {
    let once = if text.is_empty() { "and so on" } else { text };
    format!("{once} ").repeat(FLOOD.div_ceil(deltas(once).len().max(1)))
}

/// A body that can break in its middle.
fn halves(whole: &str) -> Vec<String> {
    let letters: Vec<char> = whole.chars().collect();
    letters.chunks(letters.len().div_ceil(2).max(1)).map(|half| half.iter().collect()).collect()
}

/// JSON in pieces that break it anywhere.
fn fragments(json: &str) -> Vec<String> {
    const LENGTH: usize = 7;
    let letters: Vec<char> = json.chars().collect();
    letters.chunks(LENGTH).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_like_a_model_does() {
        let text = "Hello, I'm Ada – twenty-four unquestionable words.";
        let pieces = deltas(text);
        assert_eq!(pieces.concat(), text);
        assert_eq!(pieces[..6], ["Hello", ",", " I", "'", "m", " Ada"]);
        assert!(pieces.iter().all(|p| p.chars().count() <= 8), "{pieces:?}");
    }
}
