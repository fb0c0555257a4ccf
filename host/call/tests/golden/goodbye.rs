//! A whole call: greeting, a turn, an answer, goodbye (DESIGN, rule 7).

use crate::scene::*;
use call::persona::{Action, Event};
use insta::assert_snapshot;

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, "Hello, how can I help?")],
        Event::Done(report) if report.id == 9 => vec![Action::HangUp],
        Event::Done(_) => vec![listen()],
        Event::Turn(turn) if turn.said.text.contains("bye") => vec![say_whole(9, "Goodbye.")],
        Event::Turn(_) => vec![ask(2)],
        _ => vec![],
    }
}

#[test]
fn a_whole_call() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.model_says(&["I am sorry to hear that. Anything else?"]);
        scene.caller_says(2_000, "My soup was cold.");
        scene.caller_says(8_000, "No, goodbye.");
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.370 script: 1 is Complete, heard "Hello, how can I help?"
    2.060 ~ script: the caller speaks
    3.120 script: turn 1: "My soup was cold."
    3.120 model is asked: agent "Hello, how can I help?" | caller "My soup was cold."
    5.730 script: 2 is Complete, heard "I am sorry to hear that. Anything else?"
    8.080 ~ script: the caller speaks
    8.820 script: turn 2: "No, goodbye."
    9.350 script: 9 is Complete, heard "Goodbye."
    9.350 agent hangs up
    9.350 script: Ended(Script)
    9.350 ended: Script
    "#);
}
