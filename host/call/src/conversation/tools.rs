//! The journal of tools: what was asked for, what left the host, what came of it (DESIGN, rule 9).
//!
//! A run stands under its turn and its id and goes one way: requested, sent, done. Components are pure,
//! so nothing of a tool has happened before the script has answered the event that told it of the call;
//! from then on it counts as sent. Whatever breaks after that, nobody runs it again but where the
//! operator said that this changes nothing (`idempotent` in the grant of the persona).
//!
//! A tool may ask a server, wait, and ask again. What belongs to it is told by what was answered to what:
//! who begins something when told of a call, or of something that was begun for a call, begins it for
//! that call.

use super::{Conversation, QuestionNo, ends};
use crate::chat::ToolCall;
use crate::io::{Observation, Outbox, Output, ToolStep};
use crate::net;
use crate::persona::{Event, Id};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What the model is told in place of a result, where the script cannot give one any more.
const NOT_SENT: &str = r#"{"status":"not carried out","about":"Nothing was done. It may be called again."}"#;
const UNKNOWN: &str = r#"{"status":"unknown","about":"Nobody knows whether this was carried out. Do not call it again; say that you do not know."}"#;
const UNKNOWN_BUT_HARMLESS: &str =
    r#"{"status":"unknown","about":"Nobody knows whether this was carried out. It may be called again."}"#;
const ANSWER_LOST: &str = r#"{"status":"carried out","about":"This was carried out, and its answer was lost. Do not call it again."}"#;

#[derive(Default)]
pub(super) struct Journal {
    runs: Vec<Run>,
    /// what was begun for a run, by the script's ids
    begun: BTreeMap<Id, usize>,
    /// the runs that the events belong to which the script has not answered yet
    answering: VecDeque<Option<usize>>,
}

struct Run {
    turn: u32,
    question: QuestionNo,
    call: ToolCall,
    /// what the model called it
    model_id: String,
    step: ToolStep,
    /// the reply that called for it was whole
    settled: bool,
}

impl Journal {
    /// The model has called for a tool.
    pub(super) fn requested(&mut self, turn: u32, question: QuestionNo, model_id: String, call: ToolCall) {
        self.runs.push(Run { turn, question, call, model_id, step: ToolStep::Requested, settled: false });
    }

    /// The reply is whole: what is called for after it is another call, whatever it is called.
    pub(super) fn settled(&mut self, question: QuestionNo) {
        for run in self.runs.iter_mut().filter(|run| run.question == question) {
            run.settled = true;
        }
    }

    /// The id of the run that this call repeats: a model that begins a reply again, or goes on with one
    /// that broke off, may name it by the id it gave itself, or by the one it was shown.
    pub(super) fn repeated(&self, question: QuestionNo, call: &ToolCall) -> Option<&str> {
        let same = |run: &&Run| {
            let same_id = run.model_id == call.id || run.call.id == call.id;
            same_id && run.call.name == call.name && run.call.arguments == call.arguments
        };
        let mut open = self.runs.iter().rev().filter(|run| run.question == question && !run.settled);
        open.find(same).map(|run| run.call.id.as_str())
    }

    /// The script is being told this.
    pub(super) fn told(&mut self, event: &Event) {
        let run = match event {
            Event::ToolCall { call, .. } => self.runs.iter().position(|run| run.call.id == call.id),
            event => ends(event).and_then(|id| self.begun.remove(&id)),
        };
        self.answering.push_back(run);
    }

    /// The run of the event that the script has answered, or broken at.
    pub(super) fn answered(&mut self) -> Option<usize> {
        self.answering.pop_front().flatten()
    }

    /// The script begins this for a run; none: for itself.
    pub(super) fn begins(&mut self, id: Id, run: Option<usize>) {
        match run {
            Some(run) => self.begun.insert(id, run),
            None => self.begun.remove(&id),
        };
    }

    /// The tool for which this was begun.
    fn tool_of(&self, id: Id) -> Option<&str> {
        Some(self.runs.get(*self.begun.get(&id)?)?.call.name.as_str())
    }

    /// A run is there. What to observe; none: it was there, or further, before.
    fn reaches(&mut self, run: Option<usize>, step: ToolStep) -> Option<Observation> {
        let run = self.runs.get_mut(run?).filter(|run| run.step < step)?;
        run.step = step;
        Some(run.observed(step))
    }
}

impl Run {
    fn observed(&self, step: ToolStep) -> Observation {
        Observation::Tool { turn: self.turn, name: self.call.name.clone(), call: self.call.id.clone(), step }
    }
}

impl Conversation {
    /// The vendors' ids are unique within a reply at best; ours within the call.
    pub(super) fn next_call_id(&mut self) -> String {
        self.last_tool_call += 1;
        format!("call{:05}", self.last_tool_call)
    }

    /// The model calls for a tool: exactly once, however often it says so. The call as the script is to be
    /// told of it; an error: the id of the run that this repeats.
    pub(super) fn journal_call(
        &mut self,
        no: QuestionNo,
        turn: u32,
        call: ToolCall,
        out: &mut Outbox,
    ) -> Result<ToolCall, String> {
        if let Some(id) = self.journal.repeated(no, &call) {
            let id = id.to_owned();
            out.trouble(format!("the model calls for {} again, as {id}; it is not run again", call.name));
            return Err(id);
        }
        let model_id = call.id;
        let call = ToolCall { id: self.next_call_id(), ..call };
        self.journal.requested(turn, no, model_id, call.clone());
        let step = ToolStep::Requested;
        out.observe(Observation::Tool { turn, name: call.name.clone(), call: call.id.clone(), step });
        Ok(call)
    }

    /// The script has answered an event of this run: from here on it counts as sent.
    pub(super) fn tool_is_sent(&mut self, run: Option<usize>, out: &mut Outbox) {
        if let Some(observation) = self.journal.reaches(run, ToolStep::Sent) {
            out.observe(observation);
        }
    }

    pub(super) fn tool_is_done(&mut self, id: &str, out: &mut Outbox) {
        let run = self.journal.runs.iter().position(|run| run.call.id == id);
        // a script may answer a call of which it learned in another way
        self.tool_is_sent(run, out);
        if let Some(observation) = self.journal.reaches(run, ToolStep::Done) {
            out.observe(observation);
        }
    }

    /// The script was restored and does not know what it had begun: what is not done is answered for it,
    /// so that the model knows how far it came. `broke_at`: the run whose answer broke the script.
    pub(super) fn answer_for_tools(
        &mut self,
        broke_at: Option<usize>,
        idempotent: &BTreeSet<String>,
        out: &mut Outbox,
    ) {
        for at in 0..self.journal.runs.len() {
            let Some(run) = self.journal.runs.get(at).filter(|run| run.step < ToolStep::Done) else {
                continue;
            };
            let content = match run.step {
                ToolStep::Requested => NOT_SENT,
                _ if broke_at == Some(at) => ANSWER_LOST,
                _ if idempotent.contains(&run.call.name) => UNKNOWN_BUT_HARMLESS,
                _ => UNKNOWN,
            };
            out.trouble(format!(
                "the tool {} ({}) has no result any more: {content}",
                run.call.name, run.call.id
            ));
            let id = run.call.id.clone();
            // it has not been told of it, and is not to be
            let is_it = |output: &Output| matches!(output, Output::Persona(Event::ToolCall { call, .. }) if call.id == id);
            out.outputs.retain(|output| !is_it(output));
            // what was called for goes no further: its question ends
            self.context.result(&id, content.to_owned());
            match broke_at == Some(at) {
                true => self.tool_is_done(&id, out),
                false => self.lose(at, out),
            }
        }
        self.journal.begun.clear();
    }

    /// The requests of a script that broke went with it. Where it knows of them, those of tools that may
    /// run again are made again; of all others it is told that nobody knows what became of them.
    pub(super) fn renew_fetches(
        &mut self,
        up_to_date: bool,
        idempotent: &BTreeSet<String>,
        out: &mut Outbox,
    ) {
        for (id, request) in std::mem::take(&mut self.fetches) {
            let tool = self.journal.tool_of(id).filter(|tool| up_to_date && idempotent.contains(*tool));
            match tool {
                Some(tool) => {
                    out.trouble(format!("the request of the tool {tool} is made again: it is idempotent"));
                    out.push(Output::Fetch { id, request: request.clone() });
                    self.fetches.insert(id, request);
                }
                None => {
                    if let Some(run) = self.journal.begun.get(&id).copied() {
                        self.lose(run, out);
                    }
                    out.push(Output::CancelFetch(id));
                    let why = "the persona broke before the answer came; whether the request was carried out \
                               is not known";
                    let outcome = Err(net::Failure::new(net::Fault::Cancelled, why));
                    self.tell(Event::Response { id, outcome }, out);
                }
            }
        }
    }

    /// The call is over: of what was sent and not answered nobody will know.
    pub(super) fn lose_tools(&mut self, out: &mut Outbox) {
        for at in 0..self.journal.runs.len() {
            self.lose(at, out);
        }
    }

    fn lose(&mut self, at: usize, out: &mut Outbox) {
        let Some(run) = self.journal.runs.get_mut(at) else { return };
        if run.step == ToolStep::Sent {
            out.observe(run.observed(ToolStep::Lost));
        }
        if run.step < ToolStep::Done {
            run.step = ToolStep::Lost;
        }
    }
}

/// What the restored script is told of an answer that it broke at. The request is not made again.
pub(super) fn broke_at_response(outcome: Result<net::Fetched, net::Failure>) -> net::Failure {
    let why = match outcome {
        Ok(fetched) => format!(
            "the request was carried out (status {}), and the persona broke at its answer; it is not to be made \
             again",
            fetched.head.status
        ),
        Err(failure) => format!("the persona broke when it was told this of the request: {failure}"),
    };
    net::Failure::new(net::Fault::Cancelled, why)
}
