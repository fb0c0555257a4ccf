//! {{title}}: a language model behind a server that speaks chat completions.
//!
//! A session is one reply: one request, whose answer comes in pieces as server-sent events.
//!
//! ```text
//! POST {base_url}/chat/completions
//!      {"model": "…", "stream": true, "messages": [{"role": "user", "content": "…"}]}
//! <-   data: {"choices": [{"delta": {"content": "Hel"}}]}
//! <-   data: [DONE]
//! ```
//!
//! Nothing is sent from here: a session is told what happened, and says what should be done.

use plugin::llm::{Effect, Event, Message, Opening, Prompt, Provider, Stop};
use plugin::refusal::Refusal;
use plugin::url::Url;
use plugin::{Action, Cause, Failure, Header, Outcome, Request, net, sse};
use serde::Deserialize;
use serde_json::{Value, json};

/// The one connection of a session.
const REQUEST: u32 = 1;

/// From whoever runs it, checked against plugin.toml.
#[derive(Deserialize)]
struct Settings {
    base_url: String,
    model: String,
}

struct Reply {
    settings: Settings,
    events: sse::Parser,
    /// the server said no: what follows is why
    refusal: Option<Refusal>,
    over: bool,
}

impl Provider for Reply {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings = plugin::settings(&opening.settings)?;
        Ok(Self { settings, events: sse::Parser::default(), refusal: None, over: false })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Generate(prompt) => effects.push(self.request(&prompt)),
            Event::Cancel => {
                effects.push(Effect::Net(net::Effect { connection: REQUEST, action: Action::Close }));
                self.over = true;
            }
            Event::Net(net::Event { outcome, .. }) => self.came(outcome, effects),
            Event::Timer(_) => {}
        }
    }
}

impl Reply {
    fn request(&self, prompt: &Prompt) -> Effect {
        let messages: Vec<Value> = prompt.messages.iter().map(message).collect();
        let mut body = json!({ "model": self.settings.model, "stream": true, "messages": messages });
        if let Some(most) = prompt.max_tokens {
            body["max_tokens"] = json!(most);
        }
        let request = Request {
            method: "POST".into(),
            url: Url::new(&self.settings.base_url, "chat/completions").into_string(),
            headers: vec![Header { name: "content-type".into(), value: "application/json".into() }],
            body: body.to_string().into_bytes(),
        };
        Effect::Net(net::Effect { connection: REQUEST, action: Action::Request(request) })
    }

    fn came(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if self.over {
            return;
        }
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
            Outcome::Closed(_) => {
                let failure = match &self.refusal {
                    Some(refusal) => refusal.failure(),
                    None => plugin::failure(Cause::Unreachable, "the reply broke off"),
                };
                self.end(Effect::Failed(failure), effects);
            }
            Outcome::Failed(failure) => self.end(Effect::Failed(failure.into()), effects),
            // of a websocket
            Outcome::Opened | Outcome::Frame(_) => {}
        }
    }

    /// One event of the stream.
    fn event(&mut self, data: &str, effects: &mut Vec<Effect>) {
        if data.trim() == "[DONE]" {
            return self.end(Effect::Finished(Stop::Complete), effects);
        }
        match serde_json::from_str::<Value>(data) {
            Ok(chunk) => {
                let text = chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
                if !text.is_empty() && !self.over {
                    effects.push(Effect::Delta(text.to_owned()));
                }
            }
            Err(e) => {
                let failure = plugin::failure(Cause::Garbled, format!("not a piece of a reply: {e}"));
                self.end(Effect::Failed(failure), effects);
            }
        }
    }

    /// The last effect of a session, once.
    fn end(&mut self, last: Effect, effects: &mut Vec<Effect>) {
        if !std::mem::replace(&mut self.over, true) {
            effects.push(last);
        }
    }
}

/// What was said, as the server wants it. Tools are left out: this model is offered none.
fn message(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({ "role": "system", "content": text }),
        Message::Caller(text) => json!({ "role": "user", "content": text }),
        Message::Assistant(reply) => json!({ "role": "assistant", "content": reply.text }),
        Message::Tool(result) => json!({ "role": "user", "content": result.content }),
    }
}

plugin::llm!(Reply);

#[cfg(test)]
mod tests;
