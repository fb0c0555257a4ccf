//! When the caller's turn is over (DESIGN, rule 2).

use crate::scene::*;
use call::persona::{Action, Event};
use call::{Input, stt};
use insta::assert_snapshot;

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Turn(_) => vec![ask(1)],
        _ => vec![listen()],
    }
}

/// Ends no turns: the host does.
const PLAIN: Recogniser = Recogniser { partial: ms(200), last: ms(100), owns_turns: false };

#[test]
fn a_pause_within_a_sentence_is_waited_out() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(PLAIN);
    let paused = scene.caller_says(500, "My soup was");
    scene.caller_says(paused + 900, "much too cold.");
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    2.120 ~ script: the caller speaks
    3.412 script: turn 1: "My soup was much too cold."
    3.412 model is asked: caller "My soup was much too cold."
    3.942 script: 1 is Complete, heard "I see."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn a_number_in_groups_is_waited_for_longest() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(PLAIN);
    let first = scene.caller_says(500, "My number is 0 7 7.");
    let second = scene.caller_says(first + 900, "4 1 2.");
    scene.caller_says(second + 900, "9 9.");
    scene.caller_hangs_up(12_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     2.600 ~ script: the caller speaks
     3.840 ~ script: the caller speaks
     5.564 script: turn 1: "My number is 0 7 7. 4 1 2. 9 9."
     5.564 model is asked: caller "My number is 0 7 7. 4 1 2. 9 9."
     6.094 script: 1 is Complete, heard "I see."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
}

#[test]
fn a_finished_sentence_is_answered_soon() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(PLAIN);
    scene.caller_says(500, "My soup was cold.");
    scene.caller_hangs_up(5_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    2.036 script: turn 1: "My soup was cold."
    2.036 model is asked: caller "My soup was cold."
    2.566 script: 1 is Complete, heard "I see."
    5.000 caller hangs up
    5.000 script: Ended(Caller)
    5.000 ended: Caller
    "#);
}

#[test]
fn a_final_that_comes_in_two_halves_is_one_turn() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(500, 2_000);
    scene.recogniser_says(2_100, "My soup was", true);
    scene.recogniser_says(2_300, "cold today.", true);
    scene.caller_hangs_up(6_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    2.516 script: turn 1: "My soup was cold today."
    2.516 model is asked: caller "My soup was cold today."
    3.046 script: 1 is Complete, heard "I see."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn a_key_is_not_taken_for_speech() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![say(1, "Please press one for the kitchen, or two for the manager.")],
        _ => vec![listen()],
    });
    // the tone comes with the sound, a little before the line reports the key
    scene.caller_coughs(1_400, 1_700);
    scene.caller_presses(1_500, "1");
    scene.caller_hangs_up(6_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    1.440 ~ clear
    1.440 ~ script: the caller speaks
    1.500 script: 1 is Interrupted, heard "Please press one for"
    1.500 script: Key('1')
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn a_final_that_comes_twice_counts_once() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(500, 2_000);
    let heard = |text: &str| stt::Transcript {
        text: text.into(),
        confidence: 0.9,
        words: vec![],
        until: Some(ms(2_000)),
    };
    for when in [2_100, 2_200, 3_500] {
        scene.later(at(when), Input::Stt(vec![stt::Effect::Final(heard("My soup was cold."))]));
    }
    scene.caller_hangs_up(8_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    2.516 script: turn 1: "My soup was cold."
    2.516 model is asked: caller "My soup was cold."
    3.046 script: 1 is Complete, heard "I see."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn what_was_said_just_before_the_caller_hangs_up_is_not_lost() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(PLAIN);
    scene.caller_says(500, "Cancel my table.");
    scene.caller_hangs_up(1_600);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.600 caller hangs up
    1.600 script: turn 1: "Cancel my table."
    1.600 script: Ended(Caller)
    1.600 ended: Caller
    "#);
}

#[test]
fn somebody_who_speaks_for_long_is_not_cut_off_because_his_words_are_late() {
    // a recogniser of whole utterances: the first is known while the second is being spoken
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(500, 1_000);
    for syllable in (1_500..7_500).step_by(250) {
        scene.caller_coughs(syllable, syllable + 180);
    }
    scene.recogniser_says(2_000, "Well,", true);
    scene.recogniser_says(8_000, "the soup was cold.", true);
    scene.caller_hangs_up(12_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     1.540 ~ script: the caller speaks
     8.000 script: turn 1: "Well, the soup was cold."
     8.000 model is asked: caller "Well, the soup was cold."
     8.530 script: 1 is Complete, heard "I see."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
}

#[test]
fn words_that_a_turn_was_closed_with_do_not_count_again() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(500, 1_500);
    scene.recogniser_says(1_400, "My soup was cold.", false);
    scene.recogniser_says(5_500, "My soup was cold. And the bread too.", true);
    scene.caller_hangs_up(10_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
     4.504 script: turn 1: "My soup was cold."
     4.504 model is asked: caller "My soup was cold."
     5.034 script: 1 is Complete, heard "I see."
     5.500 ~ script: the caller speaks
     6.000 script: turn 2: "And the bread too."
     6.000 model is asked: caller "My soup was cold." | agent "I see." | caller "And the bread too."
     6.530 script: 1 is Complete, heard "I see."
    10.000 caller hangs up
    10.000 script: Ended(Caller)
    10.000 ended: Caller
    "#);
}

#[test]
fn a_cough_long_ago_does_not_end_a_turn() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(500, 800);
    scene.recogniser_says(900, "", true);
    // spoken so softly that only the recogniser hears it
    scene.recogniser_says(20_000, "My soup was", true);
    scene.recogniser_says(20_600, "cold.", true);
    scene.caller_hangs_up(25_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     0.560 ~ script: the caller speaks
    16.120 script: silence of 15 s
    21.100 script: turn 1: "My soup was cold."
    21.100 model is asked: caller "My soup was cold."
    21.630 script: 1 is Complete, heard "I see."
    25.000 caller hangs up
    25.000 script: Ended(Caller)
    25.000 ended: Caller
    "#);
}

#[test]
fn the_same_words_said_again_later_count_again() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(500, 900);
    // the recogniser never comes back to this
    scene.recogniser_says(900, "Yes.", false);
    scene.caller_coughs(15_000, 15_400);
    scene.recogniser_says(15_500, "Yes.", true);
    scene.caller_hangs_up(20_000);
    let story = scene.play(60).story();
    assert!(story.contains("turn 1: \"Yes.\"") && story.contains("turn 2: \"Yes.\""), "{story}");
}
