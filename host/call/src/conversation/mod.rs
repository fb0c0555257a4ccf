//! The conversation: turns, the script, the model, what is kept, and how long anything may take.
//!
//! It knows a [`line`](mod@crate::line) that hears and speaks, a script that is told events and answers with
//! actions, and models that are asked. It does not know sound.
//!
//! - `mod.rs`: the state, and what the line reports
//! - `acting.rs`: what the script asks for
//! - `asking.rs`: questions to the model, and the tools it calls
//! - `failing.rs`: models that fail, and who goes on in their place
//! - `tools.rs`: how far each tool has come
//! - `joining.rs`: the text of a reply, where another goes on with it
//! - `speeches.rs`: what the line speaks, and what was heard of it
//! - `recalling.rs`: what was kept in earlier calls
//! - `outside.rs`: who picked up, operators who take part, callers who are put through
//! - `ending.rs`: how a call ends, and what fails it
//! - `waiting.rs`: deadlines, timers, silence, collected keys
//! - `context.rs`: the kept conversation
//! - `turns.rs`: which turn words belong to

mod acting;
mod asking;
mod context;
mod ending;
mod failing;
mod joining;
mod outside;
mod recalling;
mod speeches;
mod tools;
mod turns;
mod waiting;

pub use outside::LAST_RESORT;

use crate::io::{Observation, Outbox, Summary};
use crate::line::{self, Command, Final, Heard};
use crate::net;
use crate::persona::{Answerer, Departure, Ending, Event, Id, Utterance};
use crate::words::join;
use crate::{Moment, TurnTimes};
use asking::Question;
use context::Context;
use outside::Transfer;
use speeches::Speech;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tools::Journal;
use turns::Turns;
use waiting::{Collecting, Listening};

/// How long things may take, and what the host says on its own.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A model that has said nothing for this long has failed.
    pub first_output: Duration,
    /// And so has one that has begun and says nothing more for this long. A model that writes down
    /// what it gives to a tool says nothing meanwhile.
    pub stall: Duration,
    /// How many models the operator named, to be tried one after the other.
    pub models: u32,
    /// From a question to the end of its answer, tools included; and how long a script may do
    /// nothing at all.
    pub turn: Duration,
    /// The longest call.
    pub call: Duration,
    /// How long a silence before the script is told, where it does not say.
    pub patience: Duration,
    /// A tool that takes longer than this is covered by the filler.
    pub filler_after: Duration,
    /// Said while a tool runs; none: nothing.
    pub filler: Option<String>,
    /// Said when the call cannot go on.
    pub apology: String,
    /// How often a model may call for tools in one question.
    pub tool_rounds: u32,
    /// The caller may cut in by speaking; else only where keys may, and by keys.
    pub interruptions: bool,
    /// Who picked up, as far as it is known when the call begins.
    pub answered_by: Answerer,
    /// Said before anything else, and not to be interrupted.
    pub announcement: Option<String>,
    /// Where the caller goes when the call cannot go on here; none: they hear the apology.
    pub last_resort: Option<LastResort>,
}

/// Who takes over a caller of a call that cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastResort {
    /// a number, or a name that the driver knows
    pub to: String,
    /// what the caller hears before
    pub phrase: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_output: Duration::from_secs(8),
            stall: Duration::from_secs(8),
            models: 1,
            turn: Duration::from_secs(60),
            call: Duration::from_secs(3600),
            patience: Duration::from_secs(15),
            filler_after: Duration::from_millis(1500),
            filler: Some("One moment, please.".into()),
            apology: "I am sorry, something went wrong here. Please call again later. Goodbye.".into(),
            tool_rounds: 8,
            interruptions: true,
            answered_by: Answerer::Unknown,
            announcement: None,
            last_resort: None,
        }
    }
}

/// Counts the questions of a call; ids of the script are used again, these are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct QuestionNo(u32);

pub(crate) struct Conversation {
    settings: Settings,
    stage: Stage,
    /// the script can be told things
    persona: bool,
    /// what failed before anybody was there to be told
    failed_early: Option<String>,
    turns: Turns,
    /// what the caller said over speech that must not be interrupted
    held: Option<Final>,
    context: Context,
    /// what the line was given to speak and has not reported, in order
    speeches: Vec<Speech>,
    questions: BTreeMap<QuestionNo, Question>,
    journal: Journal,
    fetches: BTreeMap<Id, net::Request>,
    /// what is being looked up, and until when
    recalls: BTreeMap<Id, Moment>,
    transfer: Option<Transfer>,
    timers: BTreeMap<Id, Moment>,
    /// ids whose end the script has not been told yet
    ending: BTreeSet<Id>,
    listening: Option<Listening>,
    collecting: Option<Collecting>,
    caller_speaks: bool,
    /// the line is lost, and may come back
    detached: bool,
    /// who picked up, once somebody has said so
    answered_by: Option<Answerer>,
    /// when somebody spoke last
    quiet_since: Moment,
    /// the moment of the input that is being handled
    now: Moment,
    /// when the script was last told something, or did something
    script_moved: Moment,
    times: Option<TurnTimes>,
    last_utterance: u32,
    last_question: u32,
    last_reply: u32,
    last_tool_call: u32,
    /// the script's facts and its outcome, as they were observed last
    kept: BTreeMap<String, String>,
    outcome: Option<String>,
    summary: Summary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// nobody is there yet
    Waiting,
    Live,
    /// the script is gone or the call cannot go on; the apology is being spoken
    Apologising,
    /// the line was told to end, and reports what is open
    Closing(Departure),
    /// everything is reported; the script is told that the call is over once it has taken note
    Reported(Departure, Moment),
    /// the script was told; its last words count until then
    Ended(Moment),
    Over,
}

impl Conversation {
    pub(crate) fn new(settings: Settings) -> Self {
        let known = Some(settings.answered_by).filter(|answerer| *answerer != Answerer::Unknown);
        Self {
            answered_by: known,
            settings,
            stage: Stage::Waiting,
            persona: true,
            failed_early: None,
            turns: Turns::default(),
            held: None,
            context: Context::default(),
            speeches: Vec::new(),
            questions: BTreeMap::new(),
            journal: Journal::default(),
            fetches: BTreeMap::new(),
            recalls: BTreeMap::new(),
            transfer: None,
            timers: BTreeMap::new(),
            ending: BTreeSet::new(),
            listening: None,
            collecting: None,
            caller_speaks: false,
            detached: false,
            quiet_since: Moment::START,
            now: Moment::START,
            script_moved: Moment::START,
            times: None,
            last_utterance: 0,
            last_question: 0,
            last_reply: 0,
            last_tool_call: 0,
            kept: BTreeMap::new(),
            outcome: None,
            summary: Summary { departure: Departure::Failed, turns: 0, duration: Moment::START },
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// What the line reports.
    pub(crate) fn line(&mut self, now: Moment, event: line::Event, out: &mut Outbox) {
        self.now = now;
        match event {
            line::Event::Attached => self.attached(now, out),
            line::Event::Detached => self.detached(out),
            line::Event::Closed => self.closed(now, out),
            line::Event::Speaking => {
                self.caller_speaks(true, out);
                self.tell(Event::Speaking, out);
            }
            line::Event::Quiet => {
                self.caller_speaks(false, out);
                self.quiet_since = now;
            }
            line::Event::Partial(said) => {
                self.quiet_since = now;
                if self.collecting.is_none() {
                    out.observe(Observation::Partial(said.clone()));
                    self.tell(Event::Partial(said), out);
                }
            }
            line::Event::Final(said) => self.finished_turn(now, said, out),
            line::Event::Key(key) => self.key(now, key, out),
            line::Event::Progress { utterance, step } => {
                if step == line::Step::FirstFrame {
                    self.begins_to_sound(utterance, out);
                }
                let turn = self.speech(utterance).map(|speech| speech.turn);
                if let Some(times) = &mut self.times
                    && turn == Some((times.number, times.revision))
                {
                    times.reach(step, now);
                    if step == line::Step::FirstFrame {
                        self.flush_times(out);
                    }
                }
            }
            line::Event::Heard(utterance) => {
                let current = self.turns.current();
                if self.speech(utterance).is_some_and(|speech| speech.turn == current) {
                    self.turns.reply_heard();
                }
            }
            line::Event::Stopped { utterance, ending, heard } => {
                self.stopped(now, utterance, ending, &heard, out);
            }
            line::Event::Deaf(failure) => {
                self.fail(&format!("the recogniser failed: {failure}"), out);
            }
            line::Event::Mute(failure) => self.fail(&format!("the voice failed: {failure}"), out),
        }
    }

    /// Something is under way on which the agent may speak without anything coming from the caller.
    pub(crate) fn is_busy(&self) -> bool {
        // one that is answered is only being heard
        self.questions.values().any(|question| question.due < Moment::NEVER)
            || !self.fetches.is_empty()
            || !self.recalls.is_empty()
            || self.transfer.is_some()
    }

    fn attached(&mut self, now: Moment, out: &mut Outbox) {
        match self.stage {
            Stage::Waiting => {
                self.stage = Stage::Live;
                self.quiet_since = now;
                match self.failed_early.take() {
                    Some(reason) => self.fail(&reason, out),
                    None => self.started(out),
                }
            }
            _ if std::mem::take(&mut self.detached) => {
                // nobody could be heard meanwhile
                self.quiet_since = now;
                if let Some(collecting) = &mut self.collecting {
                    collecting.restart(now);
                }
                self.tell(Event::LineBack, out);
            }
            _ => {}
        }
    }

    fn detached(&mut self, out: &mut Outbox) {
        if self.stage != Stage::Waiting && !std::mem::replace(&mut self.detached, true) {
            self.tell(Event::LineLost, out);
        }
    }

    fn caller_speaks(&mut self, speaking: bool, out: &mut Outbox) {
        if std::mem::replace(&mut self.caller_speaks, speaking) != speaking {
            out.observe(Observation::Caller { speaking });
        }
    }

    // -- the caller's turns

    /// The line says that a turn is whole.
    fn finished_turn(&mut self, now: Moment, said: Final, out: &mut Outbox) {
        self.quiet_since = now;
        if self.stage != Stage::Live || self.collecting.is_some() {
            return;
        }
        self.held = Some(match self.held.take() {
            None => said,
            Some(earlier) => Final {
                said: Utterance {
                    text: join(&earlier.said.text, &said.said.text),
                    confidence: earlier.said.confidence.min(said.said.confidence),
                    language: said.said.language.or(earlier.said.language),
                },
                ..said
            },
        });
        self.release_turn(now, out);
    }

    /// Gives the turn to the script, unless something is being said that must not be interrupted.
    fn release_turn(&mut self, now: Moment, out: &mut Outbox) {
        if self.stage != Stage::Live || self.speeches.iter().any(|s| !s.manner.interruption.by_speech()) {
            return;
        }
        let Some(Final { said, speech_ended, transcribed }) = self.held.take() else { return };
        if self.turns.would_revise() {
            self.withdraw_reply(out);
        } else {
            // what was still to be said before the caller spoke is not said after it
            for speech in &mut self.speeches {
                speech.ending.get_or_insert(Ending::Interrupted);
                out.line(Command::Stop { utterance: speech.utterance });
            }
        }
        let turn = self.turns.close(said);
        self.summary.turns = self.turns.count();
        self.context.caller(turn.number, &turn.said.text);
        self.flush_times(out);
        self.times = Some(TurnTimes {
            number: turn.number,
            revision: turn.revision,
            end_of_speech: Some(speech_ended),
            transcript: Some(transcribed),
            closed: Some(now),
            ..TurnTimes::default()
        });
        self.listening = None;
        out.observe(Observation::Turn(turn.clone()));
        self.tell(Event::Turn(turn), out);
    }

    /// Takes back what was begun for the last turn. Nothing of it was heard, or this would not be
    /// asked for; so the reports need not wait for the line.
    fn withdraw_reply(&mut self, out: &mut Outbox) {
        let turn = self.turns.current();
        for speech in self.speeches.extract_if(.., |s| s.turn == turn).collect::<Vec<_>>() {
            out.line(Command::Stop { utterance: speech.utterance });
            self.reported(speech, Ending::Interrupted, &Heard::Prefix(0), out);
        }
        let silent = |q: &Question| q.turn == turn && q.utterance.is_none();
        for (no, question) in self.questions.extract_if(.., |_, q| silent(q)).collect::<Vec<_>>() {
            self.answered(no, question, Ending::Interrupted, String::new(), out);
        }
    }

    /// The turn's times are complete, or as complete as they will be.
    fn flush_times(&mut self, out: &mut Outbox) {
        if let Some(times) = self.times.take() {
            out.observe(Observation::Times(times));
        }
    }

    /// Tells the script, if it is there to be told.
    pub(crate) fn tell(&mut self, event: Event, out: &mut Outbox) {
        let listening = match self.stage {
            Stage::Waiting | Stage::Ended(_) | Stage::Over => false,
            Stage::Live | Stage::Apologising | Stage::Closing(_) | Stage::Reported(..) => true,
        };
        if self.persona && listening {
            self.script_moved = self.now;
            self.ending.extend(ends(&event));
            out.persona(event);
        }
    }

    /// The script is being told.
    pub(crate) fn told(&mut self, event: &Event) {
        self.journal.told(event);
        if let Some(id) = ends(event) {
            self.ending.remove(&id);
        }
    }
}

/// The id that is free again once the script knows of this event.
fn ends(event: &Event) -> Option<Id> {
    match event {
        Event::Done(report) => Some(report.id),
        Event::Response { id, .. } | Event::Recalled { id, .. } | Event::Timer(id) => Some(*id),
        _ => None,
    }
}
