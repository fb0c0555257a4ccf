//! Calls that are placed, machines that pick up, and callers who are put through.

use super::*;

const GREETING: &str = "Hello Ann, this is Harbour Dental. I am calling about your appointment on Monday. Will you be able to come?";
const VOICEMAIL: &str = "Hello Ann, this is Harbour Dental. You have an appointment on Monday at nine in the morning. If \
    you cannot come, please call us back. Goodbye.";

#[test]
fn who_is_called_is_told_why_and_what_they_say_is_kept() {
    let mut scene = Scene::of(outbound(REMINDER));
    scene.tell(Event::Started);
    assert_eq!(scene.last_said(), GREETING);
    scene.done(Ending::Interrupted, "");
    scene.says("Hello?");
    assert_eq!(scene.last_said(), GREETING, "nothing of it was heard");
    scene.heard();
    scene.says("No, Tuesday would be better.");
    assert!(
        scene
            .instructions()
            .contains("You have called Ann about an appointment\non Monday at nine in the morning")
    );
    scene.calls("save_field", json!({ "name": "comes", "value": "no" }));
    scene.calls("save_field", json!({ "name": "other_day", "value": "2026-03-17" }));
    assert_eq!((&scene.kept["comes"], &scene.kept["other_day"]), (&json!(false), &json!("2026-03-17")));
    scene.calls("end_call", json!({}));
    scene.answers("We will call you back.");
    assert_eq!(scene.last_said(), "Thank you. Goodbye!");
    scene.tell(Event::Ended(Departure::Caller));
    assert_eq!(scene.kept["missing"], json!([]));
}

#[test]
fn what_the_call_did_not_bring_has_other_words() {
    let mut scene = Scene::of(Opening { parameters: vec![], ..outbound(REMINDER) });
    scene.tell(Event::Started);
    let said = scene.last_said();
    assert!(
        said.starts_with("Hello there, this is Harbour Dental.") && said.contains("one of the next days"),
        "{said}"
    );
}

#[test]
fn a_machine_gets_the_message_and_a_fax_nothing() {
    let mut scene = Scene::of(outbound(REMINDER));
    scene.tell(Event::Started);
    scene.tell(Event::AnsweredBy(Answerer::MachineBeep));
    assert_eq!((scene.last_said().as_str(), scene.to_the_end), (VOICEMAIL, true));
    scene.heard();
    scene.tell(Event::Silence(2_000));
    assert_eq!((scene.outcome.as_str(), scene.hung_up), ("left a message", true));

    let mut scene = Scene::of(Opening { answered_by: Answerer::Fax, ..outbound(REMINDER) });
    scene.tell(Event::Started);
    assert!(scene.said.is_empty() && scene.hung_up);
    let mut scene = Scene::of(Opening { answered_by: Answerer::MachineBeep, ..outbound(SMALL) });
    scene.tell(Event::Started);
    assert!(scene.said.is_empty() && scene.hung_up, "where the page has no message");
}

#[test]
fn who_picks_up_behind_the_machine_is_talked_to() {
    let mut scene = Scene::of(Opening { answered_by: Answerer::MachineBeep, ..outbound(REMINDER) });
    scene.tell(Event::Started);
    scene.heard();
    scene.says("Wait, I am here.");
    assert_eq!(scene.outcome, "spoke to a person");
    assert!(scene.asked.is_some());
    scene.answers("Good. Will you come?");
    scene.is_restored();
    scene.says("Yes.");
    assert!(scene.asked.is_some());
}

#[test]
fn a_caller_is_put_through_with_the_words_of_the_model_or_of_the_page() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("Somebody who cooks, please.");
    let told = scene.calls("transfer", json!({ "to": "the boss", "brief": "x" }));
    assert!(told.contains("nobody to put through to; there are: kitchen"), "{told}");
    scene.calls("transfer", json!({ "to": "kitchen", "brief": "Wants to know what is in it." }));
    assert!(scene.transfer.is_none(), "not before that was said");
    scene.answers("I will put you through.");
    let (_, to, brief) = scene.transfer.clone().unwrap();
    assert_eq!((to.as_str(), brief.as_deref()), ("kitchen", Some("Wants to know what is in it.")));

    let mut scene = Scene::of(outbound(REMINDER));
    scene.tell(Event::Started);
    scene.heard();
    scene.says("Can I talk to somebody?");
    scene.calls("transfer", json!({ "brief": "ignored" }));
    scene.answers("One moment.");
    let (_, to, brief) = scene.transfer.clone().unwrap();
    let own = "A patient who was called about the appointment on Monday wants to speak to somebody.";
    assert_eq!((to.as_str(), brief.as_deref()), ("+15550100200", Some(own)));
}

#[test]
fn when_nobody_can_be_reached_the_model_says_so() {
    let mut scene = Scene::greeted(PIZZA);
    scene.says("A person, please.");
    scene.calls("transfer", json!({ "to": "kitchen", "brief": "" }));
    scene.answers("One moment.");
    let (id, _, brief) = scene.transfer.clone().unwrap();
    assert_eq!(brief, None);
    let report = Report { id, ending: Ending::Failed, heard: String::new(), answer: String::new() };
    scene.tell(Event::Done(report));
    assert!(scene.notes[0].contains("could not be put through"), "{:?}", scene.notes);
    assert!(!scene.tools().contains(&"transfer"), "it is not tried again at once");
}
