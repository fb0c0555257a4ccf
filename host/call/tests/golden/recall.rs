//! What was kept in an earlier call is asked for, and answered exactly once: by whoever knows, or by the
//! host when nobody does in time.

use crate::scene::*;
use call::Input;
use call::persona::{Action, Event, Field};
use insta::assert_snapshot;

fn recall(id: u32) -> Action {
    Action::Recall { id, field: "claim_id".into(), value: "\"4821134507\"".into() }
}

fn known(id: u32, value: &str) -> Input {
    let field = Field { name: "claim_status".into(), value: value.into() };
    Input::Recalled { id, fields: Some(vec![field]) }
}

#[test]
fn what_was_kept_earlier_is_told() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![recall(1), recall(2)],
            Event::Recalled { id: 1, fields: Some(_) } => vec![say(1, "It is pending.")],
            Event::Done(_) => vec![listen()],
            _ => vec![],
        });
        scene.later(at(200), known(1, "\"Pending\""));
        scene.later(at(300), Input::Recalled { id: 2, fields: None });
        scene.later(at(400), known(1, "\"said twice\""));
        scene.caller_hangs_up(4_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 1: who had claim_id = "4821134507"?
    0.000 2: who had claim_id = "4821134507"?
    0.200 script: 1 had claim_status = "Pending"
    0.300 script: 2 is not known
    1.090 script: 1 is Complete, heard "It is pending."
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
}

#[test]
fn where_nobody_answers_nothing_is_known_and_what_comes_later_is_nobodys() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![recall(1)],
            Event::Recalled { .. } => vec![listen()],
            _ => vec![],
        });
        scene.later(at(3_000), known(1, "\"Pending\""));
        scene.caller_hangs_up(4_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 1: who had claim_id = "4821134507"?
    2.000 trouble: what was kept earlier could not be looked up within 2 s
    2.000 1 is looked up no more
    2.000 script: 1 is not known
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
}

#[test]
fn what_the_script_cancels_is_answered_and_not_looked_up() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![recall(1), Action::Cancel(1), recall(1)],
            Event::Recalled { .. } => vec![Action::Cancel(1), listen()],
            _ => vec![],
        });
        scene.later(at(500), known(1, "\"Pending\""));
        scene.caller_hangs_up(4_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 1: who had claim_id = "4821134507"?
    0.000 1 is looked up no more
    0.000 script: 1 is not known
    0.000 trouble: the script used the id 1 again while it was open; ignored
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
}

#[test]
fn a_call_that_ends_meanwhile_leaves_nothing_open() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![recall(1)],
            Event::Ended(_) => vec![recall(2)],
            _ => vec![],
        });
        scene.caller_hangs_up(500);
        scene.later(at(600), known(1, "\"Pending\""));
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 1: who had claim_id = "4821134507"?
    0.500 caller hangs up
    0.500 1 is looked up no more
    0.500 script: 1 is not known
    0.500 script: Ended(Caller)
    0.500 ended: Caller
    "#);
}

#[test]
fn a_restored_persona_is_told_that_nothing_is_known() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![recall(1)],
            _ => vec![],
        });
        let broken_by = Event::Recalled { id: 7, fields: Some(vec![]) };
        scene.later(at(500), restored(broken_by, false));
        scene.caller_hangs_up(4_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 1: who had claim_id = "4821134507"?
    0.500 trouble: the persona broke and goes on from its last snapshot: it trapped
    0.500 1 is looked up no more
    0.500 script: 1 is not known
    0.500 script: 7 is not known
    4.000 caller hangs up
    4.000 script: Ended(Caller)
    4.000 ended: Caller
    "#);
}

#[test]
fn too_many_at_once_are_not_looked_up() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => (1..=9).map(recall).collect(),
            _ => vec![],
        });
        scene.caller_hangs_up(500);
        scene
    });
    assert!(story.contains("trouble: the script recalls more than 8 things at once"), "{story}");
    assert_eq!(story.matches("is not known").count(), 9, "{story}");
}
