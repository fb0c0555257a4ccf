//! Words that come after the turn was closed (DESIGN, rule 1).

use crate::scene::*;
use call::llm::Effect;
use call::persona::{Action, Event};
use insta::assert_snapshot;

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![listen()],
        Event::Turn(_) => vec![ask(1)],
        Event::Done(_) => vec![listen()],
        _ => vec![],
    }
}

#[test]
fn before_anything_of_the_reply_is_heard_they_go_on_the_same_turn() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => vec![(2_000, Effect::Delta("What would you like?".into()))],
            false => says("A refund, of course."),
        });
        scene.caller_says(500, "I would like");
        scene.caller_says(1_800, "a refund please.");
        scene.caller_hangs_up(8_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.320 script: turn 1: "I would like"
    1.320 model is asked: caller "I would like"
    1.860 ~ script: the caller speaks
    2.860 model is cancelled
    2.860 script: 1 is Interrupted, heard ""
    2.860 script: turn 1 again: "I would like a refund please."
    2.860 model is asked: caller "I would like a refund please."
    4.270 script: 1 is Complete, heard "A refund, of course."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn after_something_of_the_reply_was_heard_they_are_a_new_turn() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.model_says(&["What would you like, your money or another soup?", "A refund, of course."]);
        scene.caller_says(500, "I would like");
        scene.caller_says(2_760, "a refund please.");
        scene.caller_hangs_up(8_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.320 script: turn 1: "I would like"
    1.320 model is asked: caller "I would like"
    2.820 ~ clear
    2.820 ~ script: the caller speaks
    3.060 script: 1 is Interrupted, heard "What would you like," of "What would you like, your money or another soup?"
    3.820 script: turn 2: "a refund please."
    3.820 model is asked: caller "I would like" | agent "What would you like," | caller "a refund please."
    5.230 script: 1 is Complete, heard "A refund, of course."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn after_a_reply_that_failed_they_are_a_new_turn() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        let mut first = true;
        let failure = call::Failure::new(call::Cause::Denied, "no such key");
        scene.model(move |_| match std::mem::take(&mut first) {
            true => vec![(100, Effect::Failed(failure.clone()))],
            false => says("A refund, of course."),
        });
        scene.caller_says(500, "I would like");
        scene.caller_says(3_000, "a refund please.");
        scene.caller_hangs_up(8_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.320 script: turn 1: "I would like"
    1.320 model is asked: caller "I would like"
    1.420 trouble: the model failed: denied: no such key
    1.420 script: 1 is Failed, heard ""
    3.040 ~ script: the caller speaks
    4.060 script: turn 2: "a refund please."
    4.060 model is asked: caller "I would like" | caller "a refund please."
    5.470 script: 1 is Complete, heard "A refund, of course."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}
