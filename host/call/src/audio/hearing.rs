//! Hearing: the caller's audio goes to the detector and to the recogniser, and words come back
//! that make a turn.
//!
//! A turn is closed when there are words and
//! - the recogniser says that the turn has ended, or
//! - nobody has spoken for as long as `endpointing.rs` wants after such words, and no word is still
//!   in doubt, or
//! - nobody has spoken for `max_delay`.
//!
//! Until the words of a sound are known it may be anything: the sound itself ([`Run`]) decides only
//! whether the agent waits.

use super::background::{AUDIBLE, Background};
use super::bargein::LONGEST_WITHOUT_WORDS;
use super::endpointing::Endpointing;
use super::replay::Replay;
use super::wording;
use crate::io::{Outbox, Output};
use crate::line::{self, Final};
use crate::persona::Utterance;
use crate::time::earliest;
use crate::words::join;
use crate::{Cause, Failure, Moment, stt};
use ::audio::TELEPHONE;
use ::audio::detect::{Detector, WINDOW, level};
use ::audio::g711;
use std::time::Duration;

/// Audio for the recogniser goes out in pieces of this length: while the caller speaks, while the
/// agent does, and else.
const PIECE: usize = 160;
const PIECE_OVER_AGENT: usize = 320;
const PIECE_IN_SILENCE: usize = 800;

/// Around a key nothing is heard but the key: its tone comes with the sound too, before and after
/// the line reports it (DESIGN, rule 6).
const TONE: Duration = Duration::from_millis(400);

/// An echo that pauses for less than this is still the same.
const STILL_ECHO: Duration = Duration::from_millis(500);

/// A recogniser that says more than this within a second is out of its mind.
const MOST_EFFECTS: usize = 200;
const WITHIN: Duration = Duration::from_secs(1);

/// A sound shorter than this may well have no words.
const WORTH_A_WORD: Duration = Duration::from_millis(500);

/// A recogniser that fails a second time within this long is given up.
const REOPEN_AGAIN_AFTER: Duration = Duration::from_secs(10);

pub(super) struct Hearing {
    endpointing: Endpointing,
    detector: Box<dyn Detector>,
    /// samples that do not fill a window yet
    window: Vec<i16>,
    background: Background,
    /// how far the speech stood out that the detector hears, before it counts as begun
    stood_out: f32,
    /// how far the detector has heard
    detected_until: Moment,
    /// how long the detector has said the opposite of `speaking`
    contrary: Duration,
    /// the caller speaks, by the detector
    speaking: bool,
    /// the sound of this turn that is being heard, or was heard last
    run: Option<Run>,
    /// a key was pressed: nothing counts as speech until then
    deaf_until: Moment,
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
    /// so long after speech has ended a recogniser that gives no sign of life has failed
    first_words: Duration,
    /// when it last gave one
    recogniser_moved: Moment,
    /// how much it said since then
    said: (Moment, usize),
    /// when speech ended of which it has said nothing
    owed: Option<Moment>,
    /// audio that does not fill a piece yet
    piece: Vec<u8>,
    replay: Replay,
    /// what the script last wanted to be listened for
    tuning: stt::Tuning,
    /// what the recogniser said last, to know it again
    last_final: String,
    /// words that were in doubt when the last turn was closed with them: they may come again
    handed_over: String,
    turn: Words,
    /// the turn is not to be closed for now, however long nobody speaks
    deferred: bool,
}

/// A sound that the detector takes for speech.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) began: Moment,
    /// none: it goes on
    pub(super) ended: Option<Moment>,
    /// it may be the agent's own voice that comes back
    pub(super) echo: bool,
    /// how far its loudest moment stands out of the background, in dB
    pub(super) stands_out: f32,
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
    /// the first of them came while the agent was speaking
    over_speech: bool,
}

/// What is known of the agent while the caller is listened to.
#[derive(Clone, Copy)]
pub(super) struct Agent<'a> {
    /// it is to be heard on the line
    pub(super) sounds: bool,
    /// it has just begun: a line that has not learnt its echo yet returns it
    pub(super) begins: bool,
    /// what it is saying
    pub(super) text: &'a str,
}

impl Hearing {
    pub(super) fn new(
        endpointing: Endpointing,
        recogniser: bool,
        first_words: Duration,
        detector: Box<dyn Detector>,
    ) -> Self {
        Self {
            first_words,
            recogniser_moved: Moment::START,
            said: (Moment::START, 0),
            owed: None,
            endpointing,
            detector,
            window: Vec::with_capacity(WINDOW),
            background: Background::new(),
            stood_out: 0.0,
            detected_until: Moment::START,
            contrary: Duration::ZERO,
            speaking: false,
            run: None,
            deaf_until: Moment::START,
            speech_ended: None,
            closed_in_speech: false,
            told_speaking: false,
            told_in_turn: false,
            recogniser: if recogniser { Recogniser::Open { reopened: None } } else { Recogniser::None },
            piece: Vec::with_capacity(PIECE_IN_SILENCE),
            replay: Replay::default(),
            tuning: stt::Tuning::default(),
            handed_over: String::new(),
            last_final: String::new(),
            turn: Words::default(),
            deferred: false,
        }
    }

    // -- sound

    /// More of the caller's audio, µ-law.
    pub(super) fn frame(&mut self, now: Moment, audio: &[u8], agent: Agent<'_>, out: &mut Outbox) {
        self.detect(now, audio, agent, out);
        if !matches!(self.recogniser, Recogniser::Open { .. }) {
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
        self.speaking = !self.speaking;
        let turned = self.detected_until - self.contrary;
        if self.speaking {
            // a line that returned the agent's voice just now may go on with it
            let returned = |run: &Run| run.echo && run.ended.is_some_and(|end| turned < end + STILL_ECHO);
            let echo = agent.sounds && (agent.begins || self.run.as_ref().is_some_and(returned));
            self.run = Some(Run { began: turned, ended: None, echo, stands_out: self.stood_out });
            self.tell_speaking(out);
        } else {
            self.speech_ended = (!self.closed_in_speech).then_some(turned);
            self.closed_in_speech = false;
            self.told_speaking = false;
            if let Some(run) = &mut self.run {
                run.ended = Some(turned);
                let heard_of_it = self.recogniser_moved >= run.began;
                if !heard_of_it && turned.since(run.began) >= WORTH_A_WORD {
                    self.owed.get_or_insert(turned);
                }
            }
            out.conversation(line::Event::Quiet);
        }
        self.contrary = Duration::ZERO;
        let edge = if self.speaking { stt::Event::SpeechStarted } else { stt::Event::SpeechEnded };
        self.tell_recogniser(edge, out);
    }

    /// A key was pressed: what was heard just now was its tone, and so is what comes next.
    pub(super) fn key(&mut self, now: Moment, out: &mut Outbox) {
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
    pub(super) fn run(&self) -> Option<Run> {
        self.run
    }

    /// What the script wants to be listened for; what it does not say stays as it was.
    pub(super) fn tune(&mut self, tuning: stt::Tuning, out: &mut Outbox) {
        self.tuning.language = tuning.language.clone().or(self.tuning.language.take());
        self.tuning.keyterms = tuning.keyterms.clone().or(self.tuning.keyterms.take());
        if self.has_recogniser() && tuning != stt::Tuning::default() {
            out.push(Output::Stt(stt::Event::Retune(tuning)));
        }
    }

    /// How long the sound has lasted by now.
    pub(super) fn run_length(&self) -> Duration {
        self.run.map_or(Duration::ZERO, |run| run.ended.unwrap_or(self.detected_until).since(run.began))
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
    pub(super) fn recogniser(
        &mut self,
        now: Moment,
        effects: Vec<stt::Effect>,
        agent: Agent<'_>,
        out: &mut Outbox,
    ) -> bool {
        let mut words = false;
        self.recogniser_moved = now;
        self.owed = None;
        let (since, count) = self.said;
        let goes_on = now < since + WITHIN;
        self.said = if goes_on { (since, count + effects.len()) } else { (now, effects.len()) };
        if self.said.1 > MOST_EFFECTS {
            self.said = (now, 0);
            let failure =
                Failure::new(Cause::Garbled, format!("it said more than {MOST_EFFECTS} things in a second"));
            self.recogniser_failed(now, failure, out);
            return false;
        }
        for effect in effects {
            match effect {
                stt::Effect::Partial(heard) if self.is_speech(now, &heard.text, agent) => {
                    words |= self.partial(now, heard.text, heard.confidence, agent);
                }
                stt::Effect::Final(heard) => {
                    let further = self.replay.settle(heard.until) || heard.until.is_none();
                    let again = !further && heard.text == self.last_final;
                    if again {
                        continue;
                    }
                    self.last_final.clone_from(&heard.text);
                    if self.is_speech(now, &heard.text, agent) {
                        words |= self.finish(now, &heard.text, heard.confidence, agent);
                    } else {
                        self.turn.partial.clear();
                    }
                }
                stt::Effect::TurnEnded => self.turn.ended = true,
                stt::Effect::Failed(failure) => self.recogniser_failed(now, failure, out),
                // what a recogniser thinks of turns under way is used by nobody yet
                stt::Effect::Partial(_)
                | stt::Effect::TurnStarted
                | stt::Effect::TurnEnding
                | stt::Effect::TurnResumed
                | stt::Effect::Usage(_)
                | stt::Effect::Finished => {}
            }
        }
        words
    }

    /// Whether these words are the caller's: not a tone that was taken for words, and not the
    /// agent's own words that came back over the line.
    fn is_speech(&self, now: Moment, text: &str, agent: Agent<'_>) -> bool {
        if text.trim().is_empty() {
            // it may withdraw a partial
            return true;
        }
        let tone = now < self.deaf_until && self.turn.is_empty() && self.run.is_none();
        let echo = self.run.is_some_and(|run| run.echo) && wording::occurs_in(text, agent.text);
        !tone && !echo
    }

    /// Words that did not come from the recogniser: typed, or recognised elsewhere.
    pub(super) fn said(&mut self, now: Moment, text: &str, is_final: bool, agent: Agent<'_>) -> bool {
        if is_final {
            self.finish(now, text, 1.0, agent);
            self.turn.ended = true;
        } else {
            self.partial(now, text.to_owned(), 1.0, agent);
        }
        !text.trim().is_empty()
    }

    fn partial(&mut self, now: Moment, text: String, confidence: f32, agent: Agent<'_>) -> bool {
        let text = wording::without(&text, &self.handed_over).to_owned();
        if text != self.turn.partial {
            self.turn.over_speech |= agent.sounds && self.turn.is_empty();
            self.turn.at = now;
            self.turn.partial = text;
            self.turn.confidence.get_or_insert(confidence);
        }
        !self.turn.partial.trim().is_empty()
    }

    fn finish(&mut self, now: Moment, text: &str, confidence: f32, agent: Agent<'_>) -> bool {
        let handed_over = std::mem::take(&mut self.handed_over);
        let text = wording::without(text, &handed_over);
        let said_something = !text.trim().is_empty();
        self.turn.over_speech |= agent.sounds && self.turn.is_empty();
        self.turn.partial.clear();
        if said_something {
            self.turn.at = now;
            // the turn goes on, whatever was said before about its end
            self.turn.ended = false;
            let so_far = self.turn.confidence.filter(|_| !self.turn.finals.is_empty());
            self.turn.confidence = Some(so_far.map_or(confidence, |c| c.min(confidence)));
            self.turn.finals = join(&self.turn.finals, text);
        }
        said_something
    }

    /// The words of the turn so far.
    pub(super) fn words(&self) -> String {
        join(&self.turn.finals, &self.turn.partial)
    }

    pub(super) fn has_words(&self) -> bool {
        !self.turn.is_empty()
    }

    /// The words were not meant for the agent: it goes on as if they had not been said.
    pub(super) fn drop_words(&mut self, out: &mut Outbox) {
        self.turn = Words::default();
        self.run = None;
        self.told_in_turn = false;
        if !self.speaking && std::mem::take(&mut self.told_speaking) {
            out.conversation(line::Event::Quiet);
        }
    }

    /// Whether the words of this turn began while the agent was speaking.
    pub(super) fn is_over_speech(&self) -> bool {
        self.turn.over_speech
    }

    pub(super) fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Keeps the turn open for as long as the agent goes on in spite of it.
    pub(super) fn defer(&mut self, deferred: bool) {
        self.deferred = deferred;
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
        } else {
            // what was taken for words is none after all
            if self.turn.ended {
                self.turn = Words::default();
            }
            self.told_in_turn &= self.speaking;
            if !self.speaking && std::mem::take(&mut self.told_speaking) {
                out.conversation(line::Event::Quiet);
            }
        }
    }

    /// Whether the turn was closed.
    pub(super) fn close_if_due(&mut self, now: Moment, out: &mut Outbox) -> bool {
        let is_due = self.turn_due().is_some_and(|due| due <= now);
        if is_due {
            self.close_turn(out);
        }
        is_due
    }

    /// The caller is gone: what was said is said.
    pub(super) fn close(&mut self, out: &mut Outbox) {
        if !self.turn.is_empty() {
            self.close_turn(out);
        }
    }

    fn close_turn(&mut self, out: &mut Outbox) {
        let end_of_speech = self.end_of_speech();
        let turn = std::mem::take(&mut self.turn);
        self.run = None;
        self.speech_ended = None;
        let said = turn.utterance();
        let fading = (self.speaking && !self.contrary.is_zero()).then(|| self.detected_until - self.contrary);
        let speech_ended = fading.or(end_of_speech).unwrap_or(turn.at);
        self.handed_over = turn.partial;
        self.closed_in_speech = self.speaking;
        self.told_in_turn = false;
        if !self.speaking && std::mem::take(&mut self.told_speaking) {
            out.conversation(line::Event::Quiet);
        }
        out.conversation(line::Event::Final(Final { said, speech_ended, transcribed: turn.at }));
    }

    /// When the caller stopped speaking, if the words are of that speech: a cough a minute ago is not.
    fn end_of_speech(&self) -> Option<Moment> {
        self.speech_ended.filter(|ended| self.turn.at <= *ended + self.first_words)
    }

    /// When the turn is to be closed, if nothing more comes.
    fn turn_due(&self) -> Option<Moment> {
        if self.turn.is_empty() || self.deferred {
            return None;
        }
        if self.turn.ended {
            return Some(self.turn.at);
        }
        let quiet_since = (!self.speaking).then(|| self.end_of_speech().unwrap_or(self.turn.at));
        let doubt = !self.turn.partial.is_empty();
        let by_words =
            quiet_since.filter(|_| !doubt).map(|since| since + self.endpointing.delay(&self.turn.finals));
        // words of somebody who goes on speaking may be long in coming, but a detector that never comes
        // to rest must not keep a turn open for ever
        let speaks_until = self.run.filter(|_| self.speaking).map(|run| run.began + LONGEST_WITHOUT_WORDS);
        let in_any_case = quiet_since.unwrap_or(self.turn.at).max(self.turn.at) + self.endpointing.max_delay;
        let in_any_case = speaks_until.map_or(in_any_case, |until| until.max(in_any_case));
        Some(earliest([by_words, Some(in_any_case)]))
    }

    pub(super) fn next_timeout(&self) -> Moment {
        earliest([self.turn_due(), self.words_due()])
    }

    /// Until when the recogniser has to give a sign of life.
    fn words_due(&self) -> Option<Moment> {
        Some(self.owed.filter(|_| self.has_recogniser())? + self.first_words)
    }

    /// Gives up a recogniser that is there and says nothing.
    pub(super) fn miss_words(&mut self, now: Moment, out: &mut Outbox) {
        if self.words_due().is_some_and(|due| due <= now) {
            let silent = self.first_words.as_secs_f32();
            let failure =
                Failure::new(Cause::Unreachable, format!("it said nothing for {silent} s after speech"));
            self.recogniser_failed(now, failure, out);
            // a new one owes it too
            self.owed = Some(now);
        }
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
        if self.tuning != stt::Tuning::default() {
            out.push(Output::Stt(stt::Event::Retune(self.tuning.clone())));
        }
        // what it had said of its last words is said again, by the new one
        self.turn.partial.clear();
        let heard = self.run.is_some() || self.speaking;
        if heard {
            out.push(Output::Stt(stt::Event::SpeechStarted));
        }
        for piece in self.replay.reopen() {
            out.push(Output::Stt(stt::Event::Audio(piece)));
        }
        if heard && !self.speaking {
            out.push(Output::Stt(stt::Event::SpeechEnded));
        }
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
