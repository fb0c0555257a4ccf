//! A talk, played: a component and the real engine of calls, in virtual time; caller, model and servers
//! are simulated by what the file says.
//!
//! - `answering.rs`: the model, the servers, and whoever else is asked

mod answering;

use super::file::Talk;
use super::line::{Outcome, Step, collapsed};
use super::scene::Opening;
use audio::detect::Energy;
use call::line::UtteranceId;
use call::llm::ReplyId;
use call::persona::{Action, Departure, Event, Field, Utterance};
use call::{Call, Config, Input, Line, Moment, Observation, Output, text};
use components::manifest::Manifest;
use components::{Fault, Generation, PersonaSession, Surroundings};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The caller thinks for so long.
const BEFORE_SPEAKING: Duration = Duration::from_secs(1);
const BETWEEN_KEYS: Duration = Duration::from_millis(200);
/// A call that does more than this will not end.
const MOST_STEPS: usize = 100_000;

/// Something that happened, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happened {
    /// a line of the file was carried out: a step, or an answer
    Line(usize),
    Outcome(Outcome),
}

/// How it went.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub(crate) happened: Vec<Happened>,
    /// lines (from 0) with which something is wrong, and what
    pub(crate) problems: Vec<(usize, String)>,
}

/// What will happen.
enum Todo {
    Input(Input),
    /// nothing but the time that has passed
    Silence,
}

struct Later {
    when: Moment,
    number: usize,
    /// noted when it happens
    line: Option<usize>,
    /// not wanted any more once this reply is cancelled
    reply: Option<ReplyId>,
    todo: Todo,
}

pub(crate) struct Stage<'a> {
    talk: &'a Talk,
    manifest: &'a Manifest,
    settings: BTreeMap<String, String>,
    call: Call,
    pace: Duration,
    /// none: it broke
    persona: Option<PersonaSession>,
    now: Moment,
    agenda: Vec<Later>,
    scheduled: usize,
    played: Played,
    steps: VecDeque<(usize, &'a Step)>,
    /// the line of the last step
    place: Option<usize>,
    used: BTreeSet<usize>,
    /// the persona waits for the caller
    listening: bool,
    speaking: Vec<Speaking>,
    /// when all that was sent will have been spoken
    ends: Moment,
    /// replies, requests and so on that were not answered yet
    open: usize,
    replies: BTreeSet<ReplyId>,
    /// where the end of the call is noted, if the agent ended it
    closed_at: Option<usize>,
    hung_up: bool,
}

/// An utterance on its way to the caller.
struct Speaking {
    id: UtteranceId,
    began: Moment,
    text: String,
    /// where it stands in what happened; none: nothing of it was heard yet
    place: Option<usize>,
}

/// Plays the talk to its end. An error: the persona does not begin.
pub(crate) fn play(talk: &Talk, persona: &Arc<Generation>, opening: &Opening) -> Result<Played, Fault> {
    // nothing comes from the network: the stage answers all that is asked
    let (arrivals, _nobody) = mpsc::channel(1);
    let scene = &opening.scene;
    let surroundings = Surroundings::new(&scene.call, opening.began, scene.seed, arrivals);
    let session = match persona.open_persona(&surroundings, Moment::START, scene) {
        Ok(session) => session?,
        Err(error) => return Err(Fault::Trapped(error.to_string())),
    };
    let text = text::Settings::default();
    let mut config = Config { line: Line::Text(text), ..Config::default() };
    config.conversation.answered_by = scene.answered_by;
    let settings = persona.settings().iter();
    let settings =
        settings.filter_map(|(name, value, _)| Some((name.to_owned(), value.as_str()?.to_owned())));
    let stage = Stage {
        talk,
        manifest: &persona.artifact.manifest,
        settings: settings.collect(),
        call: Call::new(config, Box::new(Energy::default())),
        pace: text.pace,
        persona: Some(session),
        now: Moment::START,
        agenda: Vec::new(),
        scheduled: 0,
        played: Played::default(),
        steps: talk.steps().collect(),
        place: None,
        used: BTreeSet::new(),
        listening: false,
        speaking: Vec::new(),
        ends: Moment::START,
        open: 0,
        replies: BTreeSet::new(),
        closed_at: None,
        hung_up: false,
    };
    Ok(stage.play())
}

impl Stage<'_> {
    fn play(mut self) -> Played {
        self.call.handle(self.now, Input::Attached);
        for _ in 0..MOST_STEPS {
            let Some(due) = self.drain() else { return self.finish() };
            let first = self.agenda.iter().enumerate().min_by_key(|(_, later)| (later.when, later.number));
            match first.map(|(at, later)| (at, later.when)) {
                // what arrives from outside comes before what is due at the same instant
                Some((at, when)) if when <= due => {
                    self.now = self.now.max(when);
                    let later = self.agenda.remove(at);
                    self.happen(later);
                }
                None if self.is_at_rest() => self.next_step(),
                None if due == Moment::NEVER => self.next_step(),
                _ => {
                    self.now = self.now.max(due);
                    self.call.handle(self.now, Input::Timeout);
                }
            }
        }
        let problem = "the conversation goes on and on from here";
        self.played.problems.push((self.place.unwrap_or_default(), problem.into()));
        self.finish()
    }

    /// Nothing is under way, and the persona waits for the caller.
    fn is_at_rest(&self) -> bool {
        self.listening && self.open == 0 && self.speaking.is_empty()
    }

    fn next_step(&mut self) {
        let Some((line, step)) = self.steps.pop_front() else {
            // the file is over, and so is the call
            if !std::mem::replace(&mut self.hung_up, true) {
                self.call.handle(self.now, Input::Closed);
            }
            return;
        };
        self.place = Some(line);
        let when = self.now + BEFORE_SPEAKING;
        match step {
            Step::Says(text) => self.later(when, Some(line), Todo::Input(prompt(text))),
            Step::Interrupts { after, says } => {
                let problem = match after.is_empty() {
                    true => "the agent does not speak there, so nobody can interrupt".to_owned(),
                    false => format!("the agent does not say {after:?} there, so nobody can interrupt it"),
                };
                self.played.problems.push((line, problem));
                self.later(when, Some(line), Todo::Input(prompt(says)));
            }
            Step::Presses(keys) => {
                let mut when = when;
                for (at, key) in keys.chars().enumerate() {
                    self.later(when, (at == 0).then_some(line), Todo::Input(Input::Key(key)));
                    when = when + BETWEEN_KEYS;
                }
            }
            Step::IsSilent(length) => {
                self.played.happened.push(Happened::Line(line));
                self.later(self.now + *length, None, Todo::Silence);
            }
            Step::HangsUp => {
                self.hung_up = true;
                self.later(when, Some(line), Todo::Input(Input::Closed));
            }
            Step::AnsweredBy(who) => self.later(when, Some(line), Todo::Input(Input::AnsweredBy(*who))),
        }
    }

    fn later(&mut self, when: Moment, line: Option<usize>, todo: Todo) {
        self.scheduled += 1;
        self.agenda.push(Later { when, number: self.scheduled, line, reply: None, todo });
    }

    fn happen(&mut self, later: Later) {
        self.played.happened.extend(later.line.map(Happened::Line));
        match later.todo {
            Todo::Silence => {}
            Todo::Input(input) => {
                let answers = matches!(
                    input,
                    Input::Model { .. }
                        | Input::Response { .. }
                        | Input::Recalled { .. }
                        | Input::Transferred(_)
                        | Input::TransferFailed { .. }
                );
                self.open = self.open.saturating_sub(usize::from(answers));
                self.call.handle(self.now, input);
            }
        }
    }

    /// Carries out everything; when the next thing is due. None: the call is over.
    fn drain(&mut self) -> Option<Moment> {
        loop {
            match self.call.poll_output() {
                Output::Timeout(due) => return Some(due),
                Output::Ended(summary) => {
                    self.ended(summary.departure);
                    return None;
                }
                output => self.carry_out(output),
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Text(text::Output::Speak { utterance, text, .. }) => self.speaks(utterance, &text),
            Output::Text(text::Output::Stop) => self.ends = self.now,
            // what the script did is noted where it does it
            Output::Text(_) => {}
            Output::Close => {
                self.closed_at = Some(self.played.happened.len());
                self.note(Outcome::AgentHangsUp);
            }
            Output::Model { reply, event } => self.model(reply, event),
            Output::Persona(event) => self.tell(event),
            Output::Fetch { id, request } => self.fetch(id, &request),
            Output::Recall { id, field, value } => self.recall(id, field, &value),
            Output::Transfer { id, to, brief } => self.transfer(id, to, brief),
            Output::Observed(observation) => self.observed(observation),
            // what is answered late is answered to nobody
            Output::CancelFetch(_) | Output::CancelRecall(_) | Output::CancelTransfer(_) => {}
            Output::PauseRecording(_) | Output::Timeout(_) | Output::Ended(_) => {}
            Output::Media { .. } | Output::Mark(_) | Output::Clear => {}
            Output::Stt(_) | Output::ReopenStt | Output::Tts(_) | Output::ReopenTts => {}
        }
    }

    fn note(&mut self, outcome: Outcome) {
        self.played.happened.push(Happened::Outcome(outcome));
    }

    fn tell(&mut self, event: Event) {
        if matches!(event, Event::Turn(_) | Event::Keys { .. }) {
            self.listening = false;
        }
        let input = match &mut self.persona {
            None => Input::PersonaFailed("it is not there any more".into()),
            Some(persona) => match persona.handle(self.now, event) {
                Ok(actions) => {
                    actions.iter().for_each(|action| self.acts(action));
                    Input::Persona(actions)
                }
                Err(fault) => {
                    self.persona = None;
                    Input::PersonaFailed(fault.to_string())
                }
            },
        };
        self.call.handle(self.now, input);
    }

    fn acts(&mut self, action: &Action) {
        match action {
            Action::Listen(_) | Action::Collect(_) => self.listening = true,
            Action::ToolResult(result) => self.note(Outcome::ToolAnswers(collapsed(&result.content))),
            Action::SendDigits { digits, .. } => self.note(Outcome::Presses(digits.clone())),
            _ => {}
        }
    }

    /// More of an utterance is on its way; the caller may be waiting for it to interrupt.
    fn speaks(&mut self, id: UtteranceId, text: &str) {
        let length = self.pace * u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let began = self.ends.max(self.now);
        self.ends = began + length;
        match self.speaking.iter_mut().find(|speaking| speaking.id == id) {
            Some(speaking) => speaking.text.push_str(text),
            None => self.speaking.push(Speaking { id, began, text: text.to_owned(), place: None }),
        }
        let Some(Step::Interrupts { after, says }) = self.steps.front().map(|(_, step)| *step) else {
            return;
        };
        let Some(speaking) = self.speaking.iter().find(|speaking| speaking.id == id) else { return };
        // in what may have other spaces
        let when = if after.is_empty() {
            Some(speaking.began + BEFORE_SPEAKING)
        } else {
            let found = speaking.text.find(after.as_str()).map(|at| at + after.len());
            let spoken = found.and_then(|end| speaking.text.get(..end)).map(|spoken| spoken.chars().count());
            spoken.map(|count| speaking.began + self.pace * u32::try_from(count).unwrap_or(u32::MAX))
        };
        if let (Some(when), Some((line, _))) = (when, self.steps.pop_front_if(|_| when.is_some())) {
            self.place = Some(line);
            self.later(when.max(self.now), Some(line), Todo::Input(prompt(says)));
        }
    }

    fn observed(&mut self, observation: Observation) {
        match observation {
            Observation::Speaks { utterance, .. } => {
                let place = self.played.happened.len();
                self.note(Outcome::Agent { heard: String::new(), cut: true });
                if let Some(speaking) = self.speaking.iter_mut().find(|speaking| speaking.id == utterance) {
                    speaking.place = Some(place);
                } else {
                    let (began, text) = (self.now, String::new());
                    self.speaking.push(Speaking { id: utterance, began, text, place: Some(place) });
                }
            }
            Observation::Spoke { utterance, heard, ending, .. } => {
                let at = self.speaking.iter().position(|speaking| speaking.id == utterance);
                let place = at.map(|at| self.speaking.remove(at)).and_then(|speaking| speaking.place);
                let cut = ending != call::persona::Ending::Complete && !is_whole(ending);
                let said = Outcome::Agent { heard: collapsed(&heard), cut };
                // what never began was heard by nobody
                if let Some(place) = place.and_then(|place| self.played.happened.get_mut(place)) {
                    *place = Happened::Outcome(said);
                }
            }
            Observation::Kept(fields) => fields.into_iter().for_each(|field| self.kept(field)),
            Observation::Outcome(text) => self.note(Outcome::Concludes(collapsed(&text))),
            Observation::Trouble(what) => self.note(Outcome::Trouble(collapsed(&what))),
            Observation::Caller { .. } | Observation::Partial(_) | Observation::Turn(_) => {}
            Observation::Tool { .. } | Observation::Times(_) | Observation::FailedOver(_) => {}
        }
    }

    fn kept(&mut self, field: Field) {
        if let Some(problem) = self.manifest.field_problem(&field.name, &field.value) {
            self.note(Outcome::Trouble(problem));
        }
        let value = serde_json::from_str(&field.value).unwrap_or_default();
        self.note(Outcome::Kept { field: field.name, value });
    }

    fn ended(&mut self, departure: Departure) {
        let how = match departure {
            Departure::Caller => return,
            Departure::Script | Departure::Operator => Outcome::AgentHangsUp,
            Departure::Transferred => Outcome::PutThrough,
            Departure::Failed => Outcome::CallFails,
            Departure::Limit => Outcome::CallIsCutOff,
        };
        match self.closed_at.and_then(|at| self.played.happened.get_mut(at)) {
            Some(place) => *place = Happened::Outcome(how),
            None => self.note(how),
        }
    }

    /// What the file says and nobody asked for.
    fn finish(mut self) -> Played {
        for (line, _) in std::mem::take(&mut self.steps) {
            self.played.problems.push((line, "the call is over before this: remove the line".into()));
        }
        for (line, answer) in self.talk.answers().filter(|(line, _)| !self.used.contains(line)) {
            self.played.problems.push((line, answering::not_asked(answer).into()));
        }
        self.played.problems.sort();
        self.played
    }
}

/// An answer of a model that failed in the end is heard as far as it went.
fn is_whole(ending: call::persona::Ending) -> bool {
    matches!(ending, call::persona::Ending::Failed)
}

fn prompt(text: &str) -> Input {
    let said = Utterance { text: text.to_owned(), confidence: 1.0, language: None };
    Input::Text(text::Input::Prompt { said, last: true })
}
