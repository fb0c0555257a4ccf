//! What the script asks for.

use super::speeches::Owner;
use super::waiting::{Collecting, Listening};
use super::{Conversation, Stage};
use crate::Moment;
use crate::io::{Observation, Outbox, Output};
use crate::line::Command;
use crate::net;
use crate::persona::{Action, Departure, Ending, Event, Field, Id, Interruption, Manner, Report};
use audio::dtmf;

impl Conversation {
    /// What the script answered to one event, in order.
    pub(crate) fn act(&mut self, now: Moment, actions: Vec<Action>, out: &mut Outbox) {
        self.now = now;
        self.script_moved = now;
        let run = self.journal.answered();
        self.tool_is_sent(run, out);
        for action in actions {
            match (action, self.stage) {
                (Action::Keep(fields), stage) if stage != Stage::Over => self.keep(fields, out),
                (Action::Outcome(text), stage) if stage != Stage::Over => {
                    if self.outcome.as_ref() != Some(&text) {
                        self.outcome = Some(text.clone());
                        out.observe(Observation::Outcome(text));
                    }
                }
                (Action::Cancel(id), Stage::Live | Stage::Apologising) => self.cancel(id, out),
                (action, Stage::Live) => {
                    let id = begins(&action);
                    if self.act_live(now, action, out)
                        && let Some(id) = id
                    {
                        self.journal.begins(id, run);
                    }
                }
                // nothing can be begun any more: `ended` is the answer
                (_, _) => {}
            }
        }
    }

    /// Facts are observed once, also those that a restored script finds out again.
    fn keep(&mut self, mut fields: Vec<Field>, out: &mut Outbox) {
        fields.retain(|field| {
            let known = self.kept.insert(field.name.clone(), field.value.clone());
            known.as_ref() != Some(&field.value)
        });
        if !fields.is_empty() {
            out.observe(Observation::Kept(fields));
        }
    }

    /// Whether it was done: an id that is open is no good for anything else.
    fn act_live(&mut self, now: Moment, action: Action, out: &mut Outbox) -> bool {
        let is_timer = matches!(action, Action::Timer { .. });
        if let Some(id) = begins(&action).filter(|_| !is_timer)
            && self.is_open(id)
        {
            out.trouble(format!("the script used the id {id} again while it was open; ignored"));
            return false;
        }
        match action {
            Action::Say { id, text, manner } => self.say(id, &text, manner, out),
            Action::Ask(question) => self.ask(now, question, out),
            Action::ToolResult(result) => self.tool_result(now, result, out),
            Action::Listen(hint) => {
                let patience = hint.patience.unwrap_or(self.settings.patience);
                self.listening = Some(Listening::new(now, patience));
                out.line(Command::Listen { keyterms: hint.keyterms, language: hint.language });
            }
            Action::Collect(collection) => {
                let (max, finish) = (collection.max, collection.finish);
                self.collecting = Some(Collecting::new(now, collection));
                out.line(Command::Collect { max, finish });
            }
            Action::Note(text) => self.context.note(text),
            Action::Fetch { id, request } => {
                self.fetches.insert(id, request.clone());
                out.push(Output::Fetch { id, request });
            }
            Action::Recall { id, field, value } => self.recall(now, id, field, value, out),
            Action::Timer { id, after } => self.set_timer(now, id, after, out),
            Action::PauseRecording(paused) => out.push(Output::PauseRecording(paused)),
            Action::HangUp => self.end(Departure::Script, out),
            Action::Play { id, name, .. } => self.cannot(id, &format!("there is no clip {name:?}"), out),
            Action::SendDigits { id, digits } => self.send_digits(id, &digits, out),
            Action::Transfer { id, to, brief } => self.transfer(now, id, to, brief, out),
            Action::Become { persona, .. } => {
                out.trouble(format!("the script cannot become {persona:?} during a call; ignored"));
            }
            // taken before
            Action::Keep(_) | Action::Outcome(_) | Action::Cancel(_) => {}
        }
        true
    }

    fn say(&mut self, id: Id, text: &str, manner: Manner, out: &mut Outbox) {
        let utterance = self.begin_speech(Owner::Say(id), manner, out);
        self.speak(utterance, None, true, text, out);
        out.line(Command::Finish { utterance });
    }

    /// Presses keys for the script. Nothing interrupts that: half a number is none.
    fn send_digits(&mut self, id: Id, digits: &str, out: &mut Outbox) {
        match dtmf::parse(digits) {
            Ok(presses) => {
                let manner = Manner::new(Interruption::Nothing);
                let utterance = self.begin_speech(Owner::Say(id), manner, out);
                out.line(Command::Digits { utterance, presses });
            }
            Err(wrong) => self.cannot(id, &format!("keys of the script: {wrong}"), out),
        }
    }

    /// Something that cannot be done: it is reported, not forgotten.
    pub(super) fn cannot(&mut self, id: Id, why: &str, out: &mut Outbox) {
        out.trouble(why);
        let report = Report { id, ending: Ending::Failed, heard: String::new(), answer: String::new() };
        self.tell(Event::Done(report), out);
    }

    fn cancel(&mut self, id: Id, out: &mut Outbox) {
        if self.timers.remove(&id).is_some() {
            return;
        }
        if self.fetches.remove(&id).is_some() {
            out.push(Output::CancelFetch(id));
            let outcome = Err(net::Failure::new(net::Fault::Cancelled, "the script cancelled it"));
            self.tell(Event::Response { id, outcome }, out);
            return;
        }
        if self.recalls.contains_key(&id) {
            return self.forget_recall(id, out);
        }
        if let Some(speech) = self.speeches.iter_mut().find(|s| s.owner == Owner::Say(id)) {
            speech.ending = Some(Ending::Cancelled);
            out.line(Command::Stop { utterance: speech.utterance });
            return;
        }
        if self.is_transferring(id) {
            return self.cancel_transfer_of_script(Ending::Cancelled, out);
        }
        self.cancel_question(id, out);
    }

    fn is_open(&self, id: Id) -> bool {
        self.ending.contains(&id)
            || self.timers.contains_key(&id)
            || self.fetches.contains_key(&id)
            || self.recalls.contains_key(&id)
            || self.is_transferring(id)
            || self.speeches.iter().any(|s| s.owner == Owner::Say(id))
            || self.questions.values().any(|q| q.spec.id == id)
    }

    /// A response to a `fetch`.
    pub(crate) fn response(
        &mut self,
        now: Moment,
        id: Id,
        outcome: Result<net::Fetched, net::Failure>,
        out: &mut Outbox,
    ) {
        self.now = now;
        // one that was cancelled has been reported
        if self.fetches.remove(&id).is_some() {
            self.tell(Event::Response { id, outcome }, out);
        }
    }
}

/// The id that an action begins. Using an open one is a mistake, but for timers: setting one again moves
/// it.
fn begins(action: &Action) -> Option<Id> {
    match action {
        Action::Say { id, .. }
        | Action::Play { id, .. }
        | Action::Fetch { id, .. }
        | Action::Recall { id, .. }
        | Action::Timer { id, .. }
        | Action::SendDigits { id, .. }
        | Action::Transfer { id, .. } => Some(*id),
        Action::Ask(question) => Some(question.id),
        _ => None,
    }
}
