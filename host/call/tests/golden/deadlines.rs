//! Every wait ends (DESIGN, decision 3).

use crate::scene::*;
use call::llm::Effect;
use call::persona::{Action, Event};
use call::{Cause, Config, Failure, Input, stt};
use insta::assert_snapshot;
use std::time::Duration;

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![ask(1)],
        Event::Done(report) if report.id == 1 => vec![say_whole(2, "I cannot think today. Goodbye.")],
        Event::Done(_) => vec![Action::HangUp],
        _ => vec![],
    }
}

#[test]
fn a_model_that_says_nothing_is_asked_once_more_and_has_failed() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.model(|_| vec![]);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.000 model is asked: 
     8.000 model is cancelled
     8.000 trouble: the model said nothing for 8 s; another attempt is made
     8.000 model is asked: 
    16.000 trouble: the model said nothing for 8 s
    16.000 model is cancelled
    16.000 script: 1 is Failed, heard ""
    17.850 script: 2 is Complete, heard "I cannot think today. Goodbye."
    17.850 agent hangs up
    17.850 script: Ended(Script)
    17.850 ended: Script
    "#);
}

#[test]
fn a_model_that_says_nothing_more_has_failed_and_what_it_said_is_spoken() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.model(|_| vec![(100, Effect::Delta("Well".into()))]);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.000 model is asked: 
     8.100 trouble: the model said nothing more for 8 s
     8.100 model is cancelled
     8.390 script: 1 is Failed, heard "Well"
    10.240 script: 2 is Complete, heard "I cannot think today. Goodbye."
    10.240 agent hangs up
    10.240 script: Ended(Script)
    10.240 ended: Script
    "#);
}

#[test]
fn a_model_that_never_ends_has_failed() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.model(|_| vec![(5_000, Effect::Delta("Well, ".into())); 100]);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.000 model is asked: 
    60.000 trouble: the model gave no whole answer in 60 s
    60.000 model is cancelled
    63.290 script: 1 is Failed, heard "Well, Well, Well, Well, Well, Well, Well, Well, Well, Well, Well, Well,"
    65.140 script: 2 is Complete, heard "I cannot think today. Goodbye."
    65.140 agent hangs up
    65.140 script: Ended(Script)
    65.140 ended: Script
    "#);
}

#[test]
fn a_call_has_a_greatest_length() {
    let story = on_both_lines(|sound| {
        let mut config = Config::default();
        config.conversation.call = Duration::from_secs(30);
        Scene::with(config, sound, |_| vec![listen()])
    });
    assert_snapshot!(story, @"
     0.000 script: Started
    15.000 script: silence of 15 s
    30.000 trouble: the call has reached its limit of 30 s
    30.000 agent hangs up
    30.000 script: Ended(Limit)
    30.000 ended: Limit
    ");
}

#[test]
fn a_script_that_neither_speaks_nor_listens_is_given_up() {
    let story = on_both_lines(|sound| Scene::new(sound, |_| vec![]));
    assert_snapshot!(story, @"
     0.000 script: Started
    60.000 trouble: the persona failed: it neither spoke nor listened for 60 s
    64.370 agent hangs up
    64.370 ended: Failed
    ");
}

#[test]
fn a_script_that_traps_ends_in_an_apology() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![say(1, "This will not be heard to its end.")],
            _ => vec![],
        });
        scene.later(at(1_000), Input::PersonaFailed("unreachable executed".into()));
        scene
    });
    assert_snapshot!(story, @"
    0.000 script: Started
    1.000 trouble: the persona failed: unreachable executed
    1.000 ~ clear
    5.370 agent hangs up
    5.370 ended: Failed
    ");
}

#[test]
fn a_script_that_was_never_there_ends_in_an_apology() {
    let mut scene = Scene::new(true, |_| vec![]);
    scene.call.handle(at(0), Input::PersonaFailed("misconfigured".into()));
    assert_snapshot!(scene.play(60).story(), @"
    0.000 trouble: the persona failed: misconfigured
    4.370 agent hangs up
    4.370 ended: Failed
    ");
}

#[test]
fn a_voice_that_says_nothing_is_opened_again_once() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![say(1, "Hello.")],
        _ => vec![],
    });
    scene.voice.silent = true;
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     5.000 trouble: the voice failed and is opened again: unreachable: it gave no audio for 5 s
     5.000 ~ voice opened again
    10.000 script: 1 is Failed, heard ""
    10.000 trouble: the voice failed: unreachable: it gave no audio for 5 s
    10.000 agent hangs up
    10.000 script: Ended(Failed)
    10.000 ended: Failed
    "#);
}

#[test]
fn a_recogniser_that_dies_is_opened_again_once() {
    let mut scene = Scene::new(true, |_| vec![listen()]);
    let dies = || Input::Stt(vec![stt::Effect::Failed(Failure::new(Cause::Unreachable, "closed 1011"))]);
    scene.later(at(1_000), dies());
    scene.later(at(30_000), dies());
    scene.later(at(31_000), dies());
    assert_snapshot!(scene.play(60).story(), @"
     0.000 script: Started
     1.000 trouble: the recogniser failed and is opened again: unreachable: closed 1011
     1.000 ~ recogniser opened again
    15.000 script: silence of 15 s
    30.000 trouble: the recogniser failed and is opened again: unreachable: closed 1011
    30.000 ~ recogniser opened again
    30.000 script: silence of 15 s
    31.000 trouble: the recogniser failed: unreachable: closed 1011
    35.370 agent hangs up
    35.370 script: Ended(Failed)
    35.370 ended: Failed
    ");
}

#[test]
fn a_recogniser_that_refuses_is_not_opened_again() {
    let mut scene = Scene::new(true, |_| vec![listen()]);
    let refused = Failure::new(Cause::Denied, "401: no such key");
    scene.later(at(1_000), Input::Stt(vec![stt::Effect::Failed(refused)]));
    assert_snapshot!(scene.play(60).story(), @"
    0.000 script: Started
    1.000 trouble: the recogniser failed: denied: 401: no such key
    5.370 agent hangs up
    5.370 script: Ended(Failed)
    5.370 ended: Failed
    ");
}

#[test]
fn a_model_that_gives_an_empty_answer_or_does_not_end_has_failed() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![listen()],
            Event::Turn(turn) => vec![ask(turn.number)],
            _ => vec![listen()],
        });
        let mut asked = 0;
        scene.model(move |_| {
            asked += 1;
            match asked {
                1 | 2 => vec![(100, Effect::Finished(call::chat::Stop::Complete))],
                _ => vec![(100, Effect::Delta("and so on ".repeat(4_000)))],
            }
        });
        scene.caller_says(500, "Hello?");
        scene.caller_says(3_000, "What is new?");
        scene.caller_hangs_up(4_500);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    0.960 script: turn 1: "Hello?"
    0.960 model is asked: caller "Hello?"
    1.060 trouble: the model gave an empty answer; another attempt is made
    1.060 model is asked: caller "Hello?"
    1.160 trouble: the model gave an empty answer
    1.160 script: 1 is Failed, heard ""
    3.040 ~ script: the caller speaks
    3.820 script: turn 2: "What is new?"
    3.820 model is asked: caller "Hello?" | caller "What is new?"
    3.920 trouble: the model's answer is longer than 8192 bytes
    3.920 model is cancelled
    3.920 script: 2 is Failed, heard "" of 39999 bytes
    4.500 caller hangs up
    4.500 script: Ended(Caller)
    4.500 ended: Caller
    "#);
}
