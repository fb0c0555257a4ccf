//! The caller is put through to somebody else.

use crate::scene::*;
use call::persona::{Action, Ending, Event, Report};
use call::{Input, llm};
use insta::assert_snapshot;

fn put_through(id: u32) -> Action {
    Action::Transfer { id, to: "+15550100".into(), brief: Some("Her soup was cold.".into()) }
}

fn fails(id: u32) -> Input {
    Input::TransferFailed { id, why: "nobody picks up".into() }
}

#[test]
fn a_call_is_over_once_the_caller_is_put_through() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => {
                vec![put_through(1), say(2, "One moment, I will put you through to my colleague.")]
            }
            _ => vec![],
        });
        scene.later(at(1_550), Input::Transferred(1));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 transfer 1 to "+15550100", who is told "Her soup was cold."
    1.550 script: 1 is Complete, heard ""
    1.550 agent hangs up
    1.550 script: 2 is Cancelled, heard "One moment, I will put"
    1.550 script: Ended(Transferred)
    1.550 ended: Transferred
    "#);
}

#[test]
fn while_it_is_tried_and_when_it_fails_the_conversation_goes_on() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![put_through(1), listen()],
            Event::Turn(_) => vec![ask(2)],
            Event::Done(report) if report.id == 1 => vec![say(3, "I could not reach anybody.")],
            Event::Done(_) => vec![listen()],
            _ => vec![],
        });
        scene.caller_says(500, "Are you still there?");
        // of one that nobody asked for
        scene.later(at(2_600), fails(7));
        scene.later(at(2_700), Input::Transferred(7));
        scene.later(at(4_000), fails(1));
        // and of one that is over
        scene.later(at(4_100), Input::Transferred(1));
        scene.caller_hangs_up(8_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 transfer 1 to "+15550100", who is told "Her soup was cold."
    0.560 ~ script: the caller speaks
    1.800 script: turn 1: "Are you still there?"
    1.800 model is asked: caller "Are you still there?"
    2.330 script: 2 is Complete, heard "I see."
    4.000 trouble: the caller was not put through: nobody picks up
    4.000 script: 1 is Failed, heard ""
    5.610 script: 3 is Complete, heard "I could not reach anybody."
    8.000 caller hangs up
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn one_at_a_time() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![put_through(1), put_through(2), put_through(1)],
            // after the first it may be tried again
            Event::Done(Report { id: 1, ending: Ending::Failed, .. }) => vec![put_through(3)],
            _ => vec![],
        });
        scene.later(at(1_000), fails(1));
        scene.later(at(2_000), Input::Transferred(3));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 transfer 1 to "+15550100", who is told "Her soup was cold."
    0.000 trouble: the script put the caller through while that was under way
    0.000 script: 2 is Failed, heard ""
    0.000 trouble: the script used the id 1 again while it was open; ignored
    1.000 trouble: the caller was not put through: nobody picks up
    1.000 script: 1 is Failed, heard ""
    1.000 transfer 3 to "+15550100", who is told "Her soup was cold."
    2.000 script: 3 is Complete, heard ""
    2.000 agent hangs up
    2.000 script: Ended(Transferred)
    2.000 ended: Transferred
    "#);
}

#[test]
fn a_script_that_changes_its_mind_cancels_it_and_so_does_the_end_of_the_call() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![put_through(1), Action::Cancel(1), put_through(2), listen()],
            _ => vec![],
        });
        scene.later(at(1_000), Input::Transferred(1));
        scene.caller_hangs_up(2_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 transfer 1 to "+15550100", who is told "Her soup was cold."
    0.000 transfer 1 is cancelled
    0.000 script: 1 is Cancelled, heard ""
    0.000 transfer 2 to "+15550100", who is told "Her soup was cold."
    2.000 caller hangs up
    2.000 transfer 2 is cancelled
    2.000 script: 2 is Cancelled, heard ""
    2.000 script: Ended(Caller)
    2.000 ended: Caller
    "#);
}

#[test]
fn a_script_that_was_restored_does_not_wait_for_it_any_more() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![put_through(1), listen()],
            _ => vec![],
        });
        scene.later(at(1_000), restored(Event::Speaking, false));
        scene.caller_hangs_up(2_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 transfer 1 to "+15550100", who is told "Her soup was cold."
    1.000 trouble: the persona broke and goes on from its last snapshot: it trapped
    1.000 transfer 1 is cancelled
    1.000 script: 1 is Failed, heard ""
    2.000 caller hangs up
    2.000 script: Ended(Caller)
    2.000 ended: Caller
    "#);
}

#[test]
fn a_script_that_waits_for_it_is_not_taken_for_one_that_does_nothing() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![put_through(1)],
            _ => vec![],
        });
        scene.later(at(100_000), fails(1));
        scene.caller_hangs_up(101_000);
        scene
    });
    assert_snapshot!(story, @r#"
      0.000 script: Started
      0.000 transfer 1 to "+15550100", who is told "Her soup was cold."
    100.000 trouble: the caller was not put through: nobody picks up
    100.000 script: 1 is Failed, heard ""
    101.000 caller hangs up
    101.000 script: Ended(Caller)
    101.000 ended: Caller
    "#);
}

#[test]
fn a_tool_may_wait_for_it_too() {
    let story = on_both_lines(|sound| {
        let mut called = String::new();
        let mut scene = Scene::new(sound, move |event| match event {
            Event::Started => vec![ask(1)],
            Event::ToolCall { call, .. } => {
                called = call.id.clone();
                vec![put_through(2)]
            }
            Event::Done(report) if report.id == 2 => {
                let content = "nobody is there".into();
                vec![Action::ToolResult(call::chat::ToolResult { id: called.clone(), content })]
            }
            Event::Done(_) => vec![listen()],
            _ => vec![],
        });
        let mut rounds = 0;
        scene.model(move |_| {
            rounds += 1;
            match rounds {
                1 => calls("transfer", "{}"),
                _ => vec![
                    (7_000, llm::Effect::Delta("I could not reach anybody.".into())),
                    (0, llm::Effect::Finished(call::chat::Stop::Complete)),
                ],
            }
        });
        // an answer has a minute, and this is not part of it
        scene.later(at(70_000), fails(2));
        scene.caller_hangs_up(90_000);
        scene
    });
    assert_snapshot!(story, @r#"
     0.000 script: Started
     0.000 model is asked: 
     0.100 script: 1 calls transfer({}) as call00001
     0.100 transfer 2 to "+15550100", who is told "Her soup was cold."
    70.000 trouble: the caller was not put through: nobody picks up
    70.000 script: 2 is Failed, heard ""
    70.000 model is asked: agent calls transfer | tool nobody is there | agent "One moment, please."
    78.610 script: 1 is Complete, heard "One moment, please. I could not reach anybody." of "I could not reach anybody."
    90.000 caller hangs up
    90.000 script: Ended(Caller)
    90.000 ended: Caller
    "#);
}
