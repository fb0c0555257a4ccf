//! A driver may put another script in the place of one, between two events: the engine does not know
//! who answers, and what is open goes on.

use crate::scene::*;
use call::Input;
use call::chat::ToolResult;
use call::persona::{Action, Event};
use insta::assert_snapshot;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[test]
fn what_is_open_goes_on_when_another_script_answers() {
    let story = on_both_lines(|sound| {
        let told = Rc::new(RefCell::new(Vec::new()));
        let exchanged = Rc::new(Cell::new(false));
        let by = exchanged.clone();
        let mut scene = Scene::new(sound, move |event| {
            let who = if by.get() { "new" } else { "old" };
            told.borrow_mut().push(who);
            match event {
                Event::Started => vec![
                    ask(1),
                    Action::Timer { id: 2, after: ms(4_000) },
                    Action::Fetch { id: 3, request: request() },
                    listen(),
                ],
                // at the boundary of a turn
                Event::Operator(_) => {
                    by.set(true);
                    vec![]
                }
                Event::Done(report) if report.id == 1 => vec![Action::Note(format!("{who} knows of 1"))],
                Event::Response { id: 3, .. } => vec![Action::Note(format!("{who} knows of 3"))],
                Event::Timer(2) => {
                    assert!(!told.borrow().is_empty());
                    vec![say(4, &format!("Now I am the {who} one.")), ask(5)]
                }
                Event::Done(report) if report.id == 5 => vec![Action::HangUp],
                _ => vec![],
            }
        });
        scene.later(at(10), Input::Operator("exchange".into()));
        let failure = call::net::Failure::new(call::net::Fault::Timeout, "simulated");
        scene.later(at(3_000), Input::Response { id: 3, outcome: Err(failure) });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.010 script: Operator("exchange")
    0.530 script: 1 is Complete, heard "I see."
    3.000 script: response 3: timeout: simulated
    4.000 script: Timer(2)
    4.000 model is asked: agent "I see." | note "new knows of 1" | note "new knows of 3" | agent "Now I am the new one."
    5.310 script: 4 is Complete, heard "Now I am the new one."
    5.670 script: 5 is Complete, heard "I see."
    5.670 agent hangs up
    5.670 script: Ended(Script)
    5.670 ended: Script
    "#);
}

fn request() -> call::net::Request {
    call::net::Request { method: "GET".into(), url: "https://x".into(), headers: vec![], body: vec![] }
}

#[test]
fn a_tool_that_one_script_was_told_of_is_answered_by_the_next_and_runs_once() {
    let story = on_both_lines(|sound| {
        let mut exchanged = false;
        let mut scene = Scene::new(sound, move |event| match event {
            Event::Started => vec![ask(1)],
            // the old one has begun it
            Event::ToolCall { .. } => vec![Action::Fetch { id: 2, request: request() }],
            Event::Operator(_) => {
                exchanged = true;
                vec![]
            }
            Event::Response { id: 2, .. } if exchanged => {
                vec![Action::ToolResult(ToolResult { id: "call00001".into(), content: "table 4".into() })]
            }
            Event::Done(_) if exchanged => vec![Action::HangUp],
            _ => vec![],
        });
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => calls("book", "{}"),
            false => says("You have table four."),
        });
        scene.later(at(500), Input::Operator("exchange".into()));
        let failure = call::net::Failure::new(call::net::Fault::Timeout, "simulated");
        scene.later(at(1_000), Input::Response { id: 2, outcome: Err(failure) });
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: 
    0.100 script: 1 calls book({}) as call00001
    0.500 script: Operator("exchange")
    1.000 script: response 2: timeout: simulated
    1.000 model is asked: agent calls book | tool table 4
    2.410 script: 1 is Complete, heard "You have table four."
    2.410 agent hangs up
    2.410 script: Ended(Script)
    2.410 ended: Script
    "#);
}
