//! A persona that breaks is restored from its last snapshot: what it had begun is reported as failed,
//! and the caller hears it go on (DESIGN, rule 8).

use crate::scene::*;
use call::Input;
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
        scene.later(at(1_030), Input::PersonaRestored(Event::Key('1'), "it trapped".into()));
        scene.caller_hangs_up(6_000);
        scene
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    1.030 trouble: the persona broke and goes on from its last snapshot: it trapped
    1.030 script: response 2: cancelled: the persona was restored
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
    scene.later(at(500), Input::PersonaRestored(broken_by, "it trapped".into()));
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

fn request() -> call::net::Request {
    call::net::Request { method: "GET".into(), url: "https://x".into(), headers: vec![], body: vec![] }
}
