//! Recognisers that fail, and others that go on in their place (DESIGN, rule 8): what the caller said
//! is heard again by the next one, and understood once.

use crate::scene::*;
use call::audio::Settings;
use call::persona::{Action, Event};
use call::{Cause, Config, Failure, Input, Line, Provider, stt};
use insta::assert_snapshot;

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, "Hello, how can I help you today?")],
        Event::Turn(turn) if turn.number == 1 => vec![say_whole(2, "Thank you. Goodbye.")],
        Event::Done(report) if report.id == 2 => vec![Action::HangUp],
        _ => vec![listen()],
    }
}

fn scene(recognisers: u32) -> Scene {
    let line = Line::Audio(Settings { recognisers, ..Settings::default() });
    Scene::with(Config { line, ..Config::default() }, true, script)
}

fn fails(scene: &mut Scene, when: u64, cause: Cause) {
    let failure = Failure::new(cause, "simulated");
    scene.later(at(when), Input::Stt(vec![stt::Effect::Failed(failure)]));
}

const CAUSES: [Cause; 6] = [
    Cause::Misconfigured,
    Cause::Denied,
    Cause::Busy,
    Cause::Unreachable,
    Cause::Garbled,
    Cause::Unsupported,
];

#[test]
fn whenever_and_however_a_recogniser_fails_the_turn_is_understood_once() {
    for cause in CAUSES {
        // before the call is heard, in the greeting, in speech, behind a part of its words, behind its
        // end, in the goodbye
        for when in [0, 1_000, 3_200, 3_600, 4_050, 5_000] {
            let mut scene = scene(2);
            fails(&mut scene, when, cause);
            // what the next one makes of it
            scene.caller_says(3_000, "My soup was cold.");
            scene.play(60);
            let story = scene.story();
            let turns = story.matches("script: turn").count();
            assert_eq!(turns, 1, "{cause:?} at {when}:\n{story}");
            assert!(story.contains(r#"turn 1: "My soup was cold.""#), "{cause:?} at {when}:\n{story}");
            assert_eq!(scene.failed_over, [Provider::Recogniser], "{cause:?} at {when}:\n{story}");
            assert!(story.ends_with("ended: Script"), "{cause:?} at {when}:\n{story}");
        }
    }
}

#[test]
fn the_next_recogniser_hears_what_the_one_before_did_not_settle() {
    let mut scene = scene(2);
    scene.caller_coughs(3_000, 4_500);
    fails(&mut scene, 4_600, Cause::Denied);
    fails(&mut scene, 4_700, Cause::Denied);
    scene.recogniser_says(4_800, "My soup was cold.", true);
    scene.play(60);
    assert_snapshot!(scene.story(), @r#"
    0.000 script: Started
    1.970 script: 1 is Complete, heard "Hello, how can I help you today?"
    3.040 ~ script: the caller speaks
    4.600 trouble: the recogniser failed and is opened again: denied: simulated
    4.600 ~ recogniser opened again
    4.700 trouble: the recogniser failed and is opened again: denied: simulated
    4.700 ~ recogniser opened again
    5.012 script: turn 1: "My soup was cold."
    6.202 script: 2 is Complete, heard "Thank you. Goodbye."
    6.202 agent hangs up
    6.202 script: Ended(Script)
    6.202 ended: Script
    "#);
}

#[test]
fn when_every_recogniser_has_failed_the_apology_is_heard_and_the_call_ends() {
    for recognisers in 1..=3 {
        for cause in CAUSES {
            let mut scene = scene(recognisers);
            for n in 0..=u64::from(recognisers) {
                fails(&mut scene, 3_000 + 100 * n, cause);
            }
            scene.play(60);
            let story = scene.story();
            let passing = Failure::new(cause, "").is_passing();
            let opened = if recognisers > 1 || passing { recognisers as usize } else { 0 };
            assert_eq!(scene.failed_over.len(), opened, "{cause:?}, {recognisers}:\n{story}");
            assert_eq!(scene.sent_of(2).len(), 1, "the apology: {cause:?}, {recognisers}:\n{story}");
            assert!(story.ends_with("ended: Failed"), "{cause:?}, {recognisers}:\n{story}");
        }
    }
}

#[test]
fn a_chain_of_recognisers_that_say_nothing_comes_to_its_end() {
    for recognisers in 1..=6 {
        let mut scene = scene(recognisers);
        scene.caller_coughs(3_000, 4_500);
        scene.play(120);
        let story = scene.story();
        assert_eq!(scene.failed_over.len(), recognisers as usize, "{story}");
        assert!(story.ends_with("ended: Failed"), "{recognisers}:\n{story}");
    }
}

#[test]
fn one_that_dies_with_words_in_doubt_leaves_them_to_one_that_must_not_be_silent() {
    let mut scene = scene(2);
    scene.caller_coughs(3_000, 4_500);
    scene.recogniser_says(3_500, "My soup", false);
    fails(&mut scene, 4_700, Cause::Unreachable);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     1.970 script: 1 is Complete, heard "Hello, how can I help you today?"
     3.040 ~ script: the caller speaks
     4.700 trouble: the recogniser failed and is opened again: unreachable: simulated
     4.700 ~ recogniser opened again
     9.512 trouble: the recogniser failed and is opened again: unreachable: it said nothing for 5 s after speech
     9.512 ~ recogniser opened again
    14.512 trouble: the recogniser failed: unreachable: it said nothing for 5 s after speech
    18.882 agent hangs up
    18.882 script: Ended(Failed)
    18.882 ended: Failed
    "#);
}

#[test]
fn words_that_one_leaves_in_doubt_are_settled_by_the_next() {
    let mut scene = scene(2);
    scene.caller_coughs(3_000, 4_500);
    // it hears the beginning, and nothing more comes of it
    scene.recogniser_says(3_500, "My soup", false);
    scene.recogniser_says(8_000, "My soup was cold.", true);
    scene.play(60);
    let story = scene.story();
    assert_eq!(scene.failed_over, [Provider::Recogniser], "{story}");
    assert!(story.contains("it left words in doubt after speech"), "{story}");
    assert!(story.contains(r#"turn 1: "My soup was cold.""#), "{story}");
    assert_eq!(story.matches("script: turn").count(), 1, "{story}");
    assert!(story.ends_with("ended: Script"), "{story}");
}

#[test]
fn words_that_the_only_one_leaves_in_doubt_are_answered_all_the_same() {
    let mut scene = scene(1);
    scene.caller_coughs(3_000, 4_500);
    scene.recogniser_says(3_500, "My soup", false);
    scene.play(60);
    assert!(scene.story().contains(r#"turn 1: "My soup""#), "{}", scene.story());
    assert_eq!(scene.failed_over, []);
}
