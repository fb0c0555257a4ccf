//! A persona that breaks is restored from its last snapshot: what it had begun is reported as failed,
//! and the caller hears it go on (DESIGN, rule 8).

use crate::scene::*;
use call::persona::{Action, Event};
use insta::assert_snapshot;

#[test]
fn what_a_restored_persona_had_begun_is_reported_as_failed() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                say(1, "Thank you for calling, how can I help you today?"),
                Action::Fetch { id: 2, request: request() },
                Action::Timer { id: 3, after: ms(2_000) },
            ],
            Event::Done(report) if report.id == 1 => vec![say(4, "As I said, how can I help?")],
            _ => vec![],
        });
        scene.later(at(1_030), restored(Event::Key('1'), false));
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.030 trouble: the persona broke and goes on from its last snapshot: it trapped
    1.030 script: response 2: cancelled: the persona broke before the answer came; whether the request was carried out is not known
    1.030 ~ clear
    1.030 script: 1 is Failed, heard "Thank you for"
    2.000 script: Timer(3)
    2.640 script: 4 is Complete, heard "As I said, how can I help?"
    6.000 caller hangs up
    6.000 script: Ended(Caller)
    6.000 ended: Caller
    "#);
}

#[test]
fn what_the_event_would_have_told_it_is_told_as_failed() {
    let mut scene = Scene::new(false, |_| vec![]);
    let broken_by = Event::Done(call::persona::Report {
        id: 7,
        ending: call::persona::Ending::Complete,
        heard: "Hello.".into(),
        answer: String::new(),
    });
    scene.later(at(500), restored(broken_by, false));
    scene.caller_hangs_up(20_000);
    assert_snapshot!(scene.play(60).story(), @r#"
     0.000 script: Started
     0.500 trouble: the persona broke and goes on from its last snapshot: it trapped
     0.500 script: 7 is Failed, heard "Hello."
    15.500 script: silence of 15 s
    20.000 caller hangs up
    20.000 script: Ended(Caller)
    20.000 ended: Caller
    "#);
}

#[test]
fn what_it_knows_of_goes_on_but_for_its_requests() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => vec![
                say(1, "Thank you for calling, how can I help you today?"),
                Action::Fetch { id: 2, request: request() },
                Action::Timer { id: 3, after: ms(2_000) },
                Action::Transfer { id: 5, to: "desk".into(), brief: None },
            ],
            Event::Turn(_) => vec![say(6, "I see.")],
            Event::Done(_) => vec![listen()],
            _ => vec![],
        });
        scene.later(at(1_030), restored(Event::Silence(ms(1)), true));
        scene.caller_says(4_000, "My soup was cold.");
        scene.caller_hangs_up(8_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 transfer 5 to "desk"
    1.030 trouble: the persona broke and goes on from its last snapshot: it trapped
    1.030 script: response 2: cancelled: the persona broke before the answer came; whether the request was carried out is not known
    2.000 script: Timer(3)
    2.930 script: 1 is Complete, heard "Thank you for calling, how can I help you today?"
    4.080 ~ script: the caller speaks
    5.120 script: turn 1: "My soup was cold."
    5.530 script: 6 is Complete, heard "I see."
    8.000 caller hangs up
    8.000 transfer 5 is cancelled
    8.000 script: 5 is Cancelled, heard ""
    8.000 script: Ended(Caller)
    8.000 ended: Caller
    "#);
}

#[test]
fn keys_that_broke_it_are_told_again() {
    let story = on_both_lines(|sound| {
        let mut scene = Scene::new(sound, |event| match event {
            Event::Started => {
                vec![Action::Collect(call::persona::Collection { max: 3, finish: None, timeout: ms(5_000) })]
            }
            Event::Keys { .. } => vec![Action::HangUp],
            _ => vec![],
        });
        scene.breaks_at(
            |event| matches!(event, Event::Keys { .. }),
            Back { up_to_date: true, idempotent: &[] },
        );
        scene.caller_presses(500, "123");
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.900 script: Keys { digits: "123", by: Max }
    0.900 trouble: the persona broke and goes on from its last snapshot: it trapped
    0.900 script: Keys { digits: "123", by: Max }
    0.900 agent hangs up
    0.900 script: Ended(Script)
    0.900 ended: Script
    "#);
}

fn request() -> call::net::Request {
    call::net::Request { method: "GET".into(), url: "https://x".into(), headers: vec![], body: vec![] }
}
