//! Chat completions, streamed: one request, one reply.
//!
//! Servers that speak this protocol differ in small things: whole tool calls in one piece, missing
//! ids and indexes, repeated names, errors within a stream, no usage. All of that is understood.
//! Source: OpenAI's API reference, "chat completions".

mod prompt;
mod reply;

use plugin::llm::{Effect, Event, Opening, Provider, Stop};
use plugin::sse;
use plugin::url::Url;
use plugin::{Action, Cause, Failure, Header, Outcome, Request, net};
use reply::Reply;
use serde::Deserialize;

const REQUEST: u32 = 1;
/// So much of the body of a refusal is read for its message.
const LONGEST_REFUSAL: usize = 16 * 1024;

#[derive(Deserialize)]
struct Settings {
    base_url: String,
    model: String,
    max_tokens_field: String,
    stream_usage: bool,
}

struct Completion {
    settings: Settings,
    events: sse::Parser,
    reply: Reply,
    /// the status and headers of a refusal, and its body so far
    refused: Option<(net::Head, Vec<u8>)>,
    over: bool,
}

impl Provider for Completion {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings = plugin::settings(&opening.settings)?;
        let (events, reply) = (sse::Parser::default(), Reply::default());
        Ok(Self { settings, events, reply, refused: None, over: false })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Generate(prompt) => match prompt::body(&self.settings, prompt) {
                Ok(body) => effects.push(request(&self.settings.base_url, body)),
                Err(failure) => self.end(Effect::Failed(failure), effects),
            },
            Event::Cancel => {
                effects.push(Effect::Net(net::Effect { connection: REQUEST, action: Action::Close }));
                self.over = true;
            }
            Event::Net(net::Event { outcome, .. }) if !self.over => self.came(outcome, effects),
            Event::Net(_) | Event::Timer(_) => {}
        }
    }
}

impl Completion {
    fn came(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Head(head) if plugin::cause_of_status(head.status).is_some() => {
                self.refused = Some((head, Vec::new()));
            }
            Outcome::Body(piece) => match &mut self.refused {
                Some((_, body)) => {
                    let room = LONGEST_REFUSAL.saturating_sub(body.len());
                    body.extend_from_slice(&piece[..piece.len().min(room)]);
                }
                None => {
                    for event in self.events.push(&piece) {
                        self.event(&event.data, effects);
                    }
                }
            },
            Outcome::Closed(_) => match self.refused.take() {
                Some((head, body)) => self.end(Effect::Failed(refusal(&head, &body)), effects),
                // a server that forgets [DONE] has still finished if it said why
                None => match self.reply.finish(effects) {
                    Some(stop) => self.end(Effect::Finished(stop), effects),
                    None => {
                        let cut = plugin::failure(Cause::Unreachable, "the reply broke off");
                        self.end(Effect::Failed(cut), effects);
                    }
                },
            },
            Outcome::Failed(failure) => {
                let failure = Failure {
                    cause: plugin::cause_of_fault(&failure),
                    message: failure.message,
                    retry_after: plugin::retry_after(&failure.headers),
                };
                self.end(Effect::Failed(failure), effects);
            }
            Outcome::Head(_) | Outcome::Opened | Outcome::Frame(_) => {}
        }
    }

    fn event(&mut self, data: &str, effects: &mut Vec<Effect>) {
        if self.over {
            return;
        }
        if data.trim() == "[DONE]" {
            let stop = self.reply.finish(effects).unwrap_or(Stop::Complete);
            return self.end(Effect::Finished(stop), effects);
        }
        if let Err(failure) = self.reply.chunk(data, effects) {
            self.end(Effect::Failed(failure), effects);
        }
    }

    fn end(&mut self, last: Effect, effects: &mut Vec<Effect>) {
        if !std::mem::replace(&mut self.over, true) {
            effects.push(last);
        }
    }
}

fn request(base_url: &str, body: Vec<u8>) -> Effect {
    let header = |name: &str, value: &str| Header { name: name.into(), value: value.into() };
    let request = Request {
        method: "POST".into(),
        url: Url::new(base_url, "chat/completions").into_string(),
        headers: vec![header("content-type", "application/json"), header("accept", "text/event-stream")],
        body,
    };
    Effect::Net(net::Effect { connection: REQUEST, action: Action::Request(request) })
}

/// What a refusal means. Too little money looks like too many requests, but does not pass.
fn refusal(head: &net::Head, body: &[u8]) -> Failure {
    let body = String::from_utf8_lossy(body);
    let (code, message) =
        reply::error(&body).unwrap_or_else(|| (String::new(), body.chars().take(200).collect()));
    let cause = match code.as_str() {
        "insufficient_quota" | "billing_hard_limit_reached" => Cause::Denied,
        _ => plugin::cause_of_status(head.status).unwrap_or(Cause::Garbled),
    };
    Failure {
        cause,
        message: format!("status {}: {message}", head.status),
        retry_after: plugin::retry_after(&head.headers),
    }
}

plugin::llm!(Completion);

#[cfg(test)]
mod tests;
