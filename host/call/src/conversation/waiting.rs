//! Deadlines, timers, silence and collected keys: everything that happens because nothing did.

use super::{Conversation, QuestionNo, Stage};
use crate::Moment;
use crate::io::Outbox;
use crate::persona::{CollectedBy, Collection, Departure, Event, Id};
use crate::time::earliest;
use std::time::Duration;

/// A script's timer is never shorter, and a session never has more of them (DESIGN, rule 10).
const SHORTEST_TIMER: Duration = Duration::from_millis(10);
const MOST_TIMERS: usize = 32;

/// A silence that is shorter is none.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(100);

/// The script waits for the caller.
pub(super) struct Listening {
    since: Moment,
    patience: Duration,
    /// how often the script was told of the silence that began at the moment
    told: (Moment, u32),
}

/// Keys are being collected.
pub(super) struct Collecting {
    spec: Collection,
    digits: String,
    due: Moment,
}

impl Listening {
    pub(super) fn new(now: Moment, patience: Duration) -> Self {
        Self { since: now, patience: patience.max(SHORTEST_PATIENCE), told: (now, 0) }
    }

    /// When the silence that began at `quiet_since` is worth telling, and how long it will be.
    fn due(&self, quiet_since: Moment) -> (Moment, Duration) {
        let began = quiet_since.max(self.since);
        let told = if self.told.0 == began { self.told.1 } else { 0 };
        let length = self.patience.saturating_mul(told + 1);
        (began + length, length)
    }

    fn tell(&mut self, quiet_since: Moment) {
        let began = quiet_since.max(self.since);
        let told = if self.told.0 == began { self.told.1 } else { 0 };
        self.told = (began, told + 1);
    }
}

impl Collecting {
    pub(super) fn new(now: Moment, spec: Collection) -> Self {
        let due = now + spec.timeout;
        Self { spec, digits: String::new(), due }
    }

    /// The clock starts again: a key came, or the agent stopped speaking.
    pub(super) fn restart(&mut self, now: Moment) {
        self.due = now + self.spec.timeout;
    }
}

impl Conversation {
    pub(super) fn set_timer(&mut self, now: Moment, id: Id, after: Duration, out: &mut Outbox) {
        self.timers.insert(id, now + after.max(SHORTEST_TIMER));
        if self.timers.len() > MOST_TIMERS {
            self.persona_failed(now, &format!("it set more than {MOST_TIMERS} timers"), out);
        }
    }

    /// A key of the caller.
    pub(super) fn key(&mut self, now: Moment, key: char, out: &mut Outbox) {
        self.quiet_since = now;
        let Some(collecting) = &mut self.collecting else {
            return self.tell(Event::Key(key), out);
        };
        if collecting.spec.finish == Some(key) {
            return self.collected(CollectedBy::FinishKey, out);
        }
        collecting.digits.push(key);
        collecting.restart(now);
        if collecting.digits.len() >= usize::from(collecting.spec.max) {
            self.collected(CollectedBy::Max, out);
        }
    }

    fn collected(&mut self, by: CollectedBy, out: &mut Outbox) {
        if let Some(collecting) = self.collecting.take() {
            self.listening = None;
            self.tell(Event::Keys { digits: collecting.digits, by }, out);
        }
    }

    /// When something is due next, if nothing happens before.
    pub(crate) fn next_timeout(&self) -> Moment {
        match self.stage {
            Stage::Reported(_, until) | Stage::Ended(until) => return until,
            Stage::Over => return Moment::NEVER,
            Stage::Waiting | Stage::Live | Stage::Apologising | Stage::Closing(_) => {}
        }
        let questions = self
            .questions
            .values()
            .map(|q| Some(earliest([q.output_due, self.answer_due(q.due), q.filler_due])));
        earliest(
            [
                Some(Moment::START + self.settings.call),
                self.timers.values().min().copied(),
                self.recalls.values().min().copied(),
                self.silence_due().map(|(due, _)| due),
                self.collection_due(),
                self.idle_due(),
            ]
            .into_iter()
            .chain(questions),
        )
    }

    /// Does what is due.
    pub(crate) fn timeout(&mut self, now: Moment, out: &mut Outbox) {
        self.now = now;
        match self.stage {
            Stage::Reported(_, until) | Stage::Ended(until) => {
                if until <= now {
                    self.stage = Stage::Over;
                }
                return;
            }
            Stage::Over => return,
            Stage::Waiting | Stage::Live | Stage::Apologising | Stage::Closing(_) => {}
        }
        if Moment::START + self.settings.call <= now {
            out.trouble(format!("the call has reached its limit of {} s", self.settings.call.as_secs()));
            return self.end(Departure::Limit, out);
        }
        let is_due = |due: Option<Moment>| due.is_some_and(|due| due <= now);
        let mut timers: Vec<(Moment, Id)> =
            self.timers.extract_if(.., |_, due| *due <= now).map(|(id, due)| (due, id)).collect();
        timers.sort_unstable();
        for (_, id) in timers {
            self.tell(Event::Timer(id), out);
        }
        self.give_up_recalls(now, out);
        for no in self.questions.keys().copied().collect::<Vec<QuestionNo>>() {
            let Some(question) = self.questions.get(&no) else { continue };
            if is_due(question.output_due) {
                let why = match question.begun {
                    false => {
                        format!("the model said nothing for {} s", self.settings.first_output.as_secs_f32())
                    }
                    true => {
                        format!("the model said nothing more for {} s", self.settings.stall.as_secs_f32())
                    }
                };
                self.reply_failed(now, no, &why, true, out);
            } else if is_due(self.answer_due(question.due)) {
                let whole = self.settings.turn.as_secs_f32();
                self.fail_question(no, &format!("the model gave no whole answer in {whole} s"), out);
            } else if is_due(question.filler_due) {
                self.fill(no, out);
            }
        }
        if let Some((due, length)) = self.silence_due()
            && due <= now
        {
            if let Some(listening) = &mut self.listening {
                listening.tell(self.quiet_since);
            }
            self.tell(Event::Silence(length), out);
        }
        if is_due(self.collection_due()) {
            self.collected(CollectedBy::Timeout, out);
        }
        if is_due(self.idle_due()) {
            let idle = self.settings.turn.as_secs_f32();
            self.persona_failed(now, &format!("it neither spoke nor listened for {idle} s"), out);
        }
    }

    /// While the caller is being put through, a tool may wait for that.
    fn answer_due(&self, due: Moment) -> Option<Moment> {
        self.transfer.is_none().then_some(due)
    }

    /// And can be heard to be so.
    fn nothing_is_said(&self) -> bool {
        self.speeches.is_empty() && !self.caller_speaks && !self.detached
    }

    fn silence_due(&self) -> Option<(Moment, Duration)> {
        let listening = self.listening.as_ref().filter(|_| self.nothing_is_said())?;
        (self.stage == Stage::Live && self.questions.is_empty()).then(|| listening.due(self.quiet_since))
    }

    fn collection_due(&self) -> Option<Moment> {
        let collecting = self.collecting.as_ref().filter(|_| self.speeches.is_empty() && !self.detached)?;
        (self.stage == Stage::Live).then_some(collecting.due)
    }

    /// A script for which nothing is open and which does not listen will never be heard of again.
    fn idle_due(&self) -> Option<Moment> {
        let nothing_open = self.speeches.is_empty()
            && self.questions.is_empty()
            && self.fetches.is_empty()
            && self.recalls.is_empty()
            && self.transfer.is_none()
            && self.timers.is_empty()
            && self.collecting.is_none()
            && self.listening.is_none();
        let may_act = self.stage == Stage::Live && !self.detached;
        (may_act && nothing_open).then_some(self.script_moved + self.settings.turn)
    }
}
