//! Greetings, goodbyes, silence, keys, and how a call opens.

use super::*;

fn is_over(scene: &mut Scene, goodbye: &str) {
    assert_eq!((scene.last_said().as_str(), scene.to_the_end), (goodbye, true));
    assert!(!scene.hung_up);
    scene.heard();
    assert!(scene.hung_up);
}

#[test]
fn a_page_that_is_wrong_is_refused_with_the_line() {
    let refused = |page: &str| Script::open(talk, opening(page)).err().unwrap().message;
    let said = refused("instructions = \"x\"\ngreting = \"Hello\"\n");
    assert_eq!(
        said,
        "the settings: the page, line 2: there is no key `greting` here; did you mean `greeting`?"
    );
    assert!(refused("").contains("it is empty. Begin with `instructions"));
}

#[test]
fn a_caller_is_greeted_answered_and_sent_off() {
    let mut scene = Scene::of(opening(PIZZA));
    scene.tell(Event::Started);
    assert_eq!(scene.last_said(), "Hello, this is Luigi's. What can I get you?");
    scene.heard();
    scene.says("A pizza, please.");
    let told = scene.instructions();
    assert!(told.starts_with("You take orders for Luigi's"), "{told}");
    assert!(told.contains("Thursday, 2026-03-12, 21:00") && told.contains("en-GB"), "{told}");
    assert!(
        told.contains("- pizza: which pizza (one of: Margherita, Funghi, Diavola); not known yet"),
        "{told}"
    );
    assert!(told.contains("Still missing: pizza, size, quantity, address."), "{told}");
    assert_eq!(scene.tools(), ["save_field", "order_status", "place_order", "end_call", "transfer"]);
    let question = scene.asked.clone().unwrap();
    assert_eq!((question.temperature, question.max_tokens), (Some(0.3), Some(200)));
    assert_eq!(question.aloud.unwrap().language.as_deref(), Some("en-GB"));
    scene.answers("Which one would you like?");
    scene.says("I changed my mind. Bye!");
    assert!(scene.asked.is_none(), "nobody asks the model about a goodbye");
    is_over(&mut scene, "Thank you for calling Luigi's. Enjoy your meal!");
    scene.tell(Event::Ended(Departure::Script));
    assert_eq!(scene.kept["ended_by"], "script");
    assert_eq!(scene.kept["missing"], json!(["pizza", "size", "quantity", "address"]));
}

#[test]
fn keyterms_and_patience_are_listened_with() {
    let mut scene = Scene::greeted(PIZZA);
    let hint = &scene.listens[0];
    assert_eq!(hint.keyterms, ["Margherita", "Funghi", "Diavola"]);
    assert_eq!((hint.patience, hint.language.as_deref()), (Some(7_000), Some("en-GB")));
    scene.says("Hm.");
    scene.answers("Yes?");
    let hint = &scene.listens[1];
    assert_eq!((hint.keyterms.len(), hint.patience), (0, Some(7_000)), "the recogniser is told once");
}

#[test]
fn phrases_are_the_authors() {
    let page = format!("{SMALL}[end]\nphrases = [\"auf Wiedersehen\"]\n");
    let mut scene = Scene::greeted(&page);
    scene.says("Bye");
    assert!(scene.asked.is_some());
    scene.answers("Ja?");
    scene.says("Auf Wiedersehen!");
    is_over(&mut scene, "Goodbye!");
}

#[test]
fn the_model_ends_the_call_when_its_answer_was_heard() {
    let mut scene = Scene::greeted(SMALL);
    scene.says("That is everything.");
    assert_eq!(scene.tools(), ["end_call"]);
    scene.calls("end_call", json!({}));
    scene.done(Ending::Interrupted, "Very");
    assert!(scene.said.len() == 1 && !scene.hung_up, "who cuts in is listened to");
    scene.says("Wait, one more thing.");
    scene.calls("end_call", json!({}));
    scene.answers("Very well.");
    is_over(&mut scene, "Goodbye!");
}

#[test]
fn silence_is_asked_about_as_often_as_the_page_says() {
    let mut scene = Scene::greeted(SMALL);
    for _ in 0..3 {
        scene.tell(Event::Silence(5_000));
        assert_eq!(scene.last_said(), "Are you still there?");
        scene.heard();
    }
    scene.tell(Event::Silence(5_000));
    is_over(&mut scene, "Goodbye!");
    let mut scene = Scene::greeted(&format!("{SMALL}goodbye = \"\"\n[end]\nmax_silences = 0\n"));
    scene.tell(Event::Silence(5_000));
    assert!(scene.hung_up, "at once, and without a word where there is none");
}

#[test]
fn a_call_has_only_so_many_turns() {
    let mut scene = Scene::greeted(&format!("{SMALL}[end]\nmax_turns = 2\n"));
    scene.says("One.");
    scene.answers("Yes.");
    scene.says("Two.");
    scene.answers("The last answer.");
    is_over(&mut scene, "Goodbye!");
}

#[test]
fn keys_are_told_to_the_model_together() {
    let mut scene = Scene::greeted(SMALL);
    scene.tell(Event::Key('1'));
    assert!(scene.asked.is_none());
    let digits = "234".to_owned();
    scene.tell(Event::Keys(persona::Keys { digits, by: persona::CollectedBy::Timeout }));
    assert_eq!(scene.notes, ["The caller has pressed these keys of the telephone: 1234"]);
    assert!(scene.asked.is_some());
}

#[test]
fn a_model_without_answers_is_apologised_for() {
    let page = format!("{SMALL}[model]\nsay_again = \"Again?\"\napology = \"Sorry.\"\n");
    let mut scene = Scene::greeted(&page);
    for _ in 0..2 {
        scene.says("Hello?");
        scene.done(Ending::Failed, "");
        assert_eq!(scene.last_said(), "Again?");
        scene.heard();
    }
    scene.says("Hello?");
    scene.done(Ending::Failed, "");
    assert_eq!(scene.last_said(), "Sorry.");
    scene.heard();
    is_over(&mut scene, "Goodbye!");
}

#[test]
fn who_cuts_into_the_greeting_is_answered() {
    let mut scene = Scene::of(opening(PIZZA));
    scene.tell(Event::Started);
    scene.done(Ending::Interrupted, "");
    scene.says("A Diavola!");
    assert!(scene.asked.is_some());
    assert_eq!(scene.said.len(), 1, "and is not greeted again");
}

#[test]
fn an_initial_message_takes_the_place_of_the_greeting() {
    let initial_message = Some("Your pizza is late.".to_owned());
    let mut scene = Scene::of(Opening { initial_message, ..opening(PIZZA) });
    scene.tell(Event::Started);
    assert_eq!(scene.last_said(), "Your pizza is late.");
}
