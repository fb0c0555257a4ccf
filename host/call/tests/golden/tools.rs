//! A tool runs exactly once, and its result is not lost (DESIGN, rule 9).

use crate::scene::*;
use call::chat::ToolResult;
use call::persona::{Action, Event};
use insta::assert_snapshot;
use std::time::Duration;

/// A script whose tool takes so long.
fn script(tool_takes: u64) -> impl FnMut(&Event) -> Vec<Action> {
    let mut running = None;
    move |event| match event {
        Event::Started => vec![listen()],
        Event::Turn(_) => vec![ask(1)],
        Event::ToolCall { call, .. } => {
            running = Some(call.id.clone());
            vec![Action::Timer { id: 50, after: Duration::from_millis(tool_takes) }]
        }
        Event::Timer(50) => {
            let id = running.take().unwrap();
            vec![Action::ToolResult(ToolResult { id, content: "table 4".into() })]
        }
        Event::Done(_) => vec![listen()],
        _ => vec![],
    }
}

fn books_once(scene: &mut Scene) {
    let mut first = true;
    scene.model(move |_| match std::mem::take(&mut first) {
        true => {
            let mut effects = says("Let me see.");
            effects.pop();
            effects.extend(calls("book", "{}"));
            effects
        }
        false => says("You have table four."),
    });
}

#[test]
fn the_model_goes_on_with_the_result() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script(300));
        books_once(&mut scene);
        scene.caller_says(500, "Book a table.");
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.380 script: turn 1: "Book a table."
    1.380 model is asked: caller "Book a table."
    1.620 script: 1 calls book({}) as call00001
    1.920 script: Timer(50)
    1.920 model is asked: caller "Book a table." | agent "Let me see." calls book | tool table 4
    3.590 script: 1 is Complete, heard "Let me see. You have table four."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn a_long_wait_is_filled() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script(4_000));
        books_once(&mut scene);
        scene.caller_says(500, "Book a table.");
        scene.caller_hangs_up(15_000);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.620 script: 1 calls book({}) as call00001
     5.620 script: Timer(50)
     5.620 model is asked: caller "Book a table." | agent "Let me see." calls book | tool table 4 | agent "One moment, please."
     7.030 script: 1 is Complete, heard "Let me see. One moment, please. You have table four." of "Let me see. You have table four."
    15.000 caller hangs up
    15.000 script: Ended(Caller)
    15.000 ended: Caller
    "#);
}

#[test]
fn a_caller_who_cuts_in_does_not_run_it_again_and_its_result_is_known_later() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script(5_000));
        books_once(&mut scene);
        scene.caller_says(500, "Book a table.");
        // over the filler, while the tool still runs
        scene.caller_says(3_600, "Are you there?");
        scene.caller_says(9_000, "And now?");
        scene.caller_hangs_up(15_000);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     1.380 script: turn 1: "Book a table."
     1.380 model is asked: caller "Book a table."
     1.620 script: 1 calls book({}) as call00001
     3.660 ~ clear
     3.660 ~ script: the caller speaks
     3.900 script: 1 is Interrupted, heard "Let me see. One" of "Let me see."
     4.540 script: turn 2: "Are you there?"
     4.540 model is asked: caller "Book a table." | agent "Let me see." calls book | tool {"status":"still running"} | agent "One" | caller "Are you there?"
     5.950 script: 1 is Complete, heard "You have table four."
     6.620 script: Timer(50)
     9.060 ~ script: the caller speaks
     9.580 script: turn 3: "And now?"
     9.580 model is asked: caller "Book a table." | agent "Let me see." calls book | tool table 4 | agent "One" | caller "Are you there?" | agent "You have table four." | caller "And now?"
    10.990 script: 1 is Complete, heard "You have table four."
    15.000 caller hangs up
    15.000 script: Ended(Caller)
    15.000 ended: Caller
    "#);
}

#[test]
fn a_model_that_calls_for_tools_without_end_is_stopped() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![ask(1)],
            Event::ToolCall { call, .. } => {
                vec![Action::ToolResult(ToolResult { id: call.id.clone(), content: "again".into() })]
            }
            Event::Done(_) => vec![Action::HangUp],
            _ => vec![],
        });
        scene.model(|_| calls("spin", "{}"));
        scene
    });
    let rounds = story.matches("1 calls spin").count();
    assert_eq!(rounds, 9, "{story}");
    assert!(story.ends_with("ended: Script"), "{story}");
}

#[test]
fn an_answer_to_a_call_that_nobody_made_changes_nothing() {
    let story = on_both_lines(|sound| {
        Scene::new(sound, |event| match event {
            Event::Started => {
                let result = ToolResult { id: "call00007".into(), content: "?".into() };
                vec![Action::ToolResult(result), Action::HangUp]
            }
            _ => vec![],
        })
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 trouble: the script answered the tool call "call00007", which nobody made or which was answered before
    0.000 agent hangs up
    0.000 script: Ended(Script)
    0.000 ended: Script
    "#);
}
