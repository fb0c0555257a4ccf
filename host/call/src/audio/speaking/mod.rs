//! Speaking: text becomes pieces, pieces become audio, audio is played out.
//!
//! What is cut short or waits is in `cutting.rs`, what becomes of a voice that fails in `failing.rs`.
//!
//! Utterances are spoken one after the other, in the order in which they were begun. The voice
//! works ahead of the ear: it is given the next utterance while one is still being played, and it
//! is asked for more of what it holds back only when little is left.

mod cutting;
mod failing;

use super::Settings;
use super::chain::Chain;
use super::playout::{FRAME, Playout, duration};
use super::utterance::{Utterance, WithVoice};
use crate::io::{Outbox, Output};
use crate::line::{self, Heard, Step, UtteranceId};
use crate::persona::{Ending, Interruption, Manner};
use crate::time::earliest;
use crate::{Cause, Failure, Moment, tts};
use ::audio::dtmf::{self, Press};
use ::audio::g711::{self, SILENCE};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// More is taken from a voice that holds back only while less than this waits to be played.
const ENOUGH_AHEAD: Duration = Duration::from_secs(5);
/// A voice is given so many bytes of text ahead of what was sent to the caller: a minute or so. What
/// comes behind it may never be heard.
const TEXT_AHEAD: usize = 1000;
/// A voice that is asked for more may work so many steps without giving audio.
const MOST_EMPTY_MORES: u32 = 64;
/// The end of an utterance counts as heard so long after it can have been played, when the far end
/// returns no marks (DESIGN, rule 7).
const WITHOUT_MARKS: Duration = Duration::from_secs(2);
/// Voices that fail within this long count as one chain of failures.
const FAILURES_WITHIN: Duration = Duration::from_secs(20);

/// Something that can be said without a voice.
#[derive(Clone, Debug)]
pub struct Phrase {
    pub text: String,
    /// µ-law at 8000
    pub audio: Arc<[u8]>,
}

pub(super) struct Speaking {
    utterances: VecDeque<Utterance>,
    playout: Playout,
    /// the voice holds something back
    more: bool,
    /// how often it was asked for more and gave nothing
    empty_mores: u32,
    first_output: Duration,
    /// when the voice last gave something, or was last given something it owes audio for
    voice_moved: Moment,
    chain: Chain,
    /// the voice is lost: all that can still be said is the last resort
    mute: bool,
    last_resort: Vec<Phrase>,
    /// the voice speaks the pieces of an utterance as one
    continues: bool,
    /// the caller has the floor: nothing that he may cut is sent
    yielded: bool,
    /// the far end is lost: nothing at all is sent
    detached: bool,
    /// and something was cut in the middle by either
    paused: bool,
}

impl Speaking {
    pub(super) fn new(settings: &Settings) -> Self {
        let Settings { lead, first_output, ref last_resort, voice_continues, voices, .. } = *settings;
        Self {
            last_resort: last_resort.clone(),
            continues: voice_continues,
            utterances: VecDeque::new(),
            playout: Playout::new(lead),
            more: false,
            empty_mores: 0,
            first_output,
            voice_moved: Moment::START,
            // one that stalls has given something before, so that it takes twice as long
            chain: Chain::new(voices, FAILURES_WITHIN, first_output * 2),
            mute: false,
            yielded: false,
            detached: false,
            paused: false,
        }
    }

    /// Whether the caller hears the agent now, or will within the lead.
    pub(super) fn is_sounding(&self, now: Moment) -> bool {
        self.playout.is_sounding(now)
    }

    /// Since when the agent has been heard, without a pause.
    pub(super) fn sounding_since(&self, now: Moment) -> Option<Moment> {
        self.playout.sounding_since(now)
    }

    /// Whether the agent is in the middle of something, also if it waits for the caller.
    pub(super) fn is_engaged(&self, now: Moment) -> bool {
        self.is_sounding(now) || self.paused
    }

    /// What it is in the middle of.
    pub(super) fn text(&self, now: Moment) -> &str {
        let played = self.playout.played(now);
        self.utterances.iter().find(|u| !u.is_heard(played)).map_or("", Utterance::text)
    }

    /// When the agent will have been heard to the end of what was sent.
    pub(super) fn sounds_until(&self) -> Moment {
        self.playout.ends()
    }

    // -- what the conversation asks for

    pub(super) fn begin(&mut self, id: UtteranceId, manner: Manner) {
        self.utterances.push_back(Utterance::new(id, manner, self.continues));
    }

    pub(super) fn speak(&mut self, now: Moment, id: UtteranceId, text: &str, out: &mut Outbox) {
        if let Some(utterance) = self.find(id) {
            utterance.push_text(text);
            self.feed(now, out);
        }
    }

    /// Tones in place of words (DESIGN, rule 6).
    pub(super) fn press(&mut self, id: UtteranceId, presses: &[Press]) {
        if let Some(utterance) = self.find(id) {
            let tones = dtmf::tones(presses, dtmf::TONE, dtmf::GAP);
            utterance.push_audio(&g711::encode_all(&tones));
            utterance.give_up();
        }
    }

    pub(super) fn pause(&mut self, now: Moment, id: UtteranceId, out: &mut Outbox) {
        if let Some(utterance) = self.find(id) {
            utterance.paused = true;
            self.feed(now, out);
        }
    }

    pub(super) fn finish(&mut self, now: Moment, id: UtteranceId, out: &mut Outbox) {
        if let Some(utterance) = self.find(id) {
            utterance.whole = true;
            self.feed(now, out);
        }
    }

    /// This utterance is not wanted any more.
    pub(super) fn stop(&mut self, now: Moment, id: UtteranceId, out: &mut Outbox) {
        self.stop_all(now, Ending::Cancelled, |utterance| utterance.id == id, out);
    }

    /// The line is closed: everything is reported, and the voice need not go on.
    pub(super) fn close(&mut self, now: Moment, out: &mut Outbox) {
        for utterance in self.utterances.iter().filter(|u| u.expects_audio() && !self.mute) {
            out.push(Output::Tts(tts::Event::Cancel(utterance.id)));
        }
        self.end(now, Ending::Cancelled, out);
    }

    /// Everything is reported, nothing more of it is sent.
    pub(super) fn end(&mut self, now: Moment, ending: Ending, out: &mut Outbox) {
        let played = self.playout.played(now);
        for utterance in std::mem::take(&mut self.utterances) {
            report(&utterance, ending, played, out);
        }
    }

    // -- to the voice

    /// Gives the voice what is ready for it, in order: an utterance is not begun before the one
    /// ahead of it was given whole.
    fn feed(&mut self, now: Moment, out: &mut Outbox) {
        if self.mute {
            return self.say_without_voice(out);
        }
        let owed = self.voice_owes();
        for utterance in &mut self.utterances {
            give_pieces(utterance, out);
            if matches!(utterance.with_voice, WithVoice::Nothing | WithVoice::Begun) {
                break;
            }
        }
        if !owed {
            self.voice_moved = now;
            self.empty_mores = 0;
        }
    }

    // -- from the voice

    pub(super) fn voice(&mut self, now: Moment, effects: Vec<tts::Effect>, out: &mut Outbox) {
        if self.mute {
            return;
        }
        self.more = false;
        self.empty_mores += 1;
        for effect in effects {
            match effect {
                tts::Effect::Audio { utterance, data } => {
                    // what comes for an utterance that was stopped or finished is dropped
                    let wanted = self.find(utterance).filter(|u| u.expects_audio() && !data.is_empty());
                    if let Some(utterance) = wanted {
                        if utterance.received() == 0 {
                            out.conversation(progress(utterance.id, Step::FirstAudio));
                        }
                        utterance.push_audio(&data);
                        self.voice_moved = now;
                        self.empty_mores = 0;
                    }
                }
                tts::Effect::Timing { utterance, word } => {
                    if let Some(utterance) = self.find(utterance).filter(|u| u.expects_audio()) {
                        utterance.push_word(&word);
                    }
                }
                tts::Effect::Finished(id) => {
                    if let Some(utterance) = self.find(id)
                        && utterance.with_voice == WithVoice::GivenAll
                    {
                        if !utterance.has_audio_of_voice() && utterance.has_text_for_voice() {
                            let failure =
                                Failure::new(Cause::Garbled, "it gave no audio for what it was given");
                            return self.voice_failed(now, failure, out);
                        }
                        utterance.give_up();
                        self.voice_moved = now;
                        self.empty_mores = 0;
                    }
                }
                // one that never gives anything is found out by its deadline
                tts::Effect::More => self.more = self.empty_mores < MOST_EMPTY_MORES,
                tts::Effect::Usage(_) => {}
                tts::Effect::Failed(failure) => return self.voice_failed(now, failure, out),
            }
        }
        if let Some(flooded) = self.utterances.iter_mut().find(|utterance| utterance.is_flooded()) {
            let length = duration(flooded.received()).as_secs();
            let characters = flooded.given_characters();
            flooded.forget_unsent();
            let message = format!("it gave {length} s of audio for {characters} characters");
            self.voice_failed(now, Failure::new(Cause::Garbled, message), out);
        }
    }

    /// Whether the voice owes audio for what it was given.
    fn voice_owes(&self) -> bool {
        !self.more
            && self.utterances.iter().any(|u| match u.with_voice {
                WithVoice::Begun => !u.has_audio_of_voice(),
                WithVoice::GivenAll => true,
                WithVoice::Nothing | WithVoice::Finished => false,
            })
    }

    // -- to the ear

    /// Sends as much as the lead allows.
    fn play(&mut self, now: Moment, out: &mut Outbox) {
        self.send(now, out);
        if self.utterances.iter().any(Utterance::has_text_waiting) {
            self.feed(now, out);
        }
        let waiting: usize = self.utterances.iter().map(Utterance::unsent).sum();
        if self.more && duration(waiting) < ENOUGH_AHEAD {
            self.more = false;
            self.voice_moved = now;
            out.push(Output::Tts(tts::Event::More));
        }
        self.settle(now, out);
    }

    fn send(&mut self, now: Moment, out: &mut Outbox) {
        if self.detached {
            return;
        }
        let mut room = self.playout.room(now);
        for utterance in &mut self.utterances {
            if self.yielded && utterance.may_be_cut(Interruption::by_speech) && !utterance.is_sent() {
                return;
            }
            while utterance.unsent() > 0 {
                let finished = utterance.with_voice == WithVoice::Finished;
                let ready = utterance.unsent();
                // the first frame goes alone, so that it goes at once
                let count = ready.min(if self.playout.is_sounding(now) { room } else { room.min(FRAME) });
                // whole frames only, but for the end, which is filled up
                let count = if finished && count == ready { count } else { count - count % FRAME };
                if count == 0 {
                    return;
                }
                let first = utterance.sent == 0;
                let mut audio = utterance.take(count, self.playout.sent());
                audio.resize(audio.len().next_multiple_of(FRAME), SILENCE);
                room -= audio.len().min(room);
                let mark = self.playout.send(now, utterance.id, audio.len(), utterance.sent);
                self.paused = false;
                out.push(Output::Media { utterance: utterance.id, audio });
                out.push(Output::Mark(mark));
                if first {
                    out.conversation(progress(utterance.id, Step::FirstFrame));
                }
            }
            if !utterance.is_sent() {
                return;
            }
            utterance.plays_until.get_or_insert(self.playout.ends());
        }
    }

    /// Reports what has been heard to its end.
    fn settle(&mut self, now: Moment, out: &mut Outbox) {
        while let Some(first) = self.utterances.front() {
            let acknowledged = first.is_sent() && first.acknowledged >= first.sent;
            let long_over = first.plays_until.is_some_and(|end| end + WITHOUT_MARKS <= now);
            if !acknowledged && !long_over {
                return;
            }
            let Some(utterance) = self.utterances.pop_front() else { return };
            let silent = utterance.received() == 0 && utterance.has_text();
            let ending = if silent { Ending::Failed } else { Ending::Complete };
            let heard = if silent { Heard::Prefix(0) } else { Heard::All };
            out.conversation(line::Event::Stopped { utterance: utterance.id, ending, heard });
        }
    }

    /// A mark came back.
    pub(super) fn mark(&mut self, name: &str) {
        if let Some((id, position)) = self.playout.acknowledged(name) {
            // marks come in order: what lies before is played too
            for utterance in self.utterances.iter_mut().take_while(|utterance| utterance.id <= id) {
                let played = if utterance.id == id { position } else { utterance.sent };
                utterance.acknowledge(played);
            }
        }
    }

    /// Tells of every utterance of which at least a word was heard by now.
    pub(super) fn tell_heard(&mut self, now: Moment, out: &mut Outbox) {
        let played = self.playout.played(now);
        for utterance in self.utterances.iter_mut().filter(|u| !u.told_heard && u.sent > 0) {
            if utterance.text_heard(utterance.heard(played)) > 0 {
                utterance.told_heard = true;
                out.conversation(line::Event::Heard(utterance.id));
            }
        }
    }

    // -- time

    /// What is due, and what the inputs before it made possible: sending happens here alone, so that
    /// an utterance which is stopped right behind another is not heard for a moment.
    pub(super) fn timeout(&mut self, now: Moment, out: &mut Outbox) {
        if self.voice_due().is_some_and(|due| due <= now) {
            let silent = self.first_output.as_secs_f32();
            let failure = Failure::new(Cause::Unreachable, format!("it gave no audio for {silent} s"));
            self.voice_failed(now, failure, out);
        }
        self.play(now, out);
    }

    pub(super) fn next_timeout(&self) -> Moment {
        // only the one whose turn it is: what lies behind it waits for it
        let unsent = self.utterances.iter().find(|u| !u.is_sent()).is_some_and(|u| {
            let ready = u.unsent() >= FRAME || u.unsent() > 0 && u.with_voice == WithVoice::Finished;
            ready && !self.must_wait(u)
        });
        let over = self.utterances.front().and_then(|u| u.plays_until).map(|end| end + WITHOUT_MARKS);
        earliest([unsent.then(|| self.playout.room_at()), over, self.voice_due()])
    }

    fn voice_due(&self) -> Option<Moment> {
        (!self.mute && self.voice_owes()).then(|| self.voice_moved + self.first_output)
    }

    fn find(&mut self, id: UtteranceId) -> Option<&mut Utterance> {
        self.utterances.iter_mut().find(|utterance| utterance.id == id)
    }
}

/// Gives the voice all of this utterance that is ready to be spoken.
fn give_pieces(utterance: &mut Utterance, out: &mut Outbox) {
    if matches!(utterance.with_voice, WithVoice::GivenAll | WithVoice::Finished) {
        return;
    }
    let id = utterance.id;
    if utterance.whole && utterance.with_voice == WithVoice::Nothing && !utterance.has_text_waiting() {
        // nothing to say at all
        return utterance.give_up();
    }
    while utterance.text_ahead() < TEXT_AHEAD
        && let Some(text) = utterance.next_piece()
    {
        if utterance.with_voice == WithVoice::Nothing {
            utterance.with_voice = WithVoice::Begun;
            let Manner { voice, language, .. } = utterance.manner.clone();
            out.push(Output::Tts(tts::Event::Begin { utterance: id, voice, language }));
            out.conversation(progress(id, Step::FirstPiece));
        }
        let last = utterance.whole && !utterance.has_text_waiting();
        if last {
            utterance.with_voice = WithVoice::GivenAll;
        }
        out.push(Output::Tts(tts::Event::Speak { utterance: id, text, last }));
    }
    if utterance.whole && utterance.with_voice == WithVoice::Begun && !utterance.has_text_waiting() {
        // its last piece was given before it was known to be the last
        utterance.with_voice = WithVoice::GivenAll;
        out.push(Output::Tts(tts::Event::Speak { utterance: id, text: String::new(), last: true }));
    }
}

fn progress(utterance: UtteranceId, step: Step) -> line::Event {
    line::Event::Progress { utterance, step }
}

fn report(utterance: &Utterance, ending: Ending, played: usize, out: &mut Outbox) {
    let whole = utterance.is_heard(played) && utterance.received() > 0;
    let ending = if whole { Ending::Complete } else { ending };
    let heard = Heard::Prefix(utterance.text_heard(utterance.heard(played)));
    out.conversation(line::Event::Stopped { utterance: utterance.id, ending, heard });
}
