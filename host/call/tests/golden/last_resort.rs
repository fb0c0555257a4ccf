//! A call that cannot go on: its caller is told so and put through to whoever the operator named, once.
//! Where that cannot be, they hear the apology, and the call ends.

use crate::scene::*;
use call::audio::{Phrase, Settings};
use call::conversation::{self, LAST_RESORT, LastResort};
use call::persona::{Action, Answerer, Event};
use call::{Cause, Config, Failure, Input, Line, stt, tts};
use insta::assert_snapshot;

const CONNECTING: &str = "I am connecting you to somebody.";

fn config() -> Config {
    let last_resort = Some(LastResort { to: "desk".into(), phrase: CONNECTING.into() });
    let apology = "I am sorry, goodbye.".into();
    let conversation = conversation::Settings { last_resort, apology, ..Config::default().conversation };
    Config { conversation, ..Config::default() }
}

fn greets(event: &Event) -> Vec<Action> {
    match event {
        Event::Started => vec![say(1, "Hello, how can I help you today?")],
        _ => vec![listen()],
    }
}

/// What becomes of a call whose persona is gone after a second, and of putting its caller through.
fn without_persona(then: impl Fn(&mut Scene)) -> String {
    on_both_lines(|sound| {
        let mut scene = Scene::with(config(), sound, greets);
        scene.later(at(1_000), Input::PersonaFailed("it trapped twice".into()));
        then(&mut scene);
        scene
    })
}

fn fails(when: u64) -> impl Fn(&mut Scene) {
    move |scene| {
        scene.later(at(when), Input::TransferFailed { id: LAST_RESORT, why: "nobody is there".into() });
    }
}

#[test]
fn a_caller_whose_persona_is_gone_is_told_so_and_put_through() {
    let story = without_persona(|scene| scene.later(at(5_000), Input::Transferred(LAST_RESORT)));
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.000 trouble: the persona failed: it trapped twice
    1.000 ~ clear
    2.970 transfer 4294967295 to "desk"
    5.000 agent hangs up
    5.000 ended: Transferred
    "#);
}

#[test]
fn where_that_does_not_work_the_apology_is_heard_and_it_is_not_tried_again() {
    let story = without_persona(|scene| {
        fails(5_000)(scene);
        // of one that is over
        fails(5_500)(scene);
        scene.later(at(5_600), Input::Transferred(LAST_RESORT));
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.000 trouble: the persona failed: it trapped twice
    1.000 ~ clear
    2.970 transfer 4294967295 to "desk"
    5.000 trouble: the caller was not put through: nobody is there
    6.250 agent hangs up
    6.250 ended: Failed
    "#);
}

#[test]
fn a_caller_without_a_voice_to_hear_is_told_all_the_same() {
    let phrases = [CONNECTING, "I am sorry, goodbye."];
    let phrase = |text: &str| Phrase { text: text.into(), audio: vec![0x20; 16_000].into() };
    let last_resort = phrases.map(phrase).to_vec();
    let line = Line::Audio(Settings { last_resort, ..Settings::default() });
    let mut scene = Scene::with(Config { line, ..config() }, true, greets);
    scene.voice.silent = true;
    let refused = Failure::new(Cause::Denied, "no credit");
    scene.later(at(100), Input::Tts(vec![tts::Effect::Failed(refused)]));
    fails(3_000)(&mut scene);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.100 script: 1 is Failed, heard ""
    0.100 trouble: the voice failed: denied: no credit
    2.100 transfer 4294967295 to "desk"
    3.000 trouble: the caller was not put through: nobody is there
    5.000 agent hangs up
    5.000 script: Ended(Failed)
    5.000 ended: Failed
    "#);
    assert_snapshot!(scene.sent_of(2).join("; "), @"0.100 to 2.100");
    assert_snapshot!(scene.sent_of(3).join("; "), @"3.000 to 5.000");
}

#[test]
fn a_caller_whom_nobody_understands_is_put_through_and_the_script_hears_of_the_end_alone() {
    let mut scene = Scene::with(config(), true, |event| match event {
        Event::Started => vec![
            Action::Transfer { id: 3, to: "kitchen".into(), brief: Some("Cold soup.".into()) },
            say(1, "Hello, how can I help you today?"),
        ],
        // its own attempt is over, and it can begin no other
        Event::Done(_) => vec![Action::Transfer { id: 4, to: "kitchen".into(), brief: None }],
        _ => vec![],
    });
    let lost = || Input::Stt(vec![stt::Effect::Failed(Failure::new(Cause::Denied, "no credit"))]);
    scene.later(at(1_000), lost());
    // of the script's attempt
    scene.later(at(2_000), Input::Transferred(3));
    scene.later(at(6_000), Input::Transferred(LAST_RESORT));
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.000 transfer 3 to "kitchen", who is told "Cold soup."
    1.000 trouble: the recogniser failed: denied: no credit
    1.000 transfer 3 is cancelled
    1.000 script: 3 is Failed, heard ""
    1.000 ~ clear
    1.000 script: 1 is Failed, heard "Hello, how can"
    2.970 transfer 4294967295 to "desk"
    6.000 agent hangs up
    6.000 script: Ended(Transferred)
    6.000 ended: Transferred
    "#);
}

#[test]
fn a_script_that_is_still_there_cannot_hold_it_up() {
    let mut scene = Scene::with(config(), true, |event| match event {
        Event::Started => vec![say(1, "Hello, how can I help you today?")],
        Event::Operator(_) => vec![Action::Cancel(LAST_RESORT)],
        _ => vec![],
    });
    let lost = || Input::Stt(vec![stt::Effect::Failed(Failure::new(Cause::Denied, "no credit"))]);
    scene.later(at(1_000), lost());
    scene.later(at(4_000), Input::Operator("Stop.".into()));
    scene.later(at(5_000), restored(Event::Speaking, false));
    scene.later(at(6_000), Input::Transferred(LAST_RESORT));
    let story = scene.play(60).story();
    assert!(!story.contains("is cancelled"), "{story}");
    assert!(story.ends_with("6.000 ended: Transferred"), "{story}");
}

#[test]
fn a_host_that_is_stopping_puts_nobody_through() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::with(config(), sound, greets);
        scene.later(at(1_030), Input::Fail("the host is stopping".into()));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.030 trouble: the host is stopping
    1.030 ~ clear
    1.030 script: 1 is Failed, heard "Hello, how can I"
    2.280 agent hangs up
    2.280 script: Ended(Failed)
    2.280 ended: Failed
    "#);
}

#[test]
fn nor_does_one_that_is_stopping_while_the_caller_is_told() {
    let story = without_persona(|scene| scene.later(at(1_500), Input::Fail("the host is stopping".into())));
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.000 trouble: the persona failed: it trapped twice
    1.000 ~ clear
    4.220 agent hangs up
    4.220 ended: Failed
    "#);
}

#[test]
fn a_caller_who_hangs_up_meanwhile_is_put_through_to_nobody() {
    let story = without_persona(|scene| scene.caller_hangs_up(1_500));
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.000 trouble: the persona failed: it trapped twice
    1.000 ~ clear
    1.500 caller hangs up
    1.500 ended: Failed
    "#);
    let story = without_persona(|scene| scene.caller_hangs_up(6_000));
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.000 trouble: the persona failed: it trapped twice
    1.000 ~ clear
    2.970 transfer 4294967295 to "desk"
    6.000 caller hangs up
    6.000 transfer 4294967295 is cancelled
    6.000 ended: Failed
    "#);
}

#[test]
fn a_machine_is_put_through_to_nobody() {
    // also if that is found out while it is told
    for when in [500, 1_500] {
        let story = without_persona(|scene| scene.is_answered_by(when, Answerer::MachineGreeting));
        assert!(!story.contains("transfer"), "{story}");
        assert!(story.ends_with("ended: Failed"), "{story}");
    }
}

#[test]
fn a_call_that_could_never_begin_puts_its_caller_through_too() {
    let mut scene = Scene::with(config(), false, greets);
    scene.call.handle(at(0), Input::PersonaFailed("its settings are wrong".into()));
    scene.later(at(4_000), Input::Transferred(LAST_RESORT));
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 trouble: the persona failed: its settings are wrong
    1.920 transfer 4294967295 to "desk"
    4.000 agent hangs up
    4.000 ended: Transferred
    "#);
}
