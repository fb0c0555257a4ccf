//! How a call ends (DESIGN, rule 7).

use crate::scene::*;
use audio::detect::Energy;
use call::persona::{Action, Departure, Event, Field};
use call::{Call, Config, Input, Observation, Output};
use insta::assert_snapshot;

#[test]
fn hanging_up_is_at_once() {
    let story = on_both_lines(|sound| {
        Scene::new(sound, |event| match event {
            Event::Started => vec![say(1, "Nobody hears this."), Action::HangUp, say(2, "Nor this.")],
            _ => vec![say(3, "Nor this.")],
        })
    });
    assert_snapshot!(story, @r#"
    0.000 script: Started
    0.000 agent hangs up
    0.000 script: 1 is Cancelled, heard ""
    0.000 script: Ended(Script)
    0.000 ended: Script
    "#);
}

#[test]
fn a_goodbye_ends_even_if_the_far_end_returns_no_marks() {
    let mut scene = Scene::new(true, |event| match event {
        Event::Started => vec![say_whole(1, "Goodbye.")],
        Event::Done(_) => vec![Action::HangUp],
        _ => vec![],
    });
    scene.far_end.returns_no_marks = true;
    // 50 ms until the voice begins, 480 ms of audio, 2 s of patience
    assert_snapshot!(scene.play(60).story(), @r#"
    0.000 script: Started
    2.530 script: 1 is Complete, heard "Goodbye."
    2.530 agent hangs up
    2.530 script: Ended(Script)
    2.530 ended: Script
    "#);
}

fn kept(call: &mut Call) -> (Vec<Observation>, Option<Departure>) {
    let mut observed = Vec::new();
    loop {
        match call.poll_output() {
            Output::Observed(observation @ (Observation::Kept(_) | Observation::Outcome(_))) => {
                observed.push(observation);
            }
            Output::Ended(summary) => return (observed, Some(summary.departure)),
            Output::Timeout(_) => return (observed, None),
            _ => {}
        }
    }
}

#[test]
fn last_words_count_for_a_second_and_a_script_that_says_none_is_not_waited_for_longer() {
    let field = Field { name: "mood".into(), value: "\"good\"".into() };
    let mut call = Call::new(Config::default(), Box::new(Energy::default()));
    call.handle(at(0), Input::Attached);
    kept(&mut call);
    call.handle(at(0), Input::Persona(vec![]));
    call.handle(at(500), Input::Closed);
    assert_eq!(kept(&mut call), (vec![], None), "the script was told and has not answered");
    let last_words = vec![Action::Keep(vec![field.clone()]), Action::Outcome("fine".into())];
    call.handle(at(900), Input::Persona(last_words));
    let observed = vec![Observation::Kept(vec![field]), Observation::Outcome("fine".into())];
    assert_eq!(kept(&mut call), (observed, Some(Departure::Caller)));

    let mut call = Call::new(Config::default(), Box::new(Energy::default()));
    call.handle(at(0), Input::Attached);
    kept(&mut call);
    call.handle(at(0), Input::Persona(vec![]));
    call.handle(at(500), Input::Closed);
    kept(&mut call);
    call.handle(at(1_499), Input::Timeout);
    assert_eq!(kept(&mut call), (vec![], None));
    call.handle(at(1_500), Input::Timeout);
    assert_eq!(kept(&mut call), (vec![], Some(Departure::Caller)));
}
