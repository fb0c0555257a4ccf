//! Everything with an id gets exactly one report, also what never started (DESIGN, rule 5).

use crate::scene::*;
use call::net::Request;
use call::persona::{Action, Event, Interruption, Manner};
use insta::assert_snapshot;
use std::time::Duration;

fn fetch(id: u32) -> Action {
    let url = "https://example.com/".to_owned();
    Action::Fetch { id, request: Request { method: "GET".into(), url, headers: vec![], body: vec![] } }
}

#[test]
fn a_call_that_ends_in_the_middle_of_everything() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => {
                let mut silent = question(4);
                silent.aloud = None;
                vec![
                    say(1, "This is being spoken now, and it is rather long."),
                    say(2, "This waits."),
                    ask(3),
                    Action::Ask(silent),
                    fetch(5),
                    Action::Timer { id: 6, after: Duration::from_secs(60) },
                ]
            }
            _ => vec![],
        });
        scene.model(|_| vec![(60_000, call::llm::Effect::Delta("too late".into()))]);
        scene.caller_hangs_up(1_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: agent "This is being spoken now, and it is rather long. This waits."
    0.000 model is asked: agent "This is being spoken now, and it is rather long. This waits."
    1.000 caller hangs up
    1.000 script: 1 is Cancelled, heard "This is being"
    1.000 script: 2 is Cancelled, heard ""
    1.000 model is cancelled
    1.000 script: 3 is Cancelled, heard ""
    1.000 model is cancelled
    1.000 script: 4 is Cancelled, heard ""
    1.000 script: response 5: cancelled: the call is over
    1.000 script: Ended(Caller)
    1.000 ended: Caller
    "#);
}

#[test]
fn a_script_that_cancels_what_it_began() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                say(1, "This is being spoken now, and it is rather long."),
                say(2, "This waits."),
                ask(3),
                fetch(5),
                Action::Timer { id: 6, after: Duration::from_millis(900) },
                Action::Timer { id: 7, after: Duration::from_millis(1000) },
            ],
            Event::Timer(7) => {
                let mut actions: Vec<_> = [1, 2, 3, 5, 7, 99].into_iter().map(Action::Cancel).collect();
                actions.push(listen());
                actions
            }
            _ => vec![],
        });
        scene.model(|_| vec![(60_000, call::llm::Effect::Delta("too late".into()))]);
        scene.caller_hangs_up(2_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 model is asked: agent "This is being spoken now, and it is rather long. This waits."
    0.900 script: Timer(6)
    1.000 script: Timer(7)
    1.000 script: response 5: cancelled: the script cancelled it
    1.000 ~ clear
    1.000 script: 1 is Cancelled, heard "This is being"
    1.000 script: 2 is Cancelled, heard ""
    1.000 model is cancelled
    1.000 script: 3 is Cancelled, heard ""
    2.000 caller hangs up
    2.000 script: Ended(Caller)
    2.000 ended: Caller
    "#);
}

#[test]
fn an_id_that_is_still_open_is_not_begun_again() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![say(1, "First."), say(1, "Second.")],
            _ => vec![Action::HangUp],
        });
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 trouble: the script used the id 1 again while it was open; ignored
    0.410 script: 1 is Complete, heard "First."
    0.410 agent hangs up
    0.410 script: Ended(Script)
    0.410 ended: Script
    "#);
}

#[test]
fn what_the_host_cannot_do_is_reported_as_failed() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                Action::Play { id: 1, name: "hold".into(), manner: Manner::new(Interruption::Anything) },
                Action::HangUp,
            ],
            _ => vec![],
        });
        scene.caller_hangs_up(9_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 trouble: there is no clip "hold"
    0.000 script: 1 is Failed, heard ""
    0.000 agent hangs up
    0.000 script: Ended(Script)
    0.000 ended: Script
    "#);
}
