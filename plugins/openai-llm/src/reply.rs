//! The reply, out of chunks.

use plugin::llm::{Effect, Stop, ToolCall};
use plugin::{Cause, Failure, Usage, refusal};
use serde::Deserialize;
use serde_json::Value;

/// What has come of the reply.
#[derive(Default)]
pub(crate) struct Reply {
    calls: Vec<Call>,
    finish_reason: Option<String>,
}

/// A tool call whose pieces are still coming.
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    index: Option<u64>,
    id: Option<String>,
    #[serde(default)]
    function: FunctionPiece,
}

#[derive(Default, Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

impl Reply {
    /// One chunk. Fails where it is none, or says that the server failed.
    pub(crate) fn chunk(&mut self, data: &str, effects: &mut Vec<Effect>) -> Result<(), Failure> {
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|e| plugin::failure(Cause::Garbled, format!("not a chunk of a completion: {e}")))?;
        if chunk.error.is_some_and(|e| !e.is_null()) {
            let (_, message) = refusal::error(data).unwrap_or_default();
            return Err(plugin::failure(Cause::Unreachable, format!("the server failed: {message}")));
        }
        for choice in chunk.choices.into_iter().take(1) {
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                effects.push(Effect::Delta(text));
            }
            for piece in choice.delta.tool_calls.into_iter().flatten() {
                self.call_piece(piece);
            }
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        }
        if let Some(tokens) = chunk.usage {
            let usage = |unit: &str, amount| Effect::Usage(Usage { unit: unit.into(), amount });
            effects.push(usage("input-tokens", tokens.prompt_tokens));
            effects.push(usage("output-tokens", tokens.completion_tokens));
        }
        Ok(())
    }

    /// A piece belongs to the call of its index; without one to the call of its id; without either
    /// to the last.
    fn call_piece(&mut self, piece: CallPiece) {
        let mut id = piece.id.filter(|id| !id.is_empty());
        let known = match (piece.index, &id) {
            (Some(index), _) => self.calls.iter().position(|c| c.index == Some(index)),
            (None, Some(id)) => self.calls.iter().position(|c| c.id == *id),
            (None, None) if piece.function.name.is_some() => None,
            (None, None) => self.calls.len().checked_sub(1),
        };
        let at = known.unwrap_or_else(|| {
            // ids are unique within a reply, whatever the server thinks of that
            let is_free = |id: &String| self.calls.iter().all(|call| call.id != *id);
            let made_up = || (self.calls.len()..).map(|number| format!("call_{number}")).find(is_free);
            let id = id.take().filter(is_free).or_else(made_up).unwrap_or_default();
            let (name, arguments) = (String::new(), String::new());
            self.calls.push(Call { index: piece.index, id, name, arguments });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        // the name comes once, but some servers repeat it
        if let Some(name) = piece.function.name.filter(|_| call.name.is_empty()) {
            call.name = name;
        }
        call.arguments.push_str(&piece.function.arguments.unwrap_or_default());
    }

    /// The stream is over: the calls are whole. None: it broke off before the end.
    pub(crate) fn finish(&mut self, effects: &mut Vec<Effect>) -> Option<Stop> {
        let reason = self.finish_reason.take()?;
        let calls = std::mem::take(&mut self.calls);
        let called = !calls.is_empty();
        effects.extend(calls.into_iter().map(|call| {
            let arguments = if call.arguments.trim().is_empty() { "{}".into() } else { call.arguments };
            Effect::ToolCall(ToolCall { id: call.id, name: call.name, arguments })
        }));
        Some(match reason.as_str() {
            _ if called => Stop::Tools,
            "length" => Stop::Length,
            "content_filter" => Stop::Refused,
            _ => Stop::Complete,
        })
    }
}
