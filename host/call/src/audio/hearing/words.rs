//! The caller's words: whose they are, and when they make a turn.

use super::super::bargein::LONGEST_WITHOUT_WORDS;
use super::super::wording;
use super::{Agent, Hearing, Recogniser, Words};
use crate::io::{Outbox, Output, Provider};
use crate::line::{self, Final};
use crate::persona::Utterance;
use crate::time::earliest;
use crate::words::join;
use crate::{Cause, Failure, Moment, stt};
use std::time::Duration;

/// A recogniser that says more than this within a second is out of its mind.
const MOST_EFFECTS: usize = 200;
const WITHIN: Duration = Duration::from_secs(1);

impl Hearing {
    /// What one call into the recogniser gave. Whether the caller said anything in it.
    pub(in crate::audio) fn recogniser(
        &mut self,
        now: Moment,
        effects: Vec<stt::Effect>,
        agent: Agent<'_>,
        out: &mut Outbox,
    ) -> bool {
        let mut words = false;
        self.recogniser_moved = now;
        let owed = self.owed.take();
        let (since, count) = self.said;
        let goes_on = now < since + WITHIN;
        self.said = if goes_on { (since, count + effects.len()) } else { (now, effects.len()) };
        if self.said.1 > MOST_EFFECTS {
            self.said = (now, 0);
            let failure =
                Failure::new(Cause::Garbled, format!("it said more than {MOST_EFFECTS} things in a second"));
            self.recogniser_failed(now, failure, owed.is_some(), out);
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
                stt::Effect::Failed(failure) => {
                    self.recogniser_failed(now, failure, owed.is_some(), out);
                }
                // what a recogniser thinks of turns under way is used by nobody yet
                stt::Effect::Partial(_)
                | stt::Effect::TurnStarted
                | stt::Effect::TurnEnding
                | stt::Effect::TurnResumed
                | stt::Effect::Usage(_)
                | stt::Effect::Finished => {}
            }
        }
        if !self.speaking && self.must_be_settled() {
            self.owed.get_or_insert(now);
        }
        words
    }

    /// There are words in doubt that another recogniser may settle, if this one does not. Where there is no
    /// other, they are better than none.
    pub(super) fn must_be_settled(&self) -> bool {
        self.has_recogniser() && self.chain.has_several() && !self.turn.partial.trim().is_empty()
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
    pub(in crate::audio) fn said(
        &mut self,
        now: Moment,
        text: &str,
        is_final: bool,
        agent: Agent<'_>,
    ) -> bool {
        if is_final {
            self.finish(now, text, 1.0, agent);
            self.turn.ended = true;
        } else {
            self.partial(now, text.to_owned(), 1.0, agent);
        }
        !text.trim().is_empty()
    }

    fn partial(&mut self, now: Moment, text: String, confidence: f32, agent: Agent<'_>) -> bool {
        let text = wording::without(&text, self.handed_over(now)).to_owned();
        if text != self.turn.partial {
            self.turn.over_speech |= agent.sounds && self.turn.is_empty();
            self.turn.at = now;
            self.turn.partial = text;
            self.turn.confidence.get_or_insert(confidence);
        }
        !self.turn.partial.trim().is_empty()
    }

    fn finish(&mut self, now: Moment, text: &str, confidence: f32, agent: Agent<'_>) -> bool {
        let text = wording::without(text, self.handed_over(now)).to_owned();
        let text = text.as_str();
        self.handed_over = None;
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

    /// Words that may still come again, because a turn was closed or forgotten with them while they
    /// were in doubt.
    /// Whoever says the same later means it.
    fn handed_over(&self, now: Moment) -> &str {
        let fresh = self.handed_over.as_ref().filter(|(at, _)| now < *at + self.first_words);
        fresh.map_or("", |(_, words)| words)
    }

    /// The words of the turn so far.
    pub(in crate::audio) fn words(&self) -> String {
        join(&self.turn.finals, &self.turn.partial)
    }

    pub(in crate::audio) fn has_words(&self) -> bool {
        !self.turn.is_empty()
    }

    /// The words were not meant for the agent: it goes on as if they had not been said.
    pub(in crate::audio) fn drop_words(&mut self, out: &mut Outbox) {
        self.turn = Words::default();
        self.run = None;
        self.told_in_turn = false;
        if !self.speaking && std::mem::take(&mut self.told_speaking) {
            out.conversation(line::Event::Quiet);
        }
    }

    /// The words were not meant for the agent, and those of them that were in doubt may come again.
    pub(in crate::audio) fn forget_words(&mut self, now: Moment, out: &mut Outbox) {
        let partial = std::mem::take(&mut self.turn.partial);
        self.drop_words(out);
        if !partial.is_empty() {
            self.handed_over = Some((now, partial));
        }
    }

    /// Whether the words of this turn began while the agent was speaking.
    pub(in crate::audio) fn is_over_speech(&self) -> bool {
        self.turn.over_speech
    }

    pub(in crate::audio) fn is_deferred(&self) -> bool {
        self.deferred
    }

    /// Keeps the turn open for as long as the agent goes on in spite of it.
    pub(in crate::audio) fn defer(&mut self, deferred: bool) {
        self.deferred = deferred;
    }

    /// Tells the conversation what is new: the turn so far, or the turn.
    pub(in crate::audio) fn tell_words(&mut self, now: Moment, out: &mut Outbox) {
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
    pub(in crate::audio) fn close_if_due(&mut self, now: Moment, out: &mut Outbox) -> bool {
        let is_due = self.turn_due().is_some_and(|due| due <= now);
        if is_due {
            self.close_turn(now, out);
        }
        is_due
    }

    /// The caller is gone: what was said is said.
    pub(in crate::audio) fn close(&mut self, now: Moment, out: &mut Outbox) {
        if !self.turn.is_empty() {
            self.close_turn(now, out);
        }
    }

    fn close_turn(&mut self, now: Moment, out: &mut Outbox) {
        let end_of_speech = self.end_of_speech();
        let turn = std::mem::take(&mut self.turn);
        self.run = None;
        self.speech_ended = None;
        let said = turn.utterance();
        let fading = (self.speaking && !self.contrary.is_zero()).then(|| self.detected_until - self.contrary);
        let speech_ended = fading.or(end_of_speech).unwrap_or(turn.at);
        self.handed_over = (!turn.partial.is_empty()).then_some((now, turn.partial));
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

    pub(in crate::audio) fn next_timeout(&self) -> Moment {
        earliest([self.turn_due(), self.words_due()])
    }

    /// Until when the recogniser has to give a sign of life.
    fn words_due(&self) -> Option<Moment> {
        let owed = self.owed.filter(|_| self.has_recogniser() && !self.detached)?;
        // words in doubt go to the next before the turn is closed with them
        let patience = match self.must_be_settled() {
            true => self.first_words.min(self.endpointing.max_delay),
            false => self.first_words,
        };
        Some(owed + patience)
    }

    /// Gives up a recogniser that is there and says nothing.
    pub(in crate::audio) fn miss_words(&mut self, now: Moment, out: &mut Outbox) {
        if self.words_due().is_some_and(|due| due <= now) {
            let silent = match self.must_be_settled() {
                true => "it left words in doubt after speech".to_owned(),
                false => format!("it said nothing for {} s after speech", self.first_words.as_secs_f32()),
            };
            let failure = Failure::new(Cause::Unreachable, silent);
            self.recogniser_failed(now, failure, true, out);
        }
    }

    pub(in crate::audio) fn has_recogniser(&self) -> bool {
        self.recogniser == Recogniser::Open
    }

    /// Lets the next recogniser hear what this one has not settled, or gives up hearing. `owed`: it
    /// had said nothing of speech that has ended.
    fn recogniser_failed(&mut self, now: Moment, failure: Failure, owed: bool, out: &mut Outbox) {
        if !self.has_recogniser() {
            return;
        }
        if !self.chain.goes_on(now, &failure) {
            self.recogniser = Recogniser::Lost;
            return out.conversation(line::Event::Deaf(failure));
        }
        out.failed_over(
            Provider::Recogniser,
            format!("the recogniser failed and is opened again: {failure}"),
        );
        out.push(Output::ReopenStt);
        if self.tuning != stt::Tuning::default() {
            out.push(Output::Stt(stt::Event::Retune(self.tuning.clone())));
        }
        // so does the new one, and also words of which there was a part
        let in_doubt = !self.turn.partial.trim().is_empty();
        self.owed = (owed || in_doubt && !self.speaking).then_some(now);
        if in_doubt && self.speaking {
            // it has said nothing of this speech
            self.recogniser_moved = Moment::START;
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
    pub(super) fn is_empty(&self) -> bool {
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
