//! A line that carries sound: a media stream, a browser.
//!
//! - `hearing/`: the caller's audio, the detector, the recogniser, and words that make a turn
//! - `endpointing.rs`: when a turn ends
//! - `background.rs`: what the line carries when nobody speaks
//! - `bargein.rs`: whether the caller cuts in
//! - `wording.rs`: what words say about themselves
//! - `chain.rs`: whether another provider is tried in place of one that failed
//! - `replay.rs`: what a recogniser that was opened again has to hear once more
//! - `speaking/`: utterances, the voice, what is sent when, and what is cut short or waits
//! - `utterance.rs`: one utterance: its text, its audio, and how much of both was heard
//! - `pieces.rs`: text cut into pieces worth speaking
//! - `playout.rs`: the far end's buffer, marks, and what can have been played
//!
//! What stands here is what joins hearing and speaking: who has the floor.

mod background;
mod bargein;
mod chain;
mod endpointing;
mod hearing;
mod pieces;
mod playout;
mod replay;
mod speaking;
mod utterance;
mod wording;

pub use bargein::BargeIn;
pub use endpointing::Endpointing;
pub use playout::Lead;
pub use speaking::Phrase;

use crate::Moment;
use crate::io::{Outbox, Output};
use crate::line::{self, Command};
use crate::persona::Interruption;
use crate::time::earliest;
use crate::{stt, tts};
use ::audio::detect::Detector;
use hearing::{Agent, Hearing};
use speaking::Speaking;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Settings {
    pub endpointing: Endpointing,
    pub barge_in: BargeIn,
    pub lead: Lead,
    /// A voice that has given nothing of what it owes for this long has failed.
    pub first_output: Duration,
    /// The voice speaks the pieces of an utterance as one, wherever they are cut.
    pub voice_continues: bool,
    /// A recogniser that has said nothing for this long after speech has ended has failed.
    pub first_words: Duration,
    /// What can be said when the voice is lost for good.
    pub last_resort: Vec<Phrase>,
    /// There is a recogniser. Without one, words come as [`Input::Said`] or not at all.
    pub recogniser: bool,
    /// How many recognisers the operator named, to be tried one after the other.
    pub recognisers: u32,
    /// How many voices.
    pub voices: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpointing: Endpointing::default(),
            barge_in: BargeIn::default(),
            lead: Lead::default(),
            first_output: Duration::from_secs(5),
            voice_continues: false,
            first_words: Duration::from_secs(5),
            last_resort: Vec::new(),
            recogniser: true,
            recognisers: 1,
            voices: 1,
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
    barge_in: BargeIn,
    /// the far end is lost, and may come back
    detached: bool,
    closed: bool,
}

impl AudioLine {
    pub(crate) fn new(settings: Settings, detector: Box<dyn Detector>) -> Self {
        Self {
            speaking: Speaking::new(&settings),
            hearing: Hearing::new(&settings, detector),
            barge_in: settings.barge_in,
            detached: false,
            closed: false,
        }
    }

    /// The far end is there, or there again: what was cut goes on.
    pub(crate) fn attached(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            if std::mem::take(&mut self.detached) {
                self.hearing.attach(now);
                self.speaking.attach(now);
            }
            out.conversation(line::Event::Attached);
        }
    }

    /// The far end is lost, and may come back: nothing is heard and nothing sent until then, while
    /// recogniser and voice go on.
    pub(crate) fn detached(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed && !std::mem::replace(&mut self.detached, true) {
            self.speaking.tell_heard(now, out);
            self.speaking.detach(now);
            self.hearing.detach(now, out);
            out.conversation(line::Event::Detached);
        }
    }

    /// Nothing from there counts: it is closed, or it comes from a far end that is lost.
    fn is_cut_off(&self) -> bool {
        self.closed || self.detached
    }

    pub(crate) fn handle(&mut self, now: Moment, input: Input, out: &mut Outbox) {
        if self.is_cut_off() {
            return;
        }
        match input {
            Input::Frame(audio) => {
                let agent = agent(&self.speaking, &self.barge_in, now);
                self.hearing.frame(now, &audio, agent, out);
                self.give_floor(now, out);
            }
            Input::Mark(name) => self.speaking.mark(&name),
            Input::Said { text, last } => {
                let agent = agent(&self.speaking, &self.barge_in, now);
                let words = self.hearing.said(now, &text, last, agent);
                self.words(now, words, out);
            }
        }
    }

    pub(crate) fn recogniser(&mut self, now: Moment, effects: Vec<stt::Effect>, out: &mut Outbox) {
        if !self.closed {
            let agent = agent(&self.speaking, &self.barge_in, now);
            let words = self.hearing.recogniser(now, effects, agent, out);
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
        if words && self.barge_in.is_confirmed_by(&self.hearing.words()) {
            self.speaking.interrupt(now, Interruption::by_speech, out);
        }
        self.give_floor(now, out);
        self.hearing.tell_words(now, out);
    }

    /// Whose turn it is to speak.
    ///
    /// The agent waits for a sound to become words, and does not begin to speak into words of a turn
    /// that is still open. While it goes on in spite of words (too few of them, or a hum), they wait
    /// until it has finished.
    fn give_floor(&mut self, now: Moment, out: &mut Outbox) {
        let sound = self.waits_until(now).is_some();
        if sound && !self.barge_in.resume && self.speaking.is_sounding(now) {
            self.speaking.tell_heard(now, out);
            self.speaking.interrupt(now, Interruption::by_speech, out);
        }
        let words = self.hearing.has_words() && !self.speaking.is_engaged(now);
        self.speaking.yield_floor(now, sound || words, out);
        let in_spite = self.hearing.has_words() && !self.barge_in.is_confirmed_by(&self.hearing.words());
        let engaged = self.speaking.is_engaged(now);
        if in_spite
            && !engaged
            && self.hearing.is_over_speech()
            && wording::is_backchannel(&self.hearing.words())
        {
            self.hearing.drop_words(out);
        }
        self.hearing.defer(in_spite && engaged);
    }

    /// Until when the agent waits for a sound to become words.
    fn waits_until(&self, now: Moment) -> Option<Moment> {
        self.barge_in.waits_until(now, self.hearing.run(), self.hearing.run_length())
    }

    /// An operator stops what is being spoken.
    pub(crate) fn interrupt(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            self.speaking.tell_heard(now, out);
            self.speaking.interrupt(now, |_| true, out);
        }
    }

    pub(crate) fn key(&mut self, now: Moment, key: char, out: &mut Outbox) {
        if !self.is_cut_off() {
            self.hearing.key(now, out);
            self.give_floor(now, out);
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
            Command::Digits { utterance, presses } => self.speaking.press(utterance, &presses),
            Command::Stop { utterance } => self.speaking.stop(now, utterance, out),
            Command::Listen { keyterms, language } => {
                let keyterms = (!keyterms.is_empty()).then_some(keyterms);
                self.hearing.tune(stt::Tuning { language, keyterms }, out);
            }
            Command::Forget => self.hearing.forget_words(now, out),
            // keys come one by one
            Command::Collect { .. } | Command::End => {}
        }
    }

    /// The far end is gone.
    pub(crate) fn closed(&mut self, now: Moment, out: &mut Outbox) {
        if !self.closed {
            self.speaking.tell_heard(now, out);
            self.hearing.close(now, out);
            self.close(now, out);
        }
    }

    fn close(&mut self, now: Moment, out: &mut Outbox) {
        self.closed = true;
        self.speaking.close(now, out);
        if self.hearing.has_recogniser() {
            out.push(Output::Stt(stt::Event::Finish));
        }
        out.conversation(line::Event::Closed);
    }

    pub(crate) fn timeout(&mut self, now: Moment, out: &mut Outbox) {
        if self.closed {
            return;
        }
        self.give_floor(now, out);
        self.hearing.miss_words(now, out);
        if self.hearing.next_timeout() <= now {
            self.speaking.tell_heard(now, out);
            if self.hearing.close_if_due(now, out) {
                // nothing is sent before the conversation knows of it
                return;
            }
        }
        self.speaking.timeout(now, out);
    }

    pub(crate) fn next_timeout(&self, now: Moment) -> Moment {
        if self.closed {
            return Moment::NEVER;
        }
        // the end of the agent's speech sets words free that it goes on in spite of
        let deferred = self.hearing.is_deferred().then(|| self.speaking.sounds_until());
        earliest([
            self.waits_until(now),
            deferred.filter(|until| now < *until),
            Some(self.hearing.next_timeout()),
            Some(self.speaking.next_timeout()),
        ])
    }
}

/// What those who listen to the caller need to know of the agent.
fn agent<'a>(speaking: &'a Speaking, barge_in: &BargeIn, now: Moment) -> Agent<'a> {
    let since = speaking.sounding_since(now);
    Agent {
        sounds: speaking.is_engaged(now),
        begins: since.is_some_and(|since| now < since + barge_in.echo),
        text: speaking.text(now),
    }
}
