//! Pages in whole calls. They take place on Thursday, the twelfth of March 2026, at nine in the evening
//! in New York, when it is Friday in Greenwich.

mod calling;
mod fields;
mod frame;
mod tools;

use super::*;
use persona::contract::{
    Action, CallForTool, Event, Fetch, Interruption, Line, Parameter, Question, Report, Response, Utterance,
};
use persona::{Answerer, Departure, Ending, Failure, Opening, Script, ToolCall};
use std::collections::BTreeMap;
use std::collections::VecDeque;

const NOW: u64 = 1_773_363_600_000;
const PIZZA: &str = include_str!("../pages/pizza.toml");
const REMINDER: &str = include_str!("../pages/reminder.toml");
const SMALL: &str = "instructions = \"You are kind.\"\ngreeting = \"Hello!\"\n";

fn opening(page: &str) -> Opening {
    Opening {
        seed: 7,
        now: NOW,
        timezone: "America/New_York".into(),
        language: "en-US".into(),
        call: "CA1".into(),
        direction: Direction::Inbound,
        caller: Some("+15550111222".into()),
        called: None,
        parameters: vec![],
        initial_message: None,
        answered_by: Answerer::Unknown,
        line: Line { hears_audio: true, speaks_audio: true, can_speak_unasked: true, can_send_digits: true },
        settings: json!({ "page": page }).to_string(),
        handed: None,
    }
}

fn outbound(page: &str) -> Opening {
    let parameter = |name: &str, value: &str| Parameter { name: name.into(), value: value.into() };
    let parameters = vec![
        parameter("first_name", "Ann"),
        parameter("day", "Monday"),
        parameter("hour", "nine in the morning"),
    ];
    Opening { direction: Direction::Outbound, parameters, ..opening(page) }
}

/// A call with a page, and what is known of it.
struct Scene {
    script: Script,
    opening: Opening,
    turns: u32,
    /// the last thing said or asked
    id: u32,
    /// what was said, as it was asked for
    said: VecDeque<String>,
    to_the_end: bool,
    asked: Option<Question>,
    results: VecDeque<String>,
    fetches: VecDeque<Fetch>,
    timers: Vec<(u32, u32)>,
    cancelled: Vec<u32>,
    transfer: Option<(u32, String, Option<String>)>,
    notes: Vec<String>,
    kept: BTreeMap<String, Value>,
    outcome: String,
    listens: Vec<persona::contract::Hint>,
    hung_up: bool,
    tool_calls: u32,
}

impl Scene {
    fn of(opening: Opening) -> Self {
        let script = Script::open(talk, opening.clone()).map_err(|e| e.message).unwrap();
        Self {
            script,
            opening,
            turns: 0,
            id: 0,
            said: VecDeque::new(),
            to_the_end: false,
            asked: None,
            results: VecDeque::new(),
            fetches: VecDeque::new(),
            timers: vec![],
            cancelled: vec![],
            transfer: None,
            notes: vec![],
            kept: BTreeMap::new(),
            outcome: String::new(),
            listens: vec![],
            hung_up: false,
            tool_calls: 0,
        }
    }

    /// A call in which the greeting was heard.
    fn greeted(page: &str) -> Self {
        let mut scene = Self::of(opening(page));
        scene.tell(Event::Started);
        scene.heard();
        scene
    }

    fn tell(&mut self, event: Event) {
        for action in self.script.handle(NOW, vec![event]) {
            match action {
                Action::Say(speech) => {
                    self.id = speech.id;
                    self.to_the_end = speech.manner.interruption == Interruption::Nothing;
                    self.said.push_back(speech.text);
                }
                Action::Ask(question) => {
                    self.id = question.id;
                    self.asked = Some(question);
                }
                Action::ToolResult(result) => self.results.push_back(result.content),
                Action::Fetch(fetch) => self.fetches.push_back(fetch),
                Action::Timer(timer) => self.timers.push((timer.id, timer.after)),
                Action::Cancel(id) => self.cancelled.push(id),
                Action::Transfer(transfer) => {
                    self.transfer = Some((transfer.id, transfer.to, transfer.brief));
                }
                Action::Note(text) => self.notes.push(text),
                Action::Keep(fields) => {
                    for field in fields {
                        self.kept.insert(field.name, serde_json::from_str(&field.value).unwrap());
                    }
                }
                Action::Outcome(outcome) => self.outcome = outcome,
                Action::Listen(hint) => self.listens.push(hint),
                Action::HangUp => self.hung_up = true,
                Action::Collect(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn done(&mut self, ending: Ending, answer: &str) {
        let heard = if ending == Ending::Complete { answer } else { "" };
        let report = Report { id: self.id, ending, heard: heard.into(), answer: answer.into() };
        self.tell(Event::Done(report));
    }

    /// What was said last is heard to its end.
    fn heard(&mut self) {
        self.done(Ending::Complete, "");
    }

    /// The caller says this, and the model is asked.
    fn says(&mut self, text: &str) {
        self.turns += 1;
        let said = Utterance { text: text.into(), confidence: 1.0, language: None };
        self.asked = None;
        self.tell(Event::Turn(Turn { number: self.turns, revision: 0, said }));
    }

    /// The model calls a tool, which has not answered yet.
    fn begins(&mut self, name: &str, arguments: Value) {
        self.tool_calls += 1;
        let id = format!("call{:05}", self.tool_calls);
        let call = ToolCall { id, name: name.into(), arguments: arguments.to_string() };
        self.tell(Event::ToolCall(CallForTool { question: self.id, call }));
    }

    /// What a tool that answers at once tells the model.
    fn calls(&mut self, name: &str, arguments: Value) -> String {
        self.begins(name, arguments);
        self.results.pop_front().expect("an answer to the tool call")
    }

    /// The model answers this, and it is heard.
    fn answers(&mut self, text: &str) {
        self.done(Ending::Complete, text);
    }

    fn responds(&mut self, id: u32, status: u16, body: &str) {
        let head = persona::bindings::cordboard::component::net::Head { status, headers: vec![] };
        let fetched = persona::Fetched { head, body: body.as_bytes().to_vec() };
        self.tell(Event::Response(Response { id, outcome: Ok(fetched) }));
    }

    fn instructions(&self) -> &str {
        &self.asked.as_ref().expect("a question").instructions
    }

    fn tools(&self) -> Vec<&str> {
        self.asked.as_ref().expect("a question").tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    fn last_said(&mut self) -> String {
        self.said.pop_back().unwrap_or_default()
    }

    /// Another version of the script goes on with the call.
    fn is_restored(&mut self) {
        let snapshot = self.script.snapshot().expect("a snapshot");
        let restored = Script::restore(talk, self.opening.clone(), &snapshot);
        self.script = restored.map_err(|failure: Failure| failure.message).unwrap();
    }
}
