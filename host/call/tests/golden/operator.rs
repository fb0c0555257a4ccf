//! A person who has the right to do so takes part in a call, or follows it.

use crate::scene::*;
use audio::dtmf;
use call::persona::{Action, Departure, Event};
use call::{Input, llm};
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
fn an_operator_stops_a_reply_as_a_caller_who_cuts_in_does() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            true => vec![
                (100, llm::Effect::Delta("We are open on Monday, and on Tuesday as well. And".into())),
                (3_000, llm::Effect::Delta(" on Friday.".into())),
            ],
            false => says("Until ten."),
        });
        scene.caller_says(500, "When are you open?");
        scene.operator_interrupts(3_700);
        scene.caller_says(5_000, "Also in the evening?");
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.680 script: turn 1: "When are you open?"
    1.680 model is asked: caller "When are you open?"
    3.700 operator interrupts
    3.700 ~ clear
    3.700 model is cancelled
    3.700 script: 1 is Interrupted, heard "We are open on Monday, and on" of "We are open on Monday, and on Tuesday as well. And"
    5.060 ~ script: the caller speaks
    6.300 script: turn 2: "Also in the evening?"
    6.300 model is asked: caller "When are you open?" | agent "We are open on Monday, and on" | caller "Also in the evening?"
    7.070 script: 1 is Complete, heard "Until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn an_operator_stops_what_nobody_else_may_and_what_waits_behind_it() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                say_whole(1, "This call is recorded, as the law wants it."),
                say_whole(2, "Nobody hears this."),
            ],
            Event::Turn(_) => vec![ask(3)],
            _ => vec![listen()],
        });
        // said over what must not be cut: it is a turn now
        scene.caller_says(300, "Hello?");
        scene.operator_interrupts(1_550);
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.360 ~ script: the caller speaks
    1.550 operator interrupts
    1.550 ~ clear
    1.550 script: 1 is Interrupted, heard "This call is recorded, as"
    1.550 script: 2 is Interrupted, heard ""
    1.550 script: turn 1: "Hello?"
    1.550 model is asked: agent "This call is recorded, as" | caller "Hello?"
    2.080 script: 3 is Complete, heard "I see."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn where_nothing_is_spoken_there_is_nothing_to_stop() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.operator_interrupts(200);
        scene.caller_says(500, "When are you open?");
        // the model is still thinking
        scene.operator_interrupts(1_700);
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.200 operator interrupts
    0.560 ~ script: the caller speaks
    1.680 script: turn 1: "When are you open?"
    1.680 model is asked: caller "When are you open?"
    1.700 operator interrupts
    2.210 script: 1 is Complete, heard "I see."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn what_an_operator_says_comes_behind_what_is_being_said_and_is_heard_to_its_end() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        let mut first = true;
        scene.model(move |_| match std::mem::take(&mut first) {
            // the end of the reply comes after the operator has spoken
            true => vec![
                (100, llm::Effect::Delta("We are open on Monday, ".into())),
                (500, llm::Effect::Delta("and on Friday.".into())),
                (0, llm::Effect::Finished(call::chat::Stop::Complete)),
            ],
            false => says("Until ten."),
        });
        scene.caller_says(500, "When are you open?");
        scene.operator_says(2_000, "And on Sunday, since this year.");
        // over the operator's words, which are not cut
        scene.caller_says(4_500, "In the evening?");
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.680 script: turn 1: "When are you open?"
    1.680 model is asked: caller "When are you open?"
    2.000 operator says "And on Sunday, since this year."
    4.550 script: 1 is Complete, heard "We are open on Monday, and on Friday."
    4.560 ~ script: the caller speaks
    6.410 script: turn 2: "In the evening?"
    6.410 model is asked: caller "When are you open?" | agent "We are open on Monday, and on Friday. And on Sunday, since this year." | caller "In the evening?"
    7.180 script: 1 is Complete, heard "Until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn an_operator_who_says_nothing_says_nothing() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.operator_says(500, "  ");
        scene.later(at(600), Input::Digits(vec![]));
        scene.caller_hangs_up(1_000);
        scene.later(at(1_100), Input::Say("too late".into()));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.500 operator says "  "
    0.600 operator presses 0 keys
    1.000 caller hangs up
    1.000 script: Ended(Caller)
    1.000 ended: Caller
    "#);
}

#[test]
fn an_operator_presses_keys_behind_what_is_being_said() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![say(1, "One moment.")],
        _ => vec![],
    });
    scene.later(at(100), Input::Digits(dtmf::parse("42").unwrap()));
    scene.caller_hangs_up(4_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.100 operator presses 2 keys
    0.710 script: 1 is Complete, heard "One moment."
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
    let mut tones: Vec<char> = scene.heard_of(2).chunks(400).filter_map(dtmf::detect).collect();
    tones.dedup();
    assert_eq!(tones, ['4', '2']);
    assert_snapshot!(scene.watched(), @"
    0.050 agent 1: One moment. ...
    0.451 agent 2:  ...
    0.710 agent 1: One moment. (Complete)
    1.110 agent 2:  (Complete)
    ");
}

#[test]
fn an_operator_ends_a_call_at_once() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![say_whole(1, "This call is recorded, as the law wants it.")],
            _ => vec![],
        });
        scene.later(at(1_550), Input::End(Departure::Operator));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.550 agent hangs up
    1.550 script: 1 is Cancelled, heard "This call is recorded, as"
    1.550 script: Ended(Operator)
    1.550 ended: Operator
    "#);
}

#[test]
fn whoever_watches_can_follow_the_call_while_it_goes_on() {
    let mut scene = Scene::new(true, script);
    scene.model_says(&["We are open on Monday, on Tuesday, on Wednesday, and on Friday.", "Until ten."]);
    scene.caller_says(500, "When are you open?");
    // it goes on with the same word after a cough: that is no new beginning
    scene.caller_coughs(2_500, 2_700);
    scene.caller_says(5_500, "Also in the evening?");
    scene.operator_says(7_000, "On Sunday too.");
    scene.caller_hangs_up(12_000);
    scene.play(60);
    assert_snapshot!(scene.watched(), @"
    0.560 caller speaks
    0.800 caller: When ...
    1.680 caller: When are you open?
    1.920 caller stops
    1.930 agent 1: We are open on Monday, on Tuesday, on ...
    2.560 caller speaks
    3.040 caller stops
    5.540 caller speaks
    5.800 agent 1: We are open on Monday, on Tuesday, (Interrupted)
    5.800 caller: Also ...
    6.800 caller: Also in the evening?
    6.970 agent 2: Until ten. ...
    7.040 caller stops
    7.371 agent 3: On Sunday too. ...
    7.570 agent 2: Until ten. (Complete)
    8.410 agent 3: On Sunday too. (Complete)
    ");
}

#[test]
fn what_the_operator_announces_comes_before_the_greeting_and_is_not_cut_short() {
    let mut config = call::Config::default();
    config.conversation.announcement = Some("This call is recorded, as the law wants it.".into());
    let mut scene = Scene::with(config, true, |event| match event {
        Event::Started => vec![say(1, "Hello, how can I help you?")],
        _ => vec![listen()],
    });
    // over the announcement: it is heard to its end all the same
    scene.caller_says(300, "Hello?");
    scene.caller_hangs_up(6_000);
    scene.play(10_000);
    assert_snapshot!(scene.watched(), @"
    0.050 agent 1: This call is recorded, as the law wants it. ...
    0.360 caller speaks
    0.600 caller: Hello? ...
    1.000 caller stops
    2.251 agent 2: Hello, how can I help you? ...
    2.630 agent 1: This call is recorded, as the law wants it. (Complete)
    2.630 caller: Hello?
    2.630 agent 2:  (Interrupted)
    ");
}
