//! Deepgram's live transcription, v1: one WebSocket for the whole call.
//!
//! Audio goes out as binary frames as it comes; text frames bring transcripts. The vendor drops a
//! socket that is silent for ten seconds, so a timer that audio resets says that we are still
//! there.
//!
//! The vendor knows the end of a turn by silence alone, so the host is told of it only where the
//! operator wants that (`turns`). The vendor settles words after a silence that it hears itself, and
//! noise can hide it. The host's detector hears the end of speech at about the same time; words that
//! are in doubt by then are settled with `Finalize`, so that a turn never waits for them. Source:
//! Deepgram's API reference, `listen` v1, and its notes on keep-alive, endpointing, utterance end
//! and finalize.

mod messages;

use messages::{Alternative, Message};
use plugin::stt::{Effect, Event, Opening, Provider, Transcript, Tuning};
use plugin::url::Url;
use plugin::{Action, Cause, Encoding, Failure, Frame, Level, Outcome, Timer, Usage, Websocket, Word, net};
use serde::Deserialize;

const SOCKET: u32 = 1;
const KEEP_ALIVE: u32 = 1;
/// Well below the ten seconds after which the vendor closes.
const KEEP_ALIVE_AFTER: u32 = 4_000;
/// Runs while the vendor has time to settle words by itself.
const FINALIZE: u32 = 2;

#[derive(Deserialize)]
struct Settings {
    base_url: String,
    model: String,
    endpointing_ms: u32,
    finalize_after_ms: u32,
    turns: bool,
    utterance_end_ms: u32,
    smart_format: bool,
}

pub struct Deepgram {
    /// what is still to be opened, with the first event
    url: Option<String>,
    finalize_after_ms: u32,
    /// the vendor's turns are the host's
    turns: bool,
    finishing: bool,
    /// words were said since the vendor last declared the end of a turn
    unended: bool,
    doubt: Doubt,
    /// start and duration of the last final that had words
    settled: Option<(f64, f64)>,
    /// how far the finals reach, in milliseconds
    billed: u32,
}

/// Words that may still change.
#[derive(Default)]
struct Doubt {
    /// there are some
    words: bool,
    /// the caller fell silent, and the vendor was not yet asked to settle what was said before
    unasked: bool,
}

impl Provider for Deepgram {
    fn open(opening: Opening) -> Result<Self, Failure> {
        let settings: Settings = plugin::settings(&opening.settings)?;
        let encoding = match opening.format.encoding {
            Encoding::Mulaw => "mulaw",
            Encoding::Pcm16 => "linear16",
        };
        let mut url = Url::new(&settings.base_url, "v1/listen")
            .query("model", settings.model)
            .query("encoding", encoding)
            .query("sample_rate", opening.format.rate)
            .query("channels", 1)
            .query("interim_results", true)
            .query("smart_format", settings.smart_format)
            .query("endpointing", settings.endpointing_ms)
            .query_if("vad_events", settings.turns.then_some(true))
            .query_if("utterance_end_ms", settings.turns.then_some(settings.utterance_end_ms))
            .query_if("language", opening.language);
        for term in opening.keyterms {
            url = url.query("keyterm", term);
        }
        Ok(Self {
            url: Some(url.into_string()),
            finalize_after_ms: settings.finalize_after_ms,
            turns: settings.turns,
            finishing: false,
            unended: false,
            doubt: Doubt::default(),
            settled: None,
            billed: 0,
        })
    }

    fn handle(&mut self, _at: u64, event: Event, effects: &mut Vec<Effect>) {
        if let Some(url) = self.url.take() {
            let open = Websocket { url, headers: vec![], protocols: vec![] };
            effects.push(on_socket(Action::Open(open)));
            effects.push(keep_alive());
        }
        match event {
            // an empty frame would close the stream
            Event::Audio(audio) if audio.is_empty() => {}
            Event::Audio(audio) => {
                effects.push(on_socket(Action::Send(Frame::Binary(audio))));
                effects.push(keep_alive());
            }
            Event::Timer(FINALIZE) => {
                if self.doubt.words {
                    effects.push(say("Finalize"));
                }
            }
            Event::Timer(_) => {
                effects.push(say("KeepAlive"));
                effects.push(keep_alive());
            }
            Event::SpeechStarted => {
                self.doubt.unasked = false;
                effects.push(Effect::CancelTimer(FINALIZE));
            }
            Event::SpeechEnded => {
                self.doubt.unasked = true;
                self.settle(effects);
            }
            Event::Finalize => effects.push(say("Finalize")),
            Event::Finish => {
                self.finishing = true;
                effects.push(say("CloseStream"));
            }
            Event::Retune(Tuning { language, keyterms }) => {
                if let Some(terms) = keyterms {
                    let message = serde_json::json!({ "type": "Configure", "keyterms": terms });
                    effects.push(on_socket(Action::Send(Frame::Text(message.to_string()))));
                }
                if language.is_some() {
                    plugin::log(Level::Warn, "the language of a live stream cannot be changed; it stays");
                }
            }
            Event::Net(net::Event { outcome, .. }) => self.came(outcome, effects),
        }
    }
}

impl Deepgram {
    fn came(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        match outcome {
            Outcome::Frame(Frame::Text(text)) => match serde_json::from_str(&text) {
                Ok(message) => self.message(message, effects),
                Err(e) => effects.push(failed(Cause::Garbled, format!("not a message: {e}"))),
            },
            Outcome::Closed(_) if self.finishing => effects.push(Effect::Finished),
            Outcome::Closed(c) => {
                let cause = if c.reason.contains("DATA-") { Cause::Garbled } else { Cause::Unreachable };
                effects.push(failed(cause, format!("the vendor closed the stream: {} {}", c.code, c.reason)));
            }
            Outcome::Failed(failure) => {
                let reason = failure.headers.iter().find(|h| h.name.eq_ignore_ascii_case("dg-error"));
                let reason = reason.map_or(&failure.message, |header| &header.value);
                let message = format!("no stream: {} {reason}", failure.code);
                effects.push(Effect::Failed(Failure { message, ..failure.into() }));
            }
            Outcome::Opened | Outcome::Head(_) | Outcome::Body(_) | Outcome::Frame(Frame::Binary(_)) => {}
        }
    }

    fn message(&mut self, message: Message, effects: &mut Vec<Effect>) {
        match message {
            Message::Results { is_final, speech_final, start, duration, channel } => {
                let heard = channel.alternatives.into_iter().next().filter(|a| !a.is_empty());
                if is_final {
                    self.settled(start, duration, heard, effects);
                } else if let Some(heard) = heard {
                    self.unended = true;
                    self.doubt.words = true;
                    effects.push(Effect::Partial(transcript(heard, milliseconds(start + duration))));
                    self.settle(effects);
                }
                if speech_final {
                    self.end_turn(effects);
                }
            }
            Message::SpeechStarted if self.turns => effects.push(Effect::TurnStarted),
            Message::SpeechStarted => {}
            // it may follow `speech_final` for the same words
            Message::UtteranceEnd => self.end_turn(effects),
            Message::ConfigureFailure { description } => {
                plugin::log(Level::Warn, &format!("the vendor refused new keyterms: {description}"));
            }
            Message::Error { description, message } => {
                plugin::log(Level::Warn, &format!("the vendor complains: {description} {message}"));
            }
            Message::Other => {}
        }
    }

    /// These words will not change any more. None: there were none after all.
    fn settled(&mut self, start: f64, duration: f64, heard: Option<Alternative>, effects: &mut Vec<Effect>) {
        let span = Some((start, duration)).filter(|_| duration > 0.0);
        if heard.is_some() && span.is_some() && span == self.settled {
            // said twice: at the pause, and when it was asked for
            return;
        }
        let until = milliseconds(start + duration);
        let amount = u64::from(until.saturating_sub(self.billed));
        if amount > 0 {
            self.billed = until;
            effects.push(Effect::Usage(Usage { unit: "audio-ms".into(), amount }));
        }
        let doubted = std::mem::take(&mut self.doubt.words);
        match heard {
            Some(heard) => {
                self.unended = true;
                self.settled = span;
                effects.push(Effect::Final(transcript(heard, until)));
            }
            // the words in doubt are withdrawn, or the turn would wait for them
            None if doubted => effects.push(Effect::Partial(Transcript {
                text: String::new(),
                confidence: 1.0,
                words: Vec::new(),
                until: Some(until),
            })),
            None => {}
        }
    }

    /// Has the vendor settle the words in doubt, once for each time the caller falls silent: what is
    /// heard in a silence that is none must not be cut into pieces.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        if self.doubt.words && std::mem::take(&mut self.doubt.unasked) {
            effects.push(match self.finalize_after_ms {
                0 => say("Finalize"),
                after => Effect::Timer(Timer { id: FINALIZE, after }),
            });
        }
    }

    fn end_turn(&mut self, effects: &mut Vec<Effect>) {
        if std::mem::take(&mut self.unended) && self.turns {
            effects.push(Effect::TurnEnded);
        }
    }
}

fn transcript(heard: Alternative, until: u32) -> Transcript {
    let words = heard.words.into_iter().map(|word| Word {
        text: word.punctuated_word.unwrap_or(word.word),
        start: milliseconds(word.start),
        end: milliseconds(word.end),
    });
    Transcript {
        text: heard.transcript,
        confidence: heard.confidence.clamp(0.0, 1.0),
        words: words.collect(),
        until: Some(until),
    }
}

fn on_socket(action: Action) -> Effect {
    Effect::Net(net::Effect { connection: SOCKET, action })
}

fn say(what: &str) -> Effect {
    on_socket(Action::Send(Frame::Text(format!(r#"{{"type":"{what}"}}"#))))
}

fn keep_alive() -> Effect {
    Effect::Timer(Timer { id: KEEP_ALIVE, after: KEEP_ALIVE_AFTER })
}

fn failed(cause: Cause, message: String) -> Effect {
    Effect::Failed(plugin::failure(cause, message))
}

/// `as` saturates: what is negative or not a number becomes 0.
fn milliseconds(seconds: f64) -> u32 {
    (seconds * 1000.0).round() as u32
}

plugin::stt!(Deepgram);

#[cfg(test)]
mod tests;
