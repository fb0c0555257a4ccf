//! How a call ends (DESIGN, rules 5 and 7), and what fails it.
//!
//! The order is always the same: the line is told to end and reports what it was speaking; what
//! else is open is reported; the script is told `ended`, and its last `keep` and `outcome` count
//! for one second.
//!
//! A call that cannot go on ends with an apology, unless the operator said who takes over its caller: then
//! they are told so, and put through, once. If that cannot be, the apology follows.

use super::speeches::Owner;
use super::tools::broke_at_response;
use super::waiting::Listening;
use super::{Conversation, LastResort, QuestionNo, Stage, ends};
use crate::Moment;
use crate::io::{Outbox, Output};
use crate::line::Command;
use crate::net;
use crate::persona::{Departure, Ending, Event, Interruption, Manner, Report};
use std::collections::BTreeSet;
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
        self.lose_tools(out);
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

    /// The script is as it was before the event that broke it (DESIGN, rule 8). Where it knows of all
    /// that is open, that goes on; else it is not what the script will go on with, and is reported as
    /// failed.
    pub(crate) fn persona_restored(
        &mut self,
        now: Moment,
        broken_by: Event,
        up_to_date: bool,
        idempotent: &BTreeSet<String>,
        out: &mut Outbox,
    ) {
        self.now = now;
        let run = self.journal.answered();
        if !up_to_date {
            self.fail_what_is_open(out);
            let broke_at = run.filter(|_| matches!(broken_by, Event::Response { outcome: Ok(_), .. }));
            self.answer_for_tools(broke_at, idempotent, out);
        }
        self.renew_fetches(up_to_date, idempotent, out);
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
            Event::Response { id, outcome } => {
                let outcome = Err(broke_at_response(outcome));
                self.tell_of_run(run, Event::Response { id, outcome }, out);
            }
            Event::Recalled { id, .. } => self.tell_of_run(run, Event::Recalled { id, fields: None }, out),
            Event::Timer(id) => self.tell_of_run(run, Event::Timer(id), out),
            // nothing of it has happened, since the script has not answered
            Event::ToolCall { question, call } if up_to_date => {
                self.tell(Event::ToolCall { question, call }, out);
            }
            Event::Keys { digits, by } => self.tell(Event::Keys { digits, by }, out),
            _ => {}
        }
    }

    /// Tells it again what belongs to a run of a tool.
    fn tell_of_run(&mut self, run: Option<usize>, event: Event, out: &mut Outbox) {
        if let Some(id) = ends(&event) {
            self.journal.begins(id, run);
        }
        self.tell(event, out);
    }

    fn fail_what_is_open(&mut self, out: &mut Outbox) {
        for speech in &mut self.speeches {
            if matches!(speech.owner, Owner::Say(_) | Owner::Question(_)) {
                speech.ending.get_or_insert(Ending::Failed);
                out.line(Command::Stop { utterance: speech.utterance });
            }
        }
        self.close_all_silent(Ending::Failed, out);
        self.forget_recalls(out);
        self.cancel_transfer_of_script(Ending::Failed, out);
    }

    fn cancel_fetches(&mut self, why: &str, out: &mut Outbox) {
        for id in std::mem::take(&mut self.fetches).into_keys() {
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

    /// The host itself cannot go on with the call: nobody is put through by a host that is leaving.
    pub(crate) fn give_up(&mut self, reason: &str, out: &mut Outbox) {
        self.settings.last_resort = None;
        self.fail(reason, out);
    }

    /// The call cannot go on: what is being said stops, and the caller is put through to the last resort,
    /// or hears the apology to its end, and then the call ends.
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
        // where a machine picked up, nobody is there to be put through
        let last_resort = self.settings.last_resort.clone().filter(|_| !self.is_machine());
        match last_resort {
            Some(LastResort { phrase, .. }) => {
                self.cancel_transfer(Ending::Failed, out);
                self.say_at_last(Owner::LastResort, &phrase, out);
            }
            None => self.apologise(out),
        }
    }

    pub(super) fn apologise(&mut self, out: &mut Outbox) {
        let apology = self.settings.apology.clone();
        self.say_at_last(Owner::Apology, &apology, out);
    }

    fn say_at_last(&mut self, owner: Owner, text: &str, out: &mut Outbox) {
        let utterance = self.begin_speech(owner, Manner::new(Interruption::Nothing), out);
        self.speak(utterance, None, true, text, out);
        out.line(Command::Finish { utterance });
    }

    /// The caller has been told where they go, or could not be told.
    pub(super) fn go_to_last_resort(&mut self, ending: Ending, out: &mut Outbox) {
        // the call is over
        if self.stage != Stage::Apologising || ending == Ending::Cancelled {
            return;
        }
        let is_machine = self.is_machine();
        // once: who cannot be reached is not tried again
        match self.settings.last_resort.take().filter(|_| !is_machine) {
            Some(LastResort { to, .. }) => self.transfer_at_last(to, out),
            None => self.apologise(out),
        }
    }
}
