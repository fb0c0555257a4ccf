//! The caller of these tests: tells the script what happens, and knows what came of it.

use crate::talk;
use persona::contract::{Action, Event, Field, Line, Recall, Recalled, Report, Utterance};
use persona::{Answerer, Direction, Ending, Opening, Script, Turn};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const NOW: u64 = 1_773_363_600_000;

pub(super) fn opening() -> Opening {
    let settings = json!({
        "greeting": "Claims line.",
        "goodbye": "Goodbye!",
        "statuses": "Pending, Approved, Denied",
        "currency": "dollars",
        "use_model": false,
    });
    Opening {
        seed: 7,
        now: NOW,
        timezone: "America/New_York".into(),
        language: "en-US".into(),
        call: "CA1".into(),
        direction: Direction::Inbound,
        caller: None,
        called: None,
        parameters: vec![],
        initial_message: None,
        answered_by: Answerer::Unknown,
        line: Line { hears_audio: true, speaks_audio: true, can_speak_unasked: true, can_send_digits: true },
        settings: settings.to_string(),
        handed: None,
    }
}

/// A call, and what is known of it.
pub(super) struct Caller {
    pub(super) script: Script,
    pub(super) opening: Opening,
    pub(super) turns: u32,
    /// the last thing said or asked
    pub(super) id: u32,
    pub(super) kept: BTreeMap<String, serde_json::Value>,
    pub(super) outcome: String,
    pub(super) hung_up: bool,
    pub(super) asked: Option<String>,
    /// what earlier calls have left; none: nobody can look it up
    pub(super) records: Vec<serde_json::Value>,
    /// what was looked up, in order
    pub(super) recalled: Vec<String>,
    /// the timer that runs
    pub(super) timer: Option<u32>,
}

impl Caller {
    pub(super) fn calls(opening: Opening) -> Self {
        let script = Script::open(talk, opening.clone()).unwrap();
        let kept = BTreeMap::new();
        Self {
            script,
            opening,
            turns: 0,
            id: 0,
            kept,
            outcome: String::new(),
            hung_up: false,
            asked: None,
            records: vec![],
            recalled: vec![],
            timer: None,
        }
    }

    /// What is said about it; it is not heard to its end yet.
    pub(super) fn tell(&mut self, event: Event) -> String {
        let (mut said, mut recall) = (String::new(), None);
        self.asked = None;
        for action in self.script.handle(NOW, vec![event]) {
            match action {
                Action::Say(speech) => (self.id, said) = (speech.id, speech.text),
                Action::Ask(question) => {
                    assert!(question.aloud.is_none());
                    (self.id, self.asked) = (question.id, Some(question.instructions));
                }
                Action::Keep(fields) => {
                    for field in fields {
                        self.kept.insert(field.name, serde_json::from_str(&field.value).unwrap());
                    }
                }
                Action::Outcome(outcome) => self.outcome = outcome,
                Action::HangUp => self.hung_up = true,
                Action::Recall(asked) => recall = Some(asked),
                Action::Timer(timer) => self.timer = Some(timer.id),
                Action::Cancel(id) => self.timer = self.timer.filter(|timer| *timer != id),
                Action::Listen(_) => {}
                other => panic!("{other:?}"),
            }
        }
        match recall {
            Some(asked) if said.is_empty() => self.remember(asked),
            Some(asked) => panic!("{asked:?} while {said:?} is said"),
            None => said,
        }
    }

    /// The newest record of which this is true.
    fn remember(&mut self, Recall { id, field, value }: Recall) -> String {
        let meant: serde_json::Value = serde_json::from_str(&value).unwrap();
        self.recalled.push(format!("{field} {value}"));
        let found = self.records.iter().rev().find(|record| record[&field] == meant);
        let fields = found.and_then(|record| record.as_object()).map(|record| {
            record
                .iter()
                .map(|(name, value)| Field { name: name.clone(), value: value.to_string() })
                .collect()
        });
        self.tell(Event::Recalled(Recalled { id, fields }))
    }

    pub(super) fn report(&mut self, ending: Ending, answer: &str) -> String {
        let report = Report { id: self.id, ending, heard: String::new(), answer: answer.into() };
        self.tell(Event::Done(report))
    }

    /// Says this, and hears the answer to its end.
    pub(super) fn says(&mut self, text: &str) -> String {
        self.turns += 1;
        self.turn(self.turns, 0, text)
    }

    pub(super) fn turn(&mut self, number: u32, revision: u32, text: &str) -> String {
        let said = Utterance { text: text.into(), confidence: 1.0, language: None };
        let answer = self.tell(Event::Turn(Turn { number, revision, said }));
        if self.asked.is_none() {
            self.report(Ending::Complete, "");
        }
        answer
    }

    /// Presses these keys, and hears what is said about the last one.
    pub(super) fn presses(&mut self, keys: &str) -> String {
        let mut answer = String::new();
        for key in keys.chars() {
            assert_eq!(answer, "", "more keys follow");
            answer = self.tell(Event::Key(key));
            if !answer.is_empty() {
                self.report(Ending::Complete, "");
            }
        }
        answer
    }

    /// Does nothing until a timer of the script has come.
    pub(super) fn waits(&mut self) -> String {
        let timer = self.timer.take().unwrap();
        let said = self.tell(Event::Timer(timer));
        self.report(Ending::Complete, "");
        said
    }

    pub(super) fn is_silent(&mut self) -> String {
        let said = self.tell(Event::Silence(5_000));
        self.report(Ending::Complete, "");
        said
    }

    pub(super) fn answers(&mut self) -> String {
        let greeting = self.tell(Event::Started);
        self.report(Ending::Complete, "");
        greeting
    }

    pub(super) fn kept(&self, name: &str) -> &str {
        self.kept.get(name).and_then(|value| value.as_str()).unwrap_or("nothing")
    }

    /// date, status, amount and state
    pub(super) fn record(&self) -> [&str; 4] {
        ["claim_date", "claim_status", "claim_amount", "state"].map(|name| self.kept(name))
    }

    /// Another version of the script goes on with the call.
    pub(super) fn is_restored(&mut self) {
        let snapshot = self.script.snapshot().unwrap();
        self.script = Script::restore(talk, self.opening.clone(), &snapshot).unwrap();
    }
}
