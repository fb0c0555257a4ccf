//! Cartesia's text to speech: one WebSocket for the whole call, on which the utterances are
//! *contexts*, told apart by their names.
//!
//! The vendor closes a socket that nobody speaks on for some minutes, which is no failure: it is
//! opened again when the caller begins to speak. If the news of it crosses with text, the text is
//! sent again, once.
//!
//! A context ends by itself a second after its last audio, and must not be given text then. While
//! an utterance waits for its model or its tool, its context is therefore ended in good time, and
//! what follows goes on in another one. Source: Cartesia's API reference, "TTS WebSocket", and its
//! notes on contexts and buffering.

mod messages;
mod utterance;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::{Manner, Message, Refused, Words};
use plugin::tts::{Audio, Effect, Event, Opening, Piece, Provider, Timing, Utterance as Begun};
use plugin::url::Url;
use plugin::{
    Action, Cause, Encoding, Failure, Frame, Header, Level, Outcome, Timer, Usage, Websocket, Word, net,
};
use serde::Deserialize;
use std::collections::VecDeque;
use utterance::{Step, Utterance};

const SOCKET: u32 = 1;
/// Runs while a context waits for more text: at most one does, that of the last utterance.
const PAUSE: u32 = 1;
/// Below the second after which the vendor ends a context, by what a slow network takes.
const LONGEST_PAUSE: u32 = 700;

#[derive(Deserialize)]
struct Settings {
    base_url: String,
    version: String,
    voice: String,
    model: String,
    max_buffer_delay_ms: u32,
    speed: f64,
    volume: f64,
    emotion: String,
}

pub struct Cartesia {
    url: String,
    version: String,
    manner: Manner,
    bytes_per_sample: usize,
    rate: u32,
    socket: Socket,
    /// begun, and not finished or cancelled
    utterances: VecDeque<Utterance>,
    /// how many there were so far
    contexts: u32,
    /// audio came: the settings are right
    proven: bool,
    /// text was sent again on a new socket, and nothing has come since
    sent_again: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Socket {
    Closed,
    Opening,
    Open,
}

impl Provider for Cartesia {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings: Settings = plugin::settings(&opening.settings)?;
        let voices = [opening.voice.as_deref(), Some(settings.voice.as_str())];
        let Some(voice) = voices.into_iter().flatten().map(str::trim).find(|voice| !voice.is_empty()) else {
            let message = "no voice: set CARTESIA_VOICE_ID, or the setting voice of cartesia-tts, to the id \
                           of one of your voices at Cartesia";
            return Err(plugin::failure(Cause::Misconfigured, message));
        };
        let manner = Manner::new(&settings, opening.format)?.with(Some(voice), opening.language.as_deref());
        Ok(Self {
            url: Url::new(&settings.base_url, "tts/websocket").into_string(),
            version: settings.version,
            manner,
            bytes_per_sample: if opening.format.encoding == Encoding::Pcm16 { 2 } else { 1 },
            rate: opening.format.rate,
            socket: Socket::Closed,
            utterances: VecDeque::new(),
            contexts: 0,
            proven: false,
            sent_again: false,
        })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Prepare => self.connect(effects),
            Event::Begin(Begun { id, voice, language }) => {
                self.connect(effects);
                let manner = self.manner.clone().with(voice.as_deref(), language.as_deref());
                self.utterances.push_back(Utterance::new(id, manner));
            }
            Event::Speak(Piece { utterance, text, last }) => {
                let Some(at) = self.utterances.iter().position(|u| u.id == utterance) else { return };
                self.utterances[at].push(&text, last);
                if !text.is_empty() {
                    let amount = text.chars().count() as u64;
                    effects.push(Effect::Usage(Usage { unit: "characters".into(), amount }));
                }
                self.advance(at, effects);
            }
            Event::Cancel(utterance) => self.cancel(utterance, effects),
            Event::Timer(_) => {
                if let Some(utterance) = self.utterances.iter_mut().find(|u| u.is_open()) {
                    let step = utterance.end_context();
                    self.perform(step, effects);
                }
            }
            Event::Net(net::Event { outcome, .. }) => self.came(outcome, effects),
            // everything is given as it comes
            Event::More => {}
        }
    }
}

impl Cartesia {
    // -- to the vendor

    fn connect(&mut self, effects: &mut Vec<Effect>) {
        if self.socket == Socket::Closed {
            self.socket = Socket::Opening;
            let version = Header { name: "cartesia-version".into(), value: self.version.clone() };
            let open = Websocket { url: self.url.clone(), headers: vec![version], protocols: vec![] };
            effects.push(on_socket(Action::Open(open)));
        }
    }

    /// Does for an utterance what can be done now.
    fn advance(&mut self, at: usize, effects: &mut Vec<Effect>) {
        let Some(utterance) = self.utterances.get_mut(at) else { return };
        let had_context = utterance.context().is_some();
        let step = utterance.step(self.contexts + 1);
        self.contexts += u32::from(!had_context && utterance.context().is_some());
        if let Step::Finished = step {
            effects.push(Effect::Finished(utterance.id));
            self.utterances.remove(at);
            return;
        }
        self.perform(step, effects);
    }

    fn perform(&mut self, step: Step, effects: &mut Vec<Effect>) {
        match step {
            Step::Continue(input) => {
                self.send(input, effects);
                effects.push(pause());
            }
            Step::End(input) => {
                self.send(input, effects);
                effects.push(Effect::CancelTimer(PAUSE));
            }
            Step::Wait | Step::Finished => {}
        }
    }

    fn send(&mut self, text: String, effects: &mut Vec<Effect>) {
        // what is sent before it is open is kept in order
        self.connect(effects);
        effects.push(on_socket(Action::Send(Frame::Text(text))));
    }

    fn cancel(&mut self, utterance: u32, effects: &mut Vec<Effect>) {
        let Some(at) = self.utterances.iter().position(|u| u.id == utterance) else { return };
        let Some(utterance) = self.utterances.remove(at) else { return };
        if utterance.is_open() {
            effects.push(Effect::CancelTimer(PAUSE));
        }
        if let Some(context) = utterance.context() {
            effects.push(on_socket(Action::Send(Frame::Text(messages::cancel(context)))));
        }
    }

    // -- from the vendor

    fn came(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Opened => self.socket = Socket::Open,
            Outcome::Frame(Frame::Text(text)) => match serde_json::from_str(&text) {
                Ok(message) => self.message(message, effects),
                Err(e) => effects.push(failed(Cause::Garbled, format!("not a message: {e}"))),
            },
            Outcome::Closed(net::Closure { code, reason }) => {
                let message = format!("the vendor closed the socket: {code} {reason}");
                self.lost(plugin::failure(Cause::Unreachable, message), effects);
            }
            Outcome::Failed(failure) => {
                let failure = Failure::from(failure);
                let message = format!("no socket: {}", failure.message);
                self.lost(Failure { message, ..failure }, effects);
            }
            Outcome::Head(_) | Outcome::Body(_) | Outcome::Frame(Frame::Binary(_)) => {}
        }
    }

    fn message(&mut self, message: Message, effects: &mut Vec<Effect>) {
        match message {
            Message::Chunk { context_id, data } => match STANDARD.decode(data) {
                Ok(data) => self.audio(&context_id, data, effects),
                Err(e) => effects.push(failed(Cause::Garbled, format!("audio that is not base64: {e}"))),
            },
            Message::Timestamps { context_id, word_timestamps } => {
                self.words(&context_id, word_timestamps, effects);
            }
            Message::Done { context_id } => {
                let Some(at) = self.find(&context_id) else { return };
                if self.utterances[at].is_open() {
                    effects.push(Effect::CancelTimer(PAUSE));
                }
                self.utterances[at].done();
                self.advance(at, effects);
            }
            Message::Error(refused) => self.refused(&refused, effects),
            Message::Other => {}
        }
    }

    fn audio(&mut self, context: &str, data: Vec<u8>, effects: &mut Vec<Effect>) {
        // what still comes of a cancelled one is not wanted
        let Some(at) = self.find(context) else { return };
        self.proven = true;
        self.sent_again = false;
        let utterance = &mut self.utterances[at];
        let data = utterance.audio(data, self.bytes_per_sample);
        if utterance.is_open() {
            effects.push(pause());
        }
        if !data.is_empty() {
            effects.push(Effect::Audio(Audio { utterance: utterance.id, data }));
        }
    }

    fn words(&mut self, context: &str, words: Words, effects: &mut Vec<Effect>) {
        let Some(at) = self.find(context) else { return };
        let utterance = self.utterances[at].id;
        let samples = self.utterances[at].words() / self.bytes_per_sample;
        let from = samples as f64 / f64::from(self.rate);
        let places = words.start.into_iter().zip(words.end);
        effects.extend(words.words.into_iter().zip(places).map(|(text, (start, end))| {
            let word = Word { text, start: milliseconds(from + start), end: milliseconds(from + end) };
            Effect::Timing(Timing { utterance, word })
        }));
    }

    fn refused(&mut self, refused: &Refused, effects: &mut Vec<Effect>) {
        let concerns = match &refused.context_id {
            Some(context) => self.find(context).is_some(),
            None => self.utterances.iter().any(|u| u.context().is_some()),
        };
        if !concerns {
            return plugin::log(Level::Debug, &format!("about nothing that is spoken: {}", refused.reason()));
        }
        let cause = match plugin::cause_of_status(refused.status_code) {
            // what was right before is not wrong now
            Some(Cause::Misconfigured) if self.proven => Cause::Garbled,
            cause => cause.unwrap_or(Cause::Garbled),
        };
        effects.push(failed(cause, format!("the vendor refused to speak: {}", refused.reason())));
    }

    /// The socket is gone. That is a failure only for what was to be spoken on it.
    fn lost(&mut self, failure: Failure, effects: &mut Vec<Effect>) {
        let was_open = std::mem::replace(&mut self.socket, Socket::Closed) == Socket::Open;
        if self.utterances.iter().all(|u| u.context().is_none()) {
            return plugin::log(Level::Debug, &format!("while nothing was spoken: {}", failure.message));
        }
        let again = was_open && !std::mem::replace(&mut self.sent_again, true);
        if !again || !self.utterances.iter_mut().all(Utterance::lose_context) {
            return effects.push(Effect::Failed(failure));
        }
        // none of them is finished: each has text
        for at in 0..self.utterances.len() {
            self.advance(at, effects);
        }
    }

    /// Where the utterance is that has this context.
    fn find(&self, context: &str) -> Option<usize> {
        self.utterances.iter().position(|utterance| utterance.context() == Some(context))
    }
}

fn on_socket(action: Action) -> Effect {
    Effect::Net(net::Effect { connection: SOCKET, action })
}

fn pause() -> Effect {
    Effect::Timer(Timer { id: PAUSE, after: LONGEST_PAUSE })
}

fn failed(cause: Cause, message: String) -> Effect {
    Effect::Failed(plugin::failure(cause, message))
}

/// `as` saturates: what is negative or not a number becomes 0.
fn milliseconds(seconds: f64) -> u32 {
    (seconds * 1000.0).round() as u32
}

plugin::tts!(Cartesia);

#[cfg(test)]
mod tests;
