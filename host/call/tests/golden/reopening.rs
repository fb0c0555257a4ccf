//! A provider that dies is opened again and loses nothing; what cannot be spoken any more is said by
//! other means (DESIGN, rule 8).

use crate::scene::*;
use call::audio::{Phrase, Settings};
use call::persona::{Action, Event};
use call::{Cause, Config, Failure, Input, Line, stt, tts};
use insta::assert_snapshot;

fn script(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, "Hello, how can I help you today?")],
        _ => vec![listen()],
    }
}

fn lost() -> Failure {
    Failure::new(Cause::Unreachable, "the vendor went away")
}

#[test]
fn a_new_recogniser_hears_what_the_old_one_did_not_settle() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(3_000, 4_500);
    scene.recogniser_says(2_000, "yes", true);
    scene.later(at(5_000), Input::Stt(vec![stt::Effect::Failed(lost())]));
    scene.caller_hangs_up(5_010);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    1.970 script: 1 is Complete, heard "Hello, how can I help you today?"
    2.000 ~ script: the caller speaks
    5.000 trouble: the recogniser failed and is opened again: unreachable: the vendor went away
    5.000 ~ recogniser opened again
    5.010 caller hangs up
    5.010 script: turn 1: "yes"
    5.010 script: Ended(Caller)
    5.010 ended: Caller
    "#);
    // three seconds are not covered by its final; the last frames have not filled a piece yet
    let seconds = scene.given_to_recogniser as f32 / 8000.0;
    assert!((2.9..=3.0).contains(&seconds), "{seconds} s were heard again");
}

#[test]
fn a_recogniser_that_dies_twice_is_apologised_for() {
    let mut scene = Scene::new(true, script);
    scene.later(at(3_000), Input::Stt(vec![stt::Effect::Failed(lost())]));
    scene.later(at(6_000), Input::Stt(vec![stt::Effect::Failed(lost())]));
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     1.970 script: 1 is Complete, heard "Hello, how can I help you today?"
     3.000 trouble: the recogniser failed and is opened again: unreachable: the vendor went away
     3.000 ~ recogniser opened again
     6.000 trouble: the recogniser failed: unreachable: the vendor went away
    10.370 agent hangs up
    10.370 script: Ended(Failed)
    10.370 ended: Failed
    "#);
}

#[test]
fn a_recogniser_that_refused_before_the_call_began_is_apologised_for() {
    let mut scene = Scene::new(true, script);
    let refused = Failure::new(Cause::Misconfigured, "it does not know the language");
    scene.call.handle(at(0), Input::Stt(vec![stt::Effect::Failed(refused)]));
    assert_snapshot!(scene.play(60).story(), @"
    0.000 trouble: the recogniser failed: misconfigured: it does not know the language
    4.370 agent hangs up
    4.370 script: Ended(Failed)
    4.370 ended: Failed
    ");
}

#[test]
fn the_apology_needs_no_voice() {
    let apology = Config::default().conversation.apology;
    let phrase = Phrase { text: apology, audio: vec![0x20; 24_000].into() };
    let line = Line::Audio(Settings { last_resort: vec![phrase], ..Settings::default() });
    let mut scene = Scene::with(Config { line, ..Config::default() }, true, script);
    scene.voice.silent = true;
    let refused = Failure::new(Cause::Denied, "no credit");
    scene.later(at(100), Input::Tts(vec![tts::Effect::Failed(refused)]));
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.100 script: 1 is Failed, heard ""
    0.100 trouble: the voice failed: denied: no credit
    3.100 agent hangs up
    3.100 script: Ended(Failed)
    3.100 ended: Failed
    "#);
    assert_snapshot!(scene.sent_of(2).join("; "), @"0.100 to 3.100");
}

#[test]
fn without_it_the_call_ends_at_once() {
    let mut scene = Scene::new(true, script);
    scene.voice.silent = true;
    let refused = Failure::new(Cause::Denied, "no credit");
    scene.later(at(100), Input::Tts(vec![tts::Effect::Failed(refused)]));
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.100 script: 1 is Failed, heard ""
    0.100 trouble: the voice failed: denied: no credit
    0.100 agent hangs up
    0.100 script: Ended(Failed)
    0.100 ended: Failed
    "#);
}

#[test]
fn a_voice_that_gives_what_nobody_wants_is_not_asked_for_ever() {
    let mut scene = Scene::new(true, script);
    scene.voice.silent = true;
    let unknown = tts::Effect::Audio { utterance: call::line::UtteranceId(77), data: vec![0; 160] };
    for n in 1..200 {
        let effects = vec![unknown.clone(), tts::Effect::More];
        scene.later(at(10 * n), Input::Tts(effects));
    }
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     5.630 trouble: the voice failed and is opened again: unreachable: it gave no audio for 5 s
     5.630 ~ voice opened again
    10.630 script: 1 is Failed, heard ""
    10.630 trouble: the voice failed: unreachable: it gave no audio for 5 s
    10.630 agent hangs up
    10.630 script: Ended(Failed)
    10.630 ended: Failed
    "#);
}

#[test]
fn a_recogniser_that_says_nothing_after_speech_has_failed() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(3_000, 4_500);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     1.970 script: 1 is Complete, heard "Hello, how can I help you today?"
     3.040 ~ script: the caller speaks
     9.512 trouble: the recogniser failed and is opened again: unreachable: it said nothing for 5 s after speech
     9.512 ~ recogniser opened again
    14.512 trouble: the recogniser failed: unreachable: it said nothing for 5 s after speech
    18.882 agent hangs up
    18.882 script: Ended(Failed)
    18.882 ended: Failed
    "#);
}

#[test]
fn one_that_heard_no_words_in_a_noise_has_not() {
    let mut scene = Scene::new(true, script);
    scene.caller_coughs(3_000, 4_500);
    scene.recogniser_says(4_000, "", true);
    scene.caller_hangs_up(20_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     1.970 script: 1 is Complete, heard "Hello, how can I help you today?"
     3.040 ~ script: the caller speaks
    19.840 script: silence of 15 s
    20.000 caller hangs up
    20.000 script: Ended(Caller)
    20.000 ended: Caller
    "#);
}

#[test]
fn a_voice_that_finishes_without_audio_has_failed() {
    let mut scene = Scene::new(true, script);
    scene.voice.silent = true;
    let finished = || Input::Tts(vec![tts::Effect::Finished(call::line::UtteranceId(1))]);
    scene.later(at(100), finished());
    scene.later(at(200), finished());
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.100 trouble: the voice failed and is opened again: garbled: it gave no audio for what it was given
    0.100 ~ voice opened again
    0.200 script: 1 is Failed, heard ""
    0.200 trouble: the voice failed: garbled: it gave no audio for what it was given
    0.200 agent hangs up
    0.200 script: Ended(Failed)
    0.200 ended: Failed
    "#);
}

#[test]
fn a_recogniser_that_floods_the_call_is_opened_again() {
    let mut scene = Scene::new(true, script);
    for n in 0..1_000 {
        scene.recogniser_says(3_000 + n / 2, if n % 2 == 0 { "yes" } else { "no" }, false);
    }
    scene.caller_hangs_up(20_000);
    let story = scene.play(60).story();
    assert!(story.contains("opened again: garbled: it said more than 200 things in a second"), "{story}");
    assert!(story.contains("the recogniser failed: garbled"), "{story}");
}
