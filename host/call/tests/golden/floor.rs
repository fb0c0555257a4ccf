//! Who has the floor: a sound makes the agent wait, words end its reply (DESIGN, rule 3).

use crate::scene::*;
use call::audio::{BargeIn, Settings};
use call::persona::{Action, Event};
use call::{Config, Line};
use insta::assert_snapshot;

const LONG: &str = "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten.";

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, LONG)],
        Event::Turn(_) => vec![ask(2)],
        _ => vec![listen()],
    }
}

fn with(barge_in: BargeIn) -> Config {
    Config { line: Line::Audio(Settings { barge_in, ..Settings::default() }), ..Config::default() }
}

#[test]
fn a_cough_pauses_the_agent_who_goes_on_with_the_word_that_was_cut() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(2_000, 2_300);
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    2.060 ~ clear
    2.060 ~ script: the caller speaks
    6.184 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
    assert_snapshot!(scene.sent_of(1).join("; "), @"0.050 to 2.450; 3.304 to 6.184");
}

#[test]
fn where_nothing_is_resumed_any_sound_ends_the_reply() {
    let mut scene = Scene::with(with(BargeIn { resume: false, ..BargeIn::default() }), true, script);
    scene.caller_coughs(2_000, 2_300);
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    2.060 ~ clear
    2.060 ~ script: the caller speaks
    2.060 script: 1 is Interrupted, heard "We are open on Monday, on"
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn a_hum_does_not_end_the_reply_and_is_no_turn() {
    let mut scene = Scene::new(true, script);
    scene.recogniser(Recogniser { partial: ms(300), last: ms(100), owns_turns: true });
    scene.caller_says(2_000, "Mm-hm.");
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    2.060 ~ clear
    2.060 ~ script: the caller speaks
    6.248 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn too_few_words_are_kept_until_the_agent_has_finished_also_if_the_recogniser_ends_the_turn() {
    let barge_in = BargeIn { min_words: 2, ..BargeIn::default() };
    let mut scene = Scene::with(with(barge_in), true, script);
    scene.caller_says(2_000, "Friday?");
    scene.caller_hangs_up(12_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     2.060 ~ clear
     2.060 ~ script: the caller speaks
     6.312 script: turn 1: "Friday?"
     6.312 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
     6.312 model is asked: agent "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten." | caller "Friday?"
     6.842 script: 2 is Complete, heard "I see."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
}

#[test]
fn a_line_that_returns_the_agents_own_words_does_not_interrupt_it() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(150, 4_000);
    scene.recogniser_says(700, "we are open", false);
    scene.recogniser_says(1_500, "we are open on Monday", true);
    scene.caller_hangs_up(8_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.200 ~ script: the caller speaks
    4.430 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn over_an_echo_words_of_the_callers_own_end_the_reply() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(150, 4_000);
    scene.recogniser_says(700, "we are open", false);
    scene.recogniser_says(1_500, "stop please", false);
    scene.caller_hangs_up(8_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.200 ~ script: the caller speaks
    1.500 ~ clear
    1.500 script: 1 is Interrupted, heard "We are open on Monday,"
    4.568 script: turn 1: "stop please"
    4.568 model is asked: agent "We are open on Monday," | caller "stop please"
    5.098 script: 2 is Complete, heard "I see."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn a_sound_that_never_ends_is_not_waited_for_for_ever() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(2_000, 60_000);
    scene.caller_hangs_up(20_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     2.060 ~ clear
     2.060 ~ script: the caller speaks
     8.552 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
     9.672 trouble: the recogniser failed and is opened again: unreachable: it said nothing for 5 s after speech
     9.672 ~ recogniser opened again
    14.672 trouble: the recogniser failed: unreachable: it said nothing for 5 s after speech
    19.042 agent hangs up
    19.042 script: Ended(Failed)
    19.042 ended: Failed
    "#);
}

#[test]
fn an_answer_that_is_ready_waits_for_a_caller_who_speaks_again() {
    // the model is quick, but the caller goes on before anything was heard
    let mut scene = Scene::new(true, |event| match event {
        Event::Turn(_) => vec![ask(2)],
        _ => vec![listen()],
    });
    scene.recogniser(Recogniser { partial: ms(300), last: ms(100), owns_turns: false });
    scene.caller_says(500, "It was cold.");
    scene.caller_says(1_800, "And I waited for an hour.");
    scene.caller_hangs_up(8_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.748 script: turn 1: "It was cold."
    1.748 model is asked: caller "It was cold."
    1.860 ~ script: the caller speaks
    3.828 script: 2 is Interrupted, heard "" of "I see."
    3.828 script: turn 1 again: "It was cold. And I waited for an hour."
    3.828 model is asked: caller "It was cold. And I waited for an hour."
    4.358 script: 2 is Complete, heard "I see."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn what_must_not_be_interrupted_is_not_even_paused() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![say_whole(1, "This call is recorded, as the law wants it.")],
        _ => vec![listen()],
    });
    scene.caller_coughs(1_000, 1_600);
    scene.caller_hangs_up(6_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    1.060 ~ script: the caller speaks
    2.630 script: 1 is Complete, heard "This call is recorded, as the law wants it."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn where_interruptions_are_off_the_caller_is_heard_afterwards() {
    let mut config = Config::default();
    config.conversation.interruptions = false;
    let mut scene = Scene::with(config, true, script);
    scene.caller_says(2_000, "Are you open on Sunday?");
    scene.caller_hangs_up(12_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     2.060 ~ script: the caller speaks
     4.430 script: 1 is Complete, heard "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten."
     4.430 script: turn 1: "Are you open on Sunday?"
     4.430 model is asked: agent "We are open on Monday, on Tuesday, on Wednesday, and on Friday until ten." | caller "Are you open on Sunday?"
     4.960 script: 2 is Complete, heard "I see."
    12.000 caller hangs up
    12.000 script: Ended(Caller)
    12.000 ended: Caller
    "#);
}
