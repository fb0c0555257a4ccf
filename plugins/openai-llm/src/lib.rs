//! Chat completions, streamed: one request, one reply.
//!
//! Servers that speak this protocol differ in small things: whole tool calls in one piece, missing
//! ids and indexes, repeated names, errors within a stream, no usage. All of that is understood.
//! Source: OpenAI's API reference, "chat completions".

mod prompt;
mod reply;

use plugin::llm::{Effect, Event, Opening, Provider, Stop};
use plugin::refusal::Refusal;
use plugin::sse;
use plugin::url::Url;
use plugin::{Action, Cause, Failure, Header, Outcome, Request, net};
use reply::Reply;
use serde::Deserialize;

const REQUEST: u32 = 1;

#[derive(Deserialize)]
struct Settings {
    base_url: String,
    model: String,
    max_tokens_field: String,
    stream_usage: bool,
}

pub struct Completion {
    settings: Settings,
    events: sse::Parser,
    reply: Reply,
    refusal: Option<Refusal>,
    over: bool,
}

impl Provider for Completion {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings = plugin::settings(&opening.settings)?;
        let (events, reply) = (sse::Parser::default(), Reply::default());
        Ok(Self { settings, events, reply, refusal: None, over: false })
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
            Outcome::Head(head) => self.refusal = Refusal::new(head).ok(),
            Outcome::Body(piece) => match &mut self.refusal {
                Some(refusal) => refusal.push(&piece),
                None => {
                    for event in self.events.push(&piece) {
                        self.event(&event.data, effects);
                    }
                }
            },
            Outcome::Closed(_) => match self.refusal.take() {
                Some(refusal) => self.end(Effect::Failed(refusal.failure()), effects),
                // a server that forgets [DONE] has still finished if it said why
                None => match self.reply.finish(effects) {
                    Some(stop) => self.end(Effect::Finished(stop), effects),
                    None => {
                        let cut = plugin::failure(Cause::Unreachable, "the reply broke off");
                        self.end(Effect::Failed(cut), effects);
                    }
                },
            },
            Outcome::Failed(failure) => self.end(Effect::Failed(failure.into()), effects),
            Outcome::Opened | Outcome::Frame(_) => {}
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

plugin::llm!(Completion);

#[cfg(test)]
mod tests;
