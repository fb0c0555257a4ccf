//! A line that carries sound: a media stream, a browser.
//!
//! - `hearing.rs`: the caller's audio, the detector, the recogniser, and when a turn ends
//! - `speaking.rs`: utterances, the voice, and what is sent when
//! - `utterance.rs`: one utterance: its text, its audio, and how much of both was heard
//! - `pieces.rs`: text cut into pieces worth speaking
//! - `playout.rs`: the far end's buffer, marks, and what can have been played
//!
//! What stands here is what joins hearing and speaking: the caller who cuts in.

mod hearing;
mod pieces;
mod playout;
mod speaking;
mod utterance;

pub use hearing::Endpointing;
pub use playout::Lead;

use crate::Moment;
use crate::io::{Outbox, Output};
use crate::line::{self, Command};
use crate::persona::{Ending, Interruption};
use crate::{stt, tts};
use hearing::Hearing;
use playout::Playout;
use speaking::Speaking;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Settings {
    pub endpointing: Endpointing,
    pub lead: Lead,
    /// A voice that has given nothing of what it owes for this long has failed.
    pub first_output: Duration,
    /// There is a recogniser. Without one, words come as [`Input::Said`] or not at all.
    pub recogniser: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpointing: Endpointing::default(),
            lead: Lead::default(),
            first_output: Duration::from_secs(5),
            recogniser: true,
        }
    }
}

/// What comes from the far end.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// More of the caller's audio, µ-law, any length.
    Frame(Vec<u8>),
    /// A mark came back.
    Mark(String),
    /// Words that the far end knows without a recogniser: typed, or recognised there. `last`: the
    /// turn is whole.
    Said { text: String, last: bool },
}

pub(crate) struct AudioLine {
    hearing: Hearing,
    speaking: Speaking,
    closed: bool,
}

impl AudioLine {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            hearing: Hearing::new(settings.endpointing, settings.recogniser),
            speaking: Speaking::new(Playout::new(settings.lead), settings.first_output),
            closed: false,
        }
    }

    pub(crate) fn handle(&mut self, now: Moment, input: Input, out: &mut Outbox) {
        if self.closed {
            return;
        }
        match input {
            Input::Frame(audio) => {
                let agent_speaks = self.speaking.is_sounding(now);
                self.hearing.frame(now, &audio, agent_speaks, out);
            }
            Input::Mark(name) => self.speaking.mark(&name),
            Input::Said { text, last } => {
                let words = self.hearing.said(now, &text, last);
                self.words(now, words, out);
            }
        }
    }

    pub(crate) fn recogniser(&mut self, now: Moment, effects: Vec<stt::Effect>, out: &mut Outbox) {
        if !self.closed {
            let words = self.hearing.recogniser(now, effects, out);
            self.words(now, words, out);
        }
    }

    pub(crate) fn voice(&mut self, now: Moment, effects: Vec<tts::Effect>, out: &mut Outbox) {
        if !self.closed {
            self.speaking.voice(now, effects, out);
        }
    }

    /// The caller said something: it cuts in, and it may close the turn.
    fn words(&mut self, now: Moment, words: bool, out: &mut Outbox) {
        self.speaking.tell_heard(now, out);
        if words {
            self.speaking.interrupt(now, Interruption::by_speech, out);
        }
        self.hearing.tell_words(now, out);
    }

    pub(crate) fn key(&mut self, now: Moment, key: char, out: &mut Outbox) {
        if !self.closed {
            self.speaking.interrupt(now, Interruption::by_keys, out);
            out.conversation(line::Event::Key(key));
        }
    }

    pub(crate) fn command(&mut self, now: Moment, command: Command, out: &mut Outbox) {
        match command {
            Command::End if !self.closed => {
                out.push(Output::Close);
                self.close(now, out);
            }
            _ if self.closed => {}
            Command::Begin { utterance, manner } => self.speaking.begin(utterance, manner),
            Command::Speak { utterance, text } => self.speaking.speak(now, utterance, &text, out),
            Command::Pause { utterance } => self.speaking.pause(now, utterance, out),
            Command::Finish { utterance } => self.speaking.finish(now, utterance, out),
            Command::Stop { utterance } => self.speaking.stop(now, utterance, out),
            Command::Listen { keyterms, language } => {
                if self.hearing.has_recogniser() && (!keyterms.is_empty() || language.is_some()) {
                    let keyterms = (!keyterms.is_empty()).then_some(keyterms);
                    out.push(Output::Stt(stt::Event::Retune(stt::Tuning { language, keyterms })));
                }
            }
            Command::End => {}
        }
    }

    /// The far end is gone.
    pub(crate) fn closed(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            self.close(now, out);
        }
    }

    fn close(&mut self, now: Moment, out: &mut Outbox) {
        self.closed = true;
        self.speaking.end(now, Ending::Cancelled, out);
        if self.hearing.has_recogniser() {
            out.push(Output::Stt(stt::Event::Finish));
        }
        out.conversation(line::Event::Closed);
    }

    pub(crate) fn timeout(&mut self, now: Moment, out: &mut Outbox) {
        if self.closed {
            return;
        }
        if self.hearing.next_timeout() <= now {
            self.speaking.tell_heard(now, out);
            self.hearing.close_if_due(now, out);
        }
        self.speaking.timeout(now, out);
    }

    pub(crate) fn next_timeout(&self) -> Moment {
        if self.closed {
            return Moment::NEVER;
        }
        self.hearing.next_timeout().min(self.speaking.next_timeout())
    }
}
