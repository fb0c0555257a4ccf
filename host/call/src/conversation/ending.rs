//! How a call ends (DESIGN, rules 5 and 7), and what fails it.
//!
//! The order is always the same: the line is told to end and reports what it was speaking; what
//! else is open is reported; the script is told `ended`, and its last `keep` and `outcome` count
//! for one second.

use super::speeches::Owner;
use super::waiting::Listening;
use super::{Conversation, QuestionNo, Stage};
use crate::Moment;
use crate::io::{Outbox, Output};
use crate::line::Command;
use crate::net;
use crate::persona::{Departure, Ending, Event, Interruption, Manner, Report};
use std::time::Duration;

const LAST_WORDS: Duration = Duration::from_secs(1);

impl Conversation {
    /// Ends the call now. What comes after the first time changes nothing.
    pub(crate) fn end(&mut self, departure: Departure, out: &mut Outbox) {
        match self.stage {
            Stage::Waiting | Stage::Live | Stage::Apologising => {
                self.stage = Stage::Closing(departure);
                for speech in &mut self.speeches {
                    speech.ending.get_or_insert(Ending::Cancelled);
                }
                out.line(Command::End);
            }
            Stage::Closing(_) | Stage::Reported(..) | Stage::Ended(_) | Stage::Over => {}
        }
    }

    /// The line is gone, and has reported every utterance.
    pub(super) fn closed(&mut self, now: Moment, out: &mut Outbox) {
        let departure = match self.stage {
            Stage::Waiting | Stage::Live => Departure::Caller,
            Stage::Apologising => Departure::Failed,
            Stage::Closing(departure) => departure,
            Stage::Reported(..) | Stage::Ended(_) | Stage::Over => return,
        };
        self.stage = Stage::Closing(departure);
        for no in self.questions.keys().copied().collect::<Vec<QuestionNo>>() {
            if let Some(question) = self.questions.remove(&no) {
                self.answered(no, question, Ending::Cancelled, String::new(), out);
            }
        }
        self.cancel_fetches("the call is over", out);
        self.forget_recalls(out);
        self.cancel_transfer(Ending::Cancelled, out);
        self.timers.clear();
        self.flush_times(out);
        self.summary.departure = departure;
        self.summary.duration = now;
        self.stage = Stage::Reported(departure, now + LAST_WORDS);
    }

    /// The script has answered all that it was told so far. Whether the end went on by that.
    pub(crate) fn all_answered(&mut self, out: &mut Outbox) -> bool {
        match self.stage {
            Stage::Reported(departure, until) => {
                self.tell(Event::Ended(departure), out);
                self.stage = Stage::Ended(until);
            }
            Stage::Ended(_) => self.stage = Stage::Over,
            _ => return false,
        }
        true
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// The script is as it was before the event that broke it (DESIGN, rule 8). What it had begun is
    /// not what it will go on with: all of that is reported as failed.
    pub(crate) fn persona_restored(&mut self, now: Moment, broken_by: Event, reason: &str, out: &mut Outbox) {
        self.now = now;
        out.trouble(format!("the persona broke and goes on from its last snapshot: {reason}"));
        for speech in &mut self.speeches {
            if !matches!(speech.owner, Owner::Apology | Owner::Operator) {
                speech.ending.get_or_insert(Ending::Failed);
                out.line(Command::Stop { utterance: speech.utterance });
            }
        }
        self.close_all_silent(Ending::Failed, out);
        self.cancel_fetches("the persona was restored", out);
        self.forget_recalls(out);
        self.cancel_transfer(Ending::Failed, out);
        if self.stage == Stage::Live {
            self.listening = Some(Listening::new(now, self.settings.patience));
        }
        // it still waits for what the event would have told it, and the caller for an answer
        match broken_by {
            Event::Turn(turn) => {
                self.listening = None;
                self.tell(Event::Turn(turn), out);
            }
            Event::Done(report) => {
                let report = Report { ending: Ending::Failed, ..report };
                self.tell(Event::Done(report), out);
            }
            Event::Response { id, .. } => {
                let outcome = Err(net::Failure::new(net::Fault::Cancelled, "the persona broke at it"));
                self.tell(Event::Response { id, outcome }, out);
            }
            Event::Recalled { id, .. } => self.tell(Event::Recalled { id, fields: None }, out),
            Event::Timer(id) => self.tell(Event::Timer(id), out),
            _ => {}
        }
    }

    fn cancel_fetches(&mut self, why: &str, out: &mut Outbox) {
        for id in std::mem::take(&mut self.fetches) {
            out.push(Output::CancelFetch(id));
            let outcome = Err(net::Failure::new(net::Fault::Cancelled, why));
            self.tell(Event::Response { id, outcome }, out);
        }
    }

    /// The script is gone: the caller hears an apology.
    pub(crate) fn persona_failed(&mut self, now: Moment, reason: &str, out: &mut Outbox) {
        if !std::mem::replace(&mut self.persona, false) {
            return;
        }
        self.now = now;
        self.fail(&format!("the persona failed: {reason}"), out);
    }

    /// The call cannot go on: what is being said stops, the apology is spoken to its end, and then
    /// it ends.
    pub(crate) fn fail(&mut self, reason: &str, out: &mut Outbox) {
        match self.stage {
            // the apology waits for somebody who hears it
            Stage::Waiting => {
                self.failed_early.get_or_insert(reason.to_owned());
                return;
            }
            Stage::Live => out.trouble(reason),
            Stage::Apologising | Stage::Closing(_) | Stage::Reported(..) | Stage::Ended(_) | Stage::Over => {
                return;
            }
        }
        self.stage = Stage::Apologising;
        for speech in &mut self.speeches {
            speech.ending.get_or_insert(Ending::Failed);
            out.line(Command::Stop { utterance: speech.utterance });
        }
        let manner = Manner::new(Interruption::Nothing);
        let utterance = self.begin_speech(Owner::Apology, manner, out);
        let apology = self.settings.apology.clone();
        self.speak(utterance, None, true, &apology, out);
        out.line(Command::Finish { utterance });
    }
}
