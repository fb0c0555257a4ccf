//! What comes into a conversation from outside of it: who picked up, operators who take part, and
//! what became of putting the caller through.
//!
//! What an operator does is no business of the script's and is not reported to it; it stands in the
//! kept conversation as what the agent said. How long a transfer may take is for the driver to say.

use super::speeches::Owner;
use super::{Conversation, Stage};
use crate::Moment;
use crate::io::{Outbox, Output};
use crate::line::Command;
use crate::persona::{Answerer, Departure, Ending, Event, Id, Interruption, Manner, Report};
use audio::dtmf::Press;

/// The id under which the caller is put through to the last resort. The script can begin nothing any more
/// that could have it too.
pub const LAST_RESORT: Id = Id::MAX;

/// The caller is being put through.
pub(super) struct Transfer {
    pub(super) id: Id,
    since: Moment,
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Script,
    /// the host: the call cannot go on
    LastResort,
}

impl Conversation {
    // -- who picked up

    /// Somebody says who picked up. Only the first who knows is believed.
    pub(crate) fn answered_by(&mut self, now: Moment, answerer: Answerer, out: &mut Outbox) {
        if self.answered_by.is_none() {
            self.now = now;
            self.answered_by = Some(answerer);
            self.picked_up(answerer, out);
        }
    }

    /// The script is there, and so may be what was known before it.
    pub(super) fn started(&mut self, out: &mut Outbox) {
        if let Some(announcement) = self.settings.announcement.take() {
            self.say_ourselves(&announcement, out);
        }
        self.tell(Event::Started, out);
        // what the opening says is not told again
        if self.settings.answered_by == Answerer::Unknown
            && let Some(answerer) = self.answered_by
        {
            self.picked_up(answerer, out);
        }
    }

    /// The script is told before it is told what became of its words, so that it does not go on with
    /// the next ones.
    fn picked_up(&mut self, answerer: Answerer, out: &mut Outbox) {
        self.tell(Event::AnsweredBy(answerer), out);
        if self.is_machine() && self.stage == Stage::Live {
            self.leave_machine_alone(out);
        }
    }

    pub(super) fn is_machine(&self) -> bool {
        matches!(self.answered_by, Some(Answerer::MachineGreeting | Answerer::MachineBeep | Answerer::Fax))
    }

    /// All that was said, asked and heard was meant for a person, and there is none.
    fn leave_machine_alone(&mut self, out: &mut Outbox) {
        self.held = None;
        out.line(Command::Forget);
        for speech in &mut self.speeches {
            speech.ending.get_or_insert(Ending::Cancelled);
            out.line(Command::Stop { utterance: speech.utterance });
        }
        self.close_all_silent(Ending::Cancelled, out);
    }

    // -- operators

    pub(crate) fn operator_says(&mut self, now: Moment, text: &str, out: &mut Outbox) {
        self.now = now;
        if self.stage == Stage::Live && !text.trim().is_empty() {
            self.say_ourselves(text, out);
        }
    }

    /// In the agent's place, behind what it is saying.
    fn say_ourselves(&mut self, text: &str, out: &mut Outbox) {
        let utterance = self.begin_speech(Owner::Operator, Manner::new(Interruption::Nothing), out);
        self.speak(utterance, None, true, text, out);
        out.line(Command::Finish { utterance });
    }

    pub(crate) fn operator_presses(&mut self, now: Moment, presses: Vec<Press>, out: &mut Outbox) {
        self.now = now;
        if self.stage == Stage::Live && !presses.is_empty() {
            let utterance = self.begin_speech(Owner::Operator, Manner::new(Interruption::Nothing), out);
            out.line(Command::Digits { utterance, presses });
        }
    }

    // -- putting through

    pub(super) fn transfer(
        &mut self,
        now: Moment,
        id: Id,
        to: String,
        brief: Option<String>,
        out: &mut Outbox,
    ) {
        if self.transfer.is_some() {
            return self.cannot(id, "the script put the caller through while that was under way", out);
        }
        self.transfer = Some(Transfer { id, since: now, by: By::Script });
        out.push(Output::Transfer { id, to, brief });
    }

    /// The call cannot go on: whoever the operator named goes on with the caller.
    pub(super) fn transfer_at_last(&mut self, to: String, out: &mut Outbox) {
        let id = LAST_RESORT;
        self.transfer = Some(Transfer { id, since: self.now, by: By::LastResort });
        out.push(Output::Transfer { id, to, brief: None });
    }

    pub(crate) fn transferred(&mut self, now: Moment, id: Id, out: &mut Outbox) {
        self.now = now;
        if self.is_transferring(id) {
            self.end_transfer(Ending::Complete, out);
            self.end(Departure::Transferred, out);
        }
    }

    pub(crate) fn transfer_failed(&mut self, now: Moment, id: Id, why: &str, out: &mut Outbox) {
        self.now = now;
        if self.is_transferring(id) {
            out.trouble(format!("the caller was not put through: {why}"));
            let at_last = self.transfer.as_ref().is_some_and(|transfer| transfer.by == By::LastResort);
            self.end_transfer(Ending::Failed, out);
            if at_last && self.stage == Stage::Apologising {
                self.apologise(out);
            }
        }
    }

    /// The caller is not to be put through any more.
    pub(super) fn cancel_transfer(&mut self, ending: Ending, out: &mut Outbox) {
        if let Some(Transfer { id, .. }) = self.transfer {
            out.push(Output::CancelTransfer(id));
            self.end_transfer(ending, out);
        }
    }

    /// The script has nothing to do with one that it did not ask for.
    pub(super) fn cancel_transfer_of_script(&mut self, ending: Ending, out: &mut Outbox) {
        if self.transfer.as_ref().is_some_and(|transfer| transfer.by == By::Script) {
            self.cancel_transfer(ending, out);
        }
    }

    /// What is said of one that was cancelled comes too late.
    pub(super) fn is_transferring(&self, id: Id) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.id == id)
    }

    fn end_transfer(&mut self, ending: Ending, out: &mut Outbox) {
        let Some(Transfer { id, since, by }) = self.transfer.take() else { return };
        if by == By::LastResort {
            return;
        }
        // it may have been a tool that waited for it
        let waited = self.now.since(since);
        for question in self.questions.values_mut() {
            question.due = question.due + waited;
        }
        self.tell(Event::Done(Report { id, ending, heard: String::new(), answer: String::new() }), out);
    }
}
