//! A conversation with the keyboard.

use crate::desk::host;
use author::talks::{Desk, nobody};
use author::terminal::{self, Shown};
use call::persona::Departure;
use components::Catalogue;
use components::manifest::Kind;
use tokio::sync::mpsc;

/// What is shown to somebody who types this, and how the call ended.
fn type_in(lines: &[&str]) -> (Vec<Shown>, Departure) {
    let catalogue = Catalogue::read(None).unwrap();
    let desk = Desk::default();
    let persona = catalogue.load(host(), "guest-relations", Kind::Persona, &desk).unwrap();
    let model = catalogue.load(host(), "offline-llm", Kind::Llm, &desk).unwrap();
    let (sender, typed) = mpsc::channel(lines.len() + 1);
    lines.iter().for_each(|line| sender.try_send((*line).to_owned()).unwrap());
    drop(sender);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut shown = Vec::new();
    let scene = nobody();
    let talk = terminal::talk(&persona, &model, &scene, typed, |what| shown.push(what));
    let departure = runtime.block_on(talk).unwrap();
    (shown, departure)
}

fn agent(shown: &[Shown]) -> Vec<&str> {
    shown
        .iter()
        .filter_map(|shown| match shown {
            Shown::Agent(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn somebody_types_and_the_persona_answers_and_says_goodbye() {
    let (shown, departure) = type_in(&["My soup was cold.", "Bye!"]);
    let agent = agent(&shown);
    assert!(agent[0].starts_with("Thank you for calling Compass Group"), "{agent:?}");
    assert!(agent[1].starts_with("I am sorry to hear that") && agent[1].contains("offline"), "{agent:?}");
    assert!(agent[2].ends_with("Goodbye!"), "{agent:?}");
    assert!(shown.contains(&Shown::Aside("kept ended_by = \"script\"".into())), "{shown:?}");
    assert_eq!(shown.iter().filter(|shown| **shown == Shown::YourTurn).count(), 2);
    assert_eq!(departure, Departure::Script);
}

#[test]
fn a_silence_is_not_waited_for() {
    let (shown, departure) = type_in(&["/silence", "/silence", "/silence"]);
    let agent = agent(&shown);
    assert_eq!(agent[1..3], ["Are you still there?"; 2]);
    assert_eq!(departure, Departure::Script);
}

#[test]
fn whoever_stops_typing_has_hung_up() {
    assert_eq!(type_in(&["/what"]).1, Departure::Caller);
    let (shown, departure) = type_in(&["/key x", "/quit"]);
    assert!(shown.iter().any(|shown| matches!(shown, Shown::Aside(text) if text.contains("no key"))));
    assert_eq!(departure, Departure::Caller);
}
