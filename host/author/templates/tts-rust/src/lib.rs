//! {{title}}: a voice behind a server that gives the telephone's sound.
//!
//! A session speaks in one call: utterances, one after the other, each in pieces of text.
//!
//! ```text
//! POST {base_url}/speak  {"voice": "ann", "text": "Good morning."}
//! <-   µ-law, 8000 samples a second, and nothing else
//! ```
//!
//! Nothing is sent from here: a session is told what happened, and says what should be done.

use plugin::refusal::Refusal;
use plugin::tts::{Audio, Effect, Event, Opening, Piece, Provider, is_speakable};
use plugin::url::Url;
use plugin::{Action, Cause, Encoding, Failure, Header, Outcome, Request, net};
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;

/// From whoever runs it, checked against plugin.toml.
#[derive(Deserialize)]
struct Settings {
    base_url: String,
    voice: String,
}

struct Mouth {
    settings: Settings,
    /// in this order; the first may be asked for
    work: VecDeque<Work>,
    /// the request for the first piece; none: it was not sent yet
    request: Option<u32>,
    /// how many requests there were: each has a number of its own
    requests: u32,
    /// the server said no: what follows is why
    refusal: Option<Refusal>,
}

enum Work {
    Speak { utterance: u32, text: String },
    Finish { utterance: u32 },
}

impl Work {
    fn utterance(&self) -> u32 {
        match self {
            Self::Speak { utterance, .. } | Self::Finish { utterance } => *utterance,
        }
    }
}

impl Provider for Mouth {
    fn open(opening: Opening) -> Result<Self, Failure> {
        if opening.format.encoding != Encoding::Mulaw || opening.format.rate != 8000 {
            return Err(plugin::failure(Cause::Unsupported, "it gives µ-law at 8000, and nothing else"));
        }
        let mut settings: Settings = plugin::settings(&opening.settings)?;
        settings.voice = opening.voice.unwrap_or(settings.voice);
        Ok(Self { settings, work: VecDeque::new(), request: None, requests: 0, refusal: None })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Speak(piece) => self.speak(piece),
            Event::Cancel(utterance) => self.cancel(utterance, effects),
            Event::Net(net::Event { connection, outcome }) if self.request == Some(connection) => {
                self.came(outcome, effects);
            }
            // what still comes of a request that was given up is not wanted
            Event::Net(_) => {}
            Event::Begin(_) | Event::Prepare | Event::More | Event::Timer(_) => {}
        }
        self.advance(effects);
    }
}

impl Mouth {
    fn speak(&mut self, Piece { utterance, text, last }: Piece) {
        if is_speakable(&text) {
            self.work.push_back(Work::Speak { utterance, text });
        }
        if last {
            self.work.push_back(Work::Finish { utterance });
        }
    }

    fn cancel(&mut self, utterance: u32, effects: &mut Vec<Effect>) {
        if self.work.front().is_some_and(|work| work.utterance() == utterance)
            && let Some(connection) = self.request.take()
        {
            effects.push(Effect::Net(net::Effect { connection, action: Action::Close }));
        }
        self.work.retain(|work| work.utterance() != utterance);
    }

    fn came(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Head(head) => self.refusal = Refusal::new(head).ok(),
            Outcome::Body(data) => match (&mut self.refusal, self.work.front()) {
                (Some(refusal), _) => refusal.push(&data),
                (None, Some(work)) if !data.is_empty() => {
                    effects.push(Effect::Audio(Audio { utterance: work.utterance(), data }));
                }
                (None, _) => {}
            },
            Outcome::Closed(_) => match self.refusal.take() {
                Some(refusal) => self.fail(refusal.failure(), effects),
                None => {
                    self.request = None;
                    self.work.pop_front();
                }
            },
            Outcome::Failed(failure) => self.fail(failure.into(), effects),
            // of a websocket
            Outcome::Opened | Outcome::Frame(_) => {}
        }
    }

    fn fail(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        self.work.clear();
        self.request = None;
        effects.push(Effect::Failed(failure));
    }

    /// Says what has ended, and asks for what comes next.
    fn advance(&mut self, effects: &mut Vec<Effect>) {
        while let Some(Work::Finish { utterance }) = self.work.front() {
            effects.push(Effect::Finished(*utterance));
            self.work.pop_front();
        }
        if let (Some(Work::Speak { text, .. }), None) = (self.work.front(), self.request) {
            let body = json!({ "voice": self.settings.voice, "text": text }).to_string().into_bytes();
            let request = Request {
                method: "POST".into(),
                url: Url::new(&self.settings.base_url, "speak").into_string(),
                headers: vec![Header { name: "content-type".into(), value: "application/json".into() }],
                body,
            };
            self.requests += 1;
            self.request = Some(self.requests);
            let action = Action::Request(request);
            effects.push(Effect::Net(net::Effect { connection: self.requests, action }));
        }
    }
}

plugin::tts!(Mouth);

#[cfg(test)]
mod tests;
