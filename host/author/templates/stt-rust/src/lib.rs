//! {{title}}: a recogniser behind a websocket.
//!
//! A session hears one call.
//!
//! ```text
//! GET {base_url}/listen?language=en-US&rate=8000     a websocket
//! ->  binary frames: µ-law, 8000 samples a second
//! ->  {"type": "flush"}     say what was heard so far
//! ->  {"type": "finish"}    nothing more comes
//! <-  {"type": "partial", "text": "my soup"}
//! <-  {"type": "final", "text": "My soup was cold.", "confidence": 0.9}
//! <-  {"type": "error", "message": "…"}
//! ```
//!
//! Nothing is sent from here: a session is told what happened, and says what should be done.

use plugin::stt::{Effect, Event, Opening, Provider, Transcript};
use plugin::url::Url;
use plugin::{Action, Cause, Encoding, Failure, Frame, Outcome, Websocket, net};
use serde::Deserialize;

/// The one connection of a session.
const SOCKET: u32 = 1;

/// From whoever runs it, checked against plugin.toml.
#[derive(Deserialize)]
struct Settings {
    base_url: String,
}

/// What the recogniser says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Partial {
        text: String,
    },
    Final {
        text: String,
        confidence: Option<f32>,
    },
    Error {
        message: String,
    },
    /// what a newer one says
    #[serde(other)]
    Other,
}

struct Ear {
    /// still to be opened, with the first event
    url: Option<String>,
    finishing: bool,
}

impl Provider for Ear {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings: Settings = plugin::settings(&opening.settings)?;
        if opening.format.encoding != Encoding::Mulaw {
            return Err(plugin::failure(Cause::Unsupported, "it takes µ-law, and nothing else"));
        }
        let url = Url::new(&settings.base_url, "listen")
            .query_if("language", opening.language)
            .query("rate", opening.format.rate);
        Ok(Self { url: Some(url.into_string()), finishing: false })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        if let Some(url) = self.url.take() {
            effects.push(on_socket(Action::Open(Websocket { url, headers: vec![], protocols: vec![] })));
        }
        match event {
            Event::Audio(audio) => effects.push(on_socket(Action::Send(Frame::Binary(audio)))),
            Event::Finalize => effects.push(say("flush")),
            Event::Finish => {
                self.finishing = true;
                effects.push(say("finish"));
            }
            Event::Net(net::Event { outcome, .. }) => self.came(outcome, effects),
            // this recogniser hears for itself when somebody speaks, and cannot be retuned
            Event::SpeechStarted | Event::SpeechEnded | Event::Retune(_) | Event::Timer(_) => {}
        }
    }
}

impl Ear {
    fn came(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Frame(Frame::Text(text)) => effects.extend(match serde_json::from_str(&text) {
                Ok(Said::Partial { text }) => Some(Effect::Partial(transcript(text, None))),
                Ok(Said::Final { text, confidence }) => Some(Effect::Final(transcript(text, confidence))),
                Ok(Said::Error { message }) => Some(failed(Cause::Unreachable, message)),
                Ok(Said::Other) => None,
                Err(e) => Some(failed(Cause::Garbled, format!("{text:?} is not a message: {e}"))),
            }),
            Outcome::Closed(_) if self.finishing => effects.push(Effect::Finished),
            Outcome::Closed(closure) => {
                let why = format!("the recogniser closed the socket: {} {}", closure.code, closure.reason);
                effects.push(failed(Cause::Unreachable, why));
            }
            Outcome::Failed(failure) => effects.push(Effect::Failed(failure.into())),
            Outcome::Opened | Outcome::Head(_) | Outcome::Body(_) | Outcome::Frame(Frame::Binary(_)) => {}
        }
    }
}

fn transcript(text: String, confidence: Option<f32>) -> Transcript {
    // it does not say where its words lie
    Transcript { text, confidence: confidence.unwrap_or(1.0), words: Vec::new(), until: None }
}

fn on_socket(action: Action) -> Effect {
    Effect::Net(net::Effect { connection: SOCKET, action })
}

fn say(what: &str) -> Effect {
    on_socket(Action::Send(Frame::Text(format!(r#"{{"type":"{what}"}}"#))))
}

fn failed(cause: Cause, message: String) -> Effect {
    Effect::Failed(plugin::failure(cause, message))
}

plugin::stt!(Ear);

#[cfg(test)]
mod tests;
