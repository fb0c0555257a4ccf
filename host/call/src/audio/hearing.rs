//! Hearing: the caller's audio goes to the detector and to the recogniser, and words come back
//! that make a turn.
//!
//! A turn is closed when there are words and
//! - the recogniser says that the turn has ended, or
//! - nobody has spoken for `min_delay` and no word is still in doubt, or
//! - nobody has spoken for `max_delay`.

use crate::io::{Outbox, Output};
use crate::line::{self, Final};
use crate::persona::Utterance;
use crate::time::earliest;
use crate::words::join;
use crate::{Failure, Moment, stt};
use ::audio::TELEPHONE;
use ::audio::detect::{Detector, Energy, WINDOW};
use ::audio::g711;
use std::time::Duration;

/// When speech begins and ends, and when a turn does.
#[derive(Clone, Copy, Debug)]
pub struct Endpointing {
    /// A probability of at least this is speech.
    pub confidence: f32,
    /// It must last this long to count as begun.
    pub start: Duration,
    /// And be absent this long to count as ended.
    pub stop: Duration,
    /// From the end of speech to the end of the turn, once its words are known.
    pub min_delay: Duration,
    /// The same, whatever the recogniser says.
    pub max_delay: Duration,
}

impl Default for Endpointing {
    fn default() -> Self {
        Self {
            confidence: 0.5,
            start: Duration::from_millis(64),
            stop: Duration::from_millis(320),
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(3),
        }
    }
}

/// Audio for the recogniser goes out in pieces of this length: while anyone speaks, and else.
const PIECE: usize = 320;
const PIECE_IN_SILENCE: usize = 800;

/// A recogniser that fails a second time within this long is given up.
const REOPEN_AGAIN_AFTER: Duration = Duration::from_secs(10);

pub(super) struct Hearing {
    endpointing: Endpointing,
    detector: Box<dyn Detector>,
    /// samples that do not fill a window yet
    window: Vec<i16>,
    /// how far the detector has heard
    detected_until: Moment,
    /// how long the detector has said the opposite of `speaking`
    contrary: Duration,
    /// the caller speaks, by the detector
    speaking: bool,
    /// when the caller was last heard to speak; none: not since the last turn
    speech_ended: Option<Moment>,
    /// the turn was closed before the detector came to rest: the end of that speech is not the next
    /// turn's
    closed_in_speech: bool,
    /// the conversation was told that the caller speaks, and not yet that it is quiet
    told_speaking: bool,
    /// it was told so in this turn: words that come after the sound has ended are no new speech
    told_in_turn: bool,
    recogniser: Recogniser,
    /// audio that does not fill a piece yet
    piece: Vec<u8>,
    turn: Words,
}

/// What can be expected of the recogniser.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recogniser {
    None,
    Open { reopened: Option<Moment> },
    Lost,
}

/// The words of the turn that is being spoken.
#[derive(Default)]
struct Words {
    finals: String,
    partial: String,
    confidence: Option<f32>,
    language: Option<String>,
    /// when the last of them came
    at: Moment,
    /// the recogniser says that this is all
    ended: bool,
}

impl Hearing {
    pub(super) fn new(endpointing: Endpointing, recogniser: bool) -> Self {
        Self {
            endpointing,
            detector: Box::new(Energy::default()),
            window: Vec::with_capacity(WINDOW),
            detected_until: Moment::START,
            contrary: Duration::ZERO,
            speaking: false,
            speech_ended: None,
            closed_in_speech: false,
            told_speaking: false,
            told_in_turn: false,
            recogniser: if recogniser { Recogniser::Open { reopened: None } } else { Recogniser::None },
            piece: Vec::with_capacity(PIECE_IN_SILENCE),
            turn: Words::default(),
        }
    }

    // -- sound

    /// More of the caller's audio, µ-law. `agent_speaks`: also to be heard on the line.
    pub(super) fn frame(&mut self, now: Moment, audio: &[u8], agent_speaks: bool, out: &mut Outbox) {
        self.detect(now, audio, out);
        if !matches!(self.recogniser, Recogniser::Open { .. }) {
            return;
        }
        let length = if self.speaking || agent_speaks { PIECE } else { PIECE_IN_SILENCE };
        self.piece.extend_from_slice(audio);
        while self.piece.len() >= length {
            let rest = self.piece.split_off(length);
            let piece = std::mem::replace(&mut self.piece, rest);
            out.push(Output::Stt(stt::Event::Audio(piece)));
        }
    }

    fn detect(&mut self, now: Moment, audio: &[u8], out: &mut Outbox) {
        for (n, byte) in audio.iter().enumerate() {
            self.window.push(g711::decode(*byte));
            let Ok(window) = <&[i16; WINDOW]>::try_from(self.window.as_slice()) else { continue };
            let speech = self.detector.step(window) >= self.endpointing.confidence;
            self.window.clear();
            // the last sample of what arrives now was heard now
            self.detected_until = now - TELEPHONE.duration_of(audio.len() - n - 1);
            if speech == self.speaking {
                self.contrary = Duration::ZERO;
                self.closed_in_speech &= !speech;
            } else {
                self.contrary += TELEPHONE.duration_of(WINDOW);
                self.edge(out);
            }
        }
    }

    /// Turns over once the contrary has lasted.
    fn edge(&mut self, out: &mut Outbox) {
        let needed = if self.speaking { self.endpointing.stop } else { self.endpointing.start };
        if self.contrary < needed {
            return;
        }
        self.speaking = !self.speaking;
        if self.speaking {
            self.tell_speaking(out);
        } else {
            self.speech_ended = (!self.closed_in_speech).then(|| self.detected_until - self.contrary);
            self.closed_in_speech = false;
            self.told_speaking = false;
            out.conversation(line::Event::Quiet);
        }
        self.contrary = Duration::ZERO;
        if matches!(self.recogniser, Recogniser::Open { .. }) {
            // what was heard so far goes first
            let piece = std::mem::take(&mut self.piece);
            if !piece.is_empty() {
                out.push(Output::Stt(stt::Event::Audio(piece)));
            }
            let event = if self.speaking { stt::Event::SpeechStarted } else { stt::Event::SpeechEnded };
            out.push(Output::Stt(event));
        }
    }

    fn tell_speaking(&mut self, out: &mut Outbox) {
        self.told_in_turn = true;
        if !std::mem::replace(&mut self.told_speaking, true) {
            out.push(Output::Tts(crate::tts::Event::Prepare));
            out.conversation(line::Event::Speaking);
        }
    }

    // -- words

    /// What one call into the recogniser gave. Whether the caller said anything in it.
    pub(super) fn recogniser(&mut self, now: Moment, effects: Vec<stt::Effect>, out: &mut Outbox) -> bool {
        let mut words = false;
        for effect in effects {
            match effect {
                stt::Effect::Partial(transcript) => {
                    words |= !transcript.text.trim().is_empty();
                    self.partial(now, transcript.text, transcript.confidence);
                }
                stt::Effect::Final(transcript) => {
                    words |= !transcript.text.trim().is_empty();
                    self.finish(now, &transcript.text, transcript.confidence);
                }
                stt::Effect::TurnEnded => self.turn.ended = true,
                // what a recogniser thinks of turns under way is used by nobody yet
                stt::Effect::TurnStarted
                | stt::Effect::TurnEnding
                | stt::Effect::TurnResumed
                | stt::Effect::Usage(_)
                | stt::Effect::Finished => {}
                stt::Effect::Failed(failure) => self.recogniser_failed(now, failure, out),
            }
        }
        words
    }

    /// Words that did not come from the recogniser: typed, or recognised elsewhere.
    pub(super) fn said(&mut self, now: Moment, text: &str, is_final: bool) -> bool {
        if is_final {
            self.finish(now, text, 1.0);
            self.turn.ended = true;
        } else {
            self.partial(now, text.to_owned(), 1.0);
        }
        !text.trim().is_empty()
    }

    fn partial(&mut self, now: Moment, text: String, confidence: f32) {
        if text != self.turn.partial {
            self.turn.at = now;
            self.turn.partial = text;
            self.turn.confidence.get_or_insert(confidence);
        }
    }

    fn finish(&mut self, now: Moment, text: &str, confidence: f32) {
        self.turn.partial.clear();
        if !text.trim().is_empty() {
            self.turn.at = now;
            // the turn goes on, whatever was said before about its end
            self.turn.ended = false;
            let so_far = self.turn.confidence.filter(|_| !self.turn.finals.is_empty());
            self.turn.confidence = Some(so_far.map_or(confidence, |c| c.min(confidence)));
            self.turn.finals = join(&self.turn.finals, text);
        }
    }

    /// Tells the conversation what is new: the turn so far, or the turn.
    pub(super) fn tell_words(&mut self, now: Moment, out: &mut Outbox) {
        if !self.turn.is_empty() {
            if !self.told_in_turn {
                self.tell_speaking(out);
            }
            if !self.close_if_due(now, out) {
                out.conversation(line::Event::Partial(self.turn.utterance()));
            }
        } else if self.turn.ended {
            // the end of a turn without words
            self.turn = Words::default();
        }
    }

    /// Whether the turn was closed.
    pub(super) fn close_if_due(&mut self, now: Moment, out: &mut Outbox) -> bool {
        if self.turn_due().is_none_or(|due| now < due) {
            return false;
        }
        let turn = std::mem::take(&mut self.turn);
        let said = turn.utterance();
        let fading = (self.speaking && !self.contrary.is_zero()).then(|| self.detected_until - self.contrary);
        let speech_ended = fading.or(self.speech_ended.take()).unwrap_or(turn.at);
        self.closed_in_speech = self.speaking;
        self.told_in_turn = false;
        if !self.speaking && std::mem::take(&mut self.told_speaking) {
            out.conversation(line::Event::Quiet);
        }
        out.conversation(line::Event::Final(Final { said, speech_ended, transcribed: turn.at }));
        true
    }

    /// When the turn is to be closed, if nothing more comes.
    fn turn_due(&self) -> Option<Moment> {
        if self.turn.is_empty() {
            return None;
        }
        if self.turn.ended {
            return Some(self.turn.at);
        }
        let quiet_since = if self.speaking { None } else { Some(self.speech_ended.unwrap_or(self.turn.at)) };
        let doubt = !self.turn.partial.is_empty();
        let by_words = quiet_since.filter(|_| !doubt).map(|since| since + self.endpointing.min_delay);
        // a detector that never comes to rest must not keep a turn open for ever
        let in_any_case = quiet_since.unwrap_or(self.turn.at).max(self.turn.at) + self.endpointing.max_delay;
        Some(earliest([by_words, Some(in_any_case)]))
    }

    pub(super) fn next_timeout(&self) -> Moment {
        self.turn_due().unwrap_or(Moment::NEVER)
    }

    pub(super) fn has_recogniser(&self) -> bool {
        matches!(self.recogniser, Recogniser::Open { .. })
    }

    fn recogniser_failed(&mut self, now: Moment, failure: Failure, out: &mut Outbox) {
        let Recogniser::Open { reopened } = &mut self.recogniser else { return };
        let too_often = reopened.is_some_and(|last| now < last + REOPEN_AGAIN_AFTER);
        if too_often || !failure.is_passing() {
            self.recogniser = Recogniser::Lost;
            return out.conversation(line::Event::Deaf(failure));
        }
        *reopened = Some(now);
        out.trouble(format!("the recogniser failed and is opened again: {failure}"));
        out.push(Output::ReopenStt);
    }
}

impl Words {
    fn is_empty(&self) -> bool {
        self.finals.trim().is_empty() && self.partial.trim().is_empty()
    }

    fn utterance(&self) -> Utterance {
        Utterance {
            text: join(&self.finals, &self.partial),
            confidence: self.confidence.unwrap_or(1.0),
            language: self.language.clone(),
        }
    }
}
