//! What is being spoken is cut short, or waits: for the caller, who has the floor, or for a far end
//! that is lost. What waits goes on with the word that was cut.

use super::super::utterance::{Utterance, WithVoice};
use super::{Speaking, report};
use crate::Moment;
use crate::io::{Outbox, Output};
use crate::persona::{Ending, Interruption};
use crate::tts;
use std::collections::VecDeque;

impl Speaking {
    /// Somebody cuts in: what is being spoken stops, and what waits behind it, if it may be cut.
    pub(in crate::audio) fn interrupt(
        &mut self,
        now: Moment,
        by: fn(Interruption) -> bool,
        out: &mut Outbox,
    ) {
        let played = self.playout.played(now);
        let in_the_middle = |u: &&Utterance| (u.sent > 0 || self.paused) && !u.is_heard(played);
        let spoken_now = self.utterances.iter().find(in_the_middle);
        if spoken_now.is_some_and(|utterance| utterance.may_be_cut(by)) {
            self.stop_all(now, Ending::Interrupted, |utterance| utterance.may_be_cut(by), out);
        }
    }

    /// The caller has the floor, or gives it back: what is being spoken is taken back as far as it
    /// was not heard, and goes on from the word that was cut. What must not be cut is not.
    pub(in crate::audio) fn yield_floor(&mut self, now: Moment, yielded: bool, out: &mut Outbox) {
        if std::mem::replace(&mut self.yielded, yielded) == yielded {
            return;
        }
        if !yielded {
            return self.go_back_to_word(now);
        }
        let played = self.playout.played(now);
        match self.utterances.iter().find(|u| !u.is_heard(played)) {
            None => self.paused = false,
            Some(utterance) => {
                if self.playout.is_sounding(now) && utterance.may_be_cut(Interruption::by_speech) {
                    self.paused = true;
                    self.take_back(now, played, out);
                }
            }
        }
    }

    /// What was cut goes on with the word that was cut. It counts as paused until something is sent
    /// again.
    fn go_back_to_word(&mut self, now: Moment) {
        let played = self.playout.played(now);
        match self.utterances.iter_mut().find(|u| !u.is_heard(played)) {
            None => self.paused = false,
            Some(utterance) if self.paused => {
                let boundary = utterance.word_boundary(utterance.heard(played));
                utterance.go_back(boundary);
            }
            Some(_) => {}
        }
    }

    /// The far end is lost: what it has not played waits for it to come back, whatever it is. Model
    /// and voice go on.
    pub(in crate::audio) fn detach(&mut self, now: Moment) {
        self.detached = true;
        self.paused |= self.playout.is_sounding(now);
        let played = self.playout.played(now);
        self.forget_unplayed(now, played);
    }

    /// The far end is back.
    pub(in crate::audio) fn attach(&mut self, now: Moment) {
        self.detached = false;
        self.go_back_to_word(now);
    }

    /// The far end forgets what it has not played; it is sent again, unless that is not wanted.
    fn take_back(&mut self, now: Moment, played: usize, out: &mut Outbox) {
        out.push(Output::Clear);
        self.forget_unplayed(now, played);
    }

    fn forget_unplayed(&mut self, now: Moment, played: usize) {
        self.playout.clear(now);
        for utterance in &mut self.utterances {
            utterance.rewind(played);
        }
    }

    pub(super) fn must_wait(&self, utterance: &Utterance) -> bool {
        self.detached || self.yielded && utterance.may_be_cut(Interruption::by_speech)
    }

    /// Stops all utterances that `which` names, and sends again what else the far end forgets with
    /// them.
    pub(super) fn stop_all(
        &mut self,
        now: Moment,
        ending: Ending,
        which: impl Fn(&Utterance) -> bool,
        out: &mut Outbox,
    ) {
        let played = self.playout.played(now);
        let middle = self.utterances.iter().find(|u| !u.is_heard(played)).map(|u| u.id);
        let (stopped, kept): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.utterances).into_iter().partition(which);
        self.utterances = kept;
        // what goes on is something else
        self.paused &= !stopped.iter().any(|utterance| Some(utterance.id) == middle);
        let sounding = stopped.iter().any(|utterance| utterance.is_in_flight(played));
        if sounding {
            self.take_back(now, played, out);
        }
        for utterance in &stopped {
            if !matches!(utterance.with_voice, WithVoice::Nothing | WithVoice::Finished) {
                out.push(Output::Tts(tts::Event::Cancel(utterance.id)));
            }
            report(utterance, ending, played, out);
        }
        self.feed(now, out);
    }
}
