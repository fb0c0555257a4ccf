//! The caller's audio: what of it is speech, and what of it the recogniser gets.

use super::super::background::AUDIBLE;
use super::{Agent, Hearing, Run};
use crate::io::{Outbox, Output};
use crate::{Moment, line, stt};
use ::audio::TELEPHONE;
use ::audio::detect::{WINDOW, level};
use ::audio::g711;
use std::time::Duration;

/// Audio for the recogniser goes out in pieces of this length: while the caller speaks, while the
/// agent does, and else.
const PIECE: usize = 160;
const PIECE_OVER_AGENT: usize = 320;
pub(super) const PIECE_IN_SILENCE: usize = 800;

/// Around a key nothing is heard but the key: its tone comes with the sound too, before and after
/// the line reports it (DESIGN, rule 6).
const TONE: Duration = Duration::from_millis(400);

/// An echo that pauses for less than this is still the same.
const STILL_ECHO: Duration = Duration::from_millis(500);

/// A sound shorter than this may well have no words.
const WORTH_A_WORD: Duration = Duration::from_millis(500);

impl Hearing {
    /// More of the caller's audio, µ-law.
    pub(in crate::audio) fn frame(&mut self, now: Moment, audio: &[u8], agent: Agent<'_>, out: &mut Outbox) {
        self.detect(now, audio, agent, out);
        if !self.has_recogniser() {
            return;
        }
        let length = match (self.speaking, agent.sounds) {
            (true, _) => PIECE,
            (false, true) => PIECE_OVER_AGENT,
            (false, false) => PIECE_IN_SILENCE,
        };
        self.piece.extend_from_slice(audio);
        while self.piece.len() >= length {
            let rest = self.piece.split_off(length);
            let piece = std::mem::replace(&mut self.piece, rest);
            self.give(piece, out);
        }
    }

    /// This goes to the recogniser.
    fn give(&mut self, piece: Vec<u8>, out: &mut Outbox) {
        if !piece.is_empty() {
            self.replay.give(&piece);
            out.push(Output::Stt(stt::Event::Audio(piece)));
        }
    }

    fn detect(&mut self, now: Moment, audio: &[u8], agent: Agent<'_>, out: &mut Outbox) {
        for (n, byte) in audio.iter().enumerate() {
            self.window.push(g711::decode(*byte));
            let Ok(window) = <&[i16; WINDOW]>::try_from(self.window.as_slice()) else { continue };
            let speech = self.detector.step(window) >= self.endpointing.confidence;
            let stands_out = self.background.stands_out(level(window));
            self.window.clear();
            // the last sample of what arrives now was heard now
            self.detected_until = now - TELEPHONE.duration_of(audio.len() - n - 1);
            let speech = speech && stands_out >= AUDIBLE && self.detected_until >= self.deaf_until;
            if speech {
                self.stood_out = self.stood_out.max(stands_out);
            } else if !self.speaking {
                self.stood_out = 0.0;
            }
            if let Some(run) = self.run.as_mut().filter(|run| run.ended.is_none()) {
                run.stands_out = self.stood_out;
            }
            if speech == self.speaking {
                self.contrary = Duration::ZERO;
                self.closed_in_speech &= !speech;
            } else {
                self.contrary += TELEPHONE.duration_of(WINDOW);
                self.edge(agent, out);
            }
        }
    }

    /// Turns over once the contrary has lasted.
    fn edge(&mut self, agent: Agent<'_>, out: &mut Outbox) {
        let needed = if self.speaking { self.endpointing.stop } else { self.endpointing.start };
        if self.contrary < needed {
            return;
        }
        let turned = self.detected_until - self.contrary;
        self.contrary = Duration::ZERO;
        if self.speaking {
            self.speech_ends(turned, out);
        } else {
            self.speaking = true;
            // a line that returned the agent's voice just now may go on with it
            let returned = |run: &Run| run.echo && run.ended.is_some_and(|end| turned < end + STILL_ECHO);
            let echo = agent.sounds && (agent.begins || self.run.as_ref().is_some_and(returned));
            self.run = Some(Run { began: turned, ended: None, echo, stands_out: self.stood_out });
            self.tell_speaking(out);
            self.tell_recogniser(stt::Event::SpeechStarted, out);
        }
    }

    fn speech_ends(&mut self, ended: Moment, out: &mut Outbox) {
        self.speaking = false;
        self.speech_ended = (!self.closed_in_speech).then_some(ended);
        self.closed_in_speech = false;
        self.told_speaking = false;
        if let Some(run) = &mut self.run {
            run.ended = Some(ended);
            let heard_of_it = self.recogniser_moved >= run.began;
            let worth_a_word = !heard_of_it && ended.since(run.began) >= WORTH_A_WORD;
            if worth_a_word || self.must_be_settled() {
                self.owed.get_or_insert(ended);
            }
        }
        out.conversation(line::Event::Quiet);
        self.tell_recogniser(stt::Event::SpeechEnded, out);
    }

    /// The far end is lost: what the caller says is not heard any more.
    pub(in crate::audio) fn detach(&mut self, now: Moment, out: &mut Outbox) {
        self.detached = true;
        self.window.clear();
        self.contrary = Duration::ZERO;
        if self.speaking {
            self.speech_ends(now, out);
        }
    }

    /// It is back. What the recogniser owes it owes from now on.
    pub(in crate::audio) fn attach(&mut self, now: Moment) {
        self.detached = false;
        self.owed = self.owed.map(|_| now);
    }

    /// A key was pressed: what was heard just now was its tone, and so is what comes next.
    pub(in crate::audio) fn key(&mut self, now: Moment, out: &mut Outbox) {
        self.deaf_until = now + TONE;
        self.contrary = Duration::ZERO;
        let is_tone = self.run.is_some_and(|run| run.ended.is_none() && now.since(run.began) <= TONE);
        if is_tone && self.turn.is_empty() {
            self.run = None;
            self.speaking = false;
            self.told_in_turn = false;
            if std::mem::take(&mut self.told_speaking) {
                out.conversation(line::Event::Quiet);
            }
            self.tell_recogniser(stt::Event::SpeechEnded, out);
        }
    }

    /// Tells the recogniser of an edge, behind the audio that went before it.
    fn tell_recogniser(&mut self, edge: stt::Event, out: &mut Outbox) {
        if self.has_recogniser() {
            let piece = std::mem::take(&mut self.piece);
            self.give(piece, out);
            out.push(Output::Stt(edge));
        }
    }

    /// The sound that nobody has understood yet, or that is being understood.
    pub(in crate::audio) fn run(&self) -> Option<Run> {
        self.run
    }

    /// What the script wants to be listened for; what it does not say stays as it was.
    pub(in crate::audio) fn tune(&mut self, tuning: stt::Tuning, out: &mut Outbox) {
        self.tuning.language = tuning.language.clone().or(self.tuning.language.take());
        self.tuning.keyterms = tuning.keyterms.clone().or(self.tuning.keyterms.take());
        if self.has_recogniser() && tuning != stt::Tuning::default() {
            out.push(Output::Stt(stt::Event::Retune(tuning)));
        }
    }

    /// How long the sound has lasted by now.
    pub(in crate::audio) fn run_length(&self) -> Duration {
        self.run.map_or(Duration::ZERO, |run| run.ended.unwrap_or(self.detected_until).since(run.began))
    }

    pub(super) fn tell_speaking(&mut self, out: &mut Outbox) {
        self.told_in_turn = true;
        if !std::mem::replace(&mut self.told_speaking, true) {
            out.push(Output::Tts(crate::tts::Event::Prepare));
            out.conversation(line::Event::Speaking);
        }
    }
}
