//! The line is lost and comes back: nothing is sent meanwhile, what was being said goes on with the
//! word that was cut, and nobody is blamed for the time in between.

use crate::scene::*;
use call::persona::{Action, Collection, Event};
use call::{Input, llm};
use insta::assert_snapshot;

const LONG: &str = "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten.";

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, LONG)],
        Event::Turn(_) => vec![ask(2)],
        Event::Done(_) => vec![listen()],
        _ => vec![],
    }
}

#[test]
fn what_was_being_said_goes_on_with_the_word_that_was_cut() {
    let [usual, uninterruptible] = [say(1, LONG), say_whole(1, LONG)].map(|what| {
        let tell = |sound: bool| {
            let what = what.clone();
            let mut scene = Scene::new(sound, move |event| match event {
                Event::Started => vec![what.clone()],
                _ => vec![],
            });
            scene.line_is_lost(2_000, 7_000);
            scene.caller_hangs_up(12_000);
            scene
        };
        let mut scene = tell(true);
        scene.play(60);
        format!("{}\nsent {}", on_both_lines(tell), scene.sent_of(1).join("; "))
    });
    // "on" began at 1.850
    assert_snapshot!(usual, @r#"
      0.000 script: Started
      2.000 line is lost
      2.000 script: LineLost
      7.000 line is back
      7.000 script: LineBack
      9.880 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
     12.000 caller hangs up
     12.000 script: Ended(Caller)
     12.000 ended: Caller
    sent 0.050 to 2.250; 7.000 to 9.880
    "#);
    assert_eq!(usual, uninterruptible);
}

#[test]
fn what_the_script_begins_meanwhile_is_heard_when_the_line_is_back() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::LineLost => vec![say(1, "I lost you for a moment.")],
            Event::LineBack => vec![say(2, "How can I help?")],
            _ => vec![listen()],
        });
        scene.operator_says(2_000, "We are sorry.");
        scene.line_is_lost(1_000, 4_000);
        // and this changes nothing
        scene.later(at(1_500), Input::Detached);
        scene.later(at(4_500), Input::Attached);
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.000 line is lost
    1.000 script: LineLost
    1.500 line is lost
    2.000 operator says "We are sorry."
    4.000 line is back
    4.000 script: LineBack
    5.440 script: 1 is Complete, heard "I lost you for a moment."
    7.120 script: 2 is Complete, heard "How can I help?"
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn the_model_goes_on_while_the_line_is_lost() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![listen()],
            event => script(event),
        });
        scene.model(|_| {
            vec![
                (1_000, llm::Effect::Delta("Until ten ".into())),
                (1_000, llm::Effect::Delta("in the evening.".into())),
                (0, llm::Effect::Finished(call::chat::Stop::Complete)),
            ]
        });
        scene.caller_says(500, "When are you open?");
        scene.line_is_lost(2_000, 20_000);
        scene.caller_hangs_up(25_000);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     1.680 script: turn 1: "When are you open?"
     1.680 model is asked: caller "When are you open?"
     2.000 line is lost
     2.000 script: LineLost
    20.000 line is back
    20.000 script: LineBack
    21.500 script: 2 is Complete, heard "Until ten in the evening."
    25.000 caller hangs up
    25.000 script: Ended(Caller)
    25.000 ended: Caller
    "#);
}

#[test]
fn nobody_is_silent_who_cannot_be_heard() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![listen()],
            Event::Silence(_) => vec![Action::HangUp],
            _ => vec![],
        });
        // fifteen seconds of silence begin when it is back
        scene.line_is_lost(10_000, 50_000);
        scene
    });
    assert_snapshot!(story, @"
     0.000 script: Started
    10.000 line is lost
    10.000 script: LineLost
    50.000 line is back
    50.000 script: LineBack
    65.000 script: silence of 15 s
    65.000 agent hangs up
    65.000 script: Ended(Script)
    65.000 ended: Script
    ");
}

#[test]
fn keys_can_be_pressed_when_the_line_is_back() {
    let story = on_both_lines(|sound| {
        let collection = Collection { max: 4, finish: None, timeout: ms(3_000) };
        let mut scene = Scene::new(sound, move |event| match event {
            Event::Started => vec![Action::Collect(collection.clone())],
            Event::Keys { .. } => vec![Action::HangUp],
            _ => vec![],
        });
        scene.caller_presses(1_000, "1");
        scene.line_is_lost(2_000, 10_000);
        scene.caller_presses(12_500, "2");
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     2.000 line is lost
     2.000 script: LineLost
    10.000 line is back
    10.000 script: LineBack
    15.500 script: Keys { digits: "12", by: Timeout }
    15.500 agent hangs up
    15.500 script: Ended(Script)
    15.500 ended: Script
    "#);
}

#[test]
fn a_script_that_waits_for_the_line_is_not_taken_for_one_that_does_nothing() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::LineBack => vec![Action::HangUp],
            _ => vec![],
        });
        scene.line_is_lost(1_000, 100_000);
        scene
    });
    assert_snapshot!(story, @"
      0.000 script: Started
      1.000 line is lost
      1.000 script: LineLost
    100.000 line is back
    100.000 script: LineBack
    100.000 agent hangs up
    100.000 script: Ended(Script)
    100.000 ended: Script
    ");
}

#[test]
fn a_line_that_does_not_come_back_is_a_caller_who_has_gone() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.later(at(2_000), Input::Detached);
        scene.caller_hangs_up(7_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    2.000 line is lost
    2.000 script: LineLost
    7.000 caller hangs up
    7.000 script: 1 is Cancelled, heard "We are open on Monday, on"
    7.000 script: Ended(Caller)
    7.000 ended: Caller
    "#);
}

#[test]
fn what_was_heard_before_the_line_was_lost_is_a_turn() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![listen()],
        event => script(event),
    });
    scene.recogniser(Recogniser { partial: ms(300), last: ms(100), owns_turns: false });
    scene.model(|_| says("Until ten."));
    // the line is lost in the middle of it
    scene.caller_coughs(500, 3_000);
    scene.recogniser_says(1_900, "When are you open?", true);
    scene.line_is_lost(2_000, 6_000);
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    2.000 line is lost
    2.000 script: LineLost
    2.500 script: turn 1: "When are you open?"
    2.500 model is asked: caller "When are you open?"
    6.000 line is back
    6.000 script: LineBack
    6.600 script: 2 is Complete, heard "Until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn a_recogniser_is_not_given_up_for_what_it_could_not_hear() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![listen()],
        event => script(event),
    });
    scene.caller_coughs(500, 3_000);
    scene.line_is_lost(2_000, 10_000);
    // five seconds from when the line is back
    scene.caller_hangs_up(16_000);
    assert_snapshot!(scene.play(60).story(), @"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     2.000 line is lost
     2.000 script: LineLost
    10.000 line is back
    10.000 script: LineBack
    15.000 trouble: the recogniser failed and is opened again: unreachable: it said nothing for 5 s after speech
    15.000 ~ recogniser opened again
    16.000 caller hangs up
    16.000 script: Ended(Caller)
    16.000 ended: Caller
    ");
}

#[test]
fn an_operator_stops_what_waits_for_the_line() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.line_is_lost(2_000, 7_000);
        scene.operator_interrupts(3_000);
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    2.000 line is lost
    2.000 script: LineLost
    3.000 operator interrupts
    3.000 script: 1 is Interrupted, heard "We are open on Monday, on"
    7.000 line is back
    7.000 script: LineBack
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn a_pause_for_a_sound_ends_in_the_time_in_between() {
    let mut scene = Scene::new(true, script);
    // it waits for words of that when the line is lost
    scene.caller_coughs(1_900, 2_300);
    scene.line_is_lost(2_100, 7_000);
    scene.caller_hangs_up(12_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     1.960 ~ clear
     1.960 ~ script: the caller speaks
     2.100 line is lost
     2.100 script: LineLost
     7.000 line is back
     7.000 script: LineBack
     9.880 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
    assert_snapshot!(scene.sent_of(1).join("; "), @"0.050 to 2.250; 7.000 to 9.880");
}

#[test]
fn an_apology_waits_for_somebody_who_hears_it() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.line_is_lost(2_000, 7_000);
        scene.later(at(3_000), Input::PersonaFailed("it trapped".into()));
        scene
    });
    assert_snapshot!(story, @"
     0.000 script: Started
     2.000 line is lost
     2.000 script: LineLost
     3.000 trouble: the persona failed: it trapped
     7.000 line is back
    11.320 agent hangs up
    11.320 ended: Failed
    ");
}
