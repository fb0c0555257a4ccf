//! The caller cuts in: what was heard is kept, nothing else (DESIGN, rule 4).

use crate::scene::*;
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
fn the_model_is_told_what_was_heard_and_nothing_else() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, script);
        scene.model_says(&[
            "We are open on Monday, on Tuesday, on Wednesday, and on Friday.",
            "Yes, until ten.",
        ]);
        scene.caller_says(500, "When are you open?");
        scene.caller_says(3_500, "Also in the evening?");
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.680 script: turn 1: "When are you open?"
    1.680 model is asked: caller "When are you open?"
    3.560 ~ clear
    3.560 ~ script: the caller speaks
    3.800 script: 1 is Interrupted, heard "We are open on Monday, on" of "We are open on Monday, on Tuesday, on Wednesday, and on Friday."
    4.800 script: turn 2: "Also in the evening?"
    4.800 model is asked: caller "When are you open?" | agent "We are open on Monday, on" | caller "Also in the evening?"
    5.890 script: 1 is Complete, heard "Yes, until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn a_voice_that_does_not_say_where_its_words_lie_is_cut_at_a_usual_pace() {
    let mut scene = Scene::new(true, script);
    scene.voice.timings = false;
    scene.model_says(&["We are open on Monday, on Tuesday, on Wednesday, and on Friday.", "Yes, until ten."]);
    scene.caller_says(500, "When are you open?");
    scene.caller_says(3_500, "Also in the evening?");
    scene.caller_hangs_up(9_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.560 ~ script: the caller speaks
    1.680 script: turn 1: "When are you open?"
    1.680 model is asked: caller "When are you open?"
    3.560 ~ clear
    3.560 ~ script: the caller speaks
    3.800 script: 1 is Interrupted, heard "We are open on Monday, on" of "We are open on Monday, on Tuesday, on Wednesday, and on Friday."
    4.800 script: turn 2: "Also in the evening?"
    4.800 model is asked: caller "When are you open?" | agent "We are open on Monday, on" | caller "Also in the evening?"
    5.890 script: 1 is Complete, heard "Yes, until ten."
    9.000 caller hangs up
    9.000 script: Ended(Caller)
    9.000 ended: Caller
    "#);
}

#[test]
fn speech_that_must_not_be_interrupted_goes_on_and_what_was_said_over_it_is_the_next_turn() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![say_whole(1, "This call is recorded, as the law wants it.")],
            Event::Turn(_) => vec![ask(2)],
            _ => vec![listen()],
        });
        scene.caller_says(300, "Hello?");
        scene.caller_says(1_500, "Is anyone there?");
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.360 ~ script: the caller speaks
    1.540 ~ script: the caller speaks
    2.630 script: 1 is Complete, heard "This call is recorded, as the law wants it."
    2.630 script: turn 1: "Hello? Is anyone there?"
    2.630 model is asked: agent "This call is recorded, as the law wants it." | caller "Hello? Is anyone there?"
    3.160 script: 2 is Complete, heard "I see."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn what_waits_behind_is_stopped_with_it_unless_it_must_be_heard() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                say(1, "Welcome to the guest relations line."),
                say(2, "Today we have soup."),
                say_whole(3, "This call is recorded."),
            ],
            Event::Turn(_) => vec![ask(4)],
            _ => vec![],
        });
        scene.caller_says(960, "Yes yes");
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.040 ~ clear
    1.040 ~ script: the caller speaks
    1.260 script: 1 is Interrupted, heard "Welcome to the"
    1.260 script: 2 is Interrupted, heard ""
    2.580 script: 3 is Complete, heard "This call is recorded."
    2.580 script: turn 1: "Yes yes"
    2.580 model is asked: agent "Welcome to the This call is recorded." | caller "Yes yes"
    3.110 script: 4 is Complete, heard "I see."
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn what_must_be_heard_is_sent_again_when_the_far_end_forgets_it() {
    // the second is already in the far end's buffer when the first is cut
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![say(1, "One moment."), say_whole(2, "This call is recorded.")],
        _ => vec![],
    });
    scene.caller_says(200, "Hello?");
    scene.caller_hangs_up(4_000);
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    0.260 ~ script: the caller speaks
    0.500 ~ clear
    0.500 script: 1 is Interrupted, heard "One"
    1.820 script: 2 is Complete, heard "This call is recorded."
    1.820 script: turn 1: "Hello?"
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
    let second = scene.far_end.sent.iter().filter(|(_, utterance, _)| utterance.0 == 2);
    let bytes: usize = second.map(|(_, _, bytes)| bytes).sum();
    assert!(bytes > 22 * 60 * 8, "{bytes} bytes: some of it was sent twice");
}
