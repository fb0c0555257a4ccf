//! The script, told what happens in a call.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use persona::contract::{Action, CallForTool, Event, Interruption, Line, Report, Utterance};
use persona::{Answerer, Ending, Opening, Script, ToolCall};

fn opening(direction: Direction) -> Opening {
    let settings = json!({
        "company": "the Fork",
        "greeting": "Thank you for calling {company}.",
        "goodbye": "Goodbye from {company}.",
        "outbound_greeting": "This is {company}. I hope this is not a bad time.",
        "outbound_goodbye": "Thank you for your time.",
        "voicemail": "This is {company}, about your visit.",
        "transfer_to": "",
    });
    Opening {
        seed: 7,
        now: 1_000,
        timezone: "UTC".into(),
        language: "en-US".into(),
        call: "CA1".into(),
        direction,
        caller: None,
        called: None,
        parameters: vec![],
        initial_message: None,
        answered_by: Answerer::Unknown,
        line: Line { hears_audio: true, speaks_audio: true, can_speak_unasked: true, can_send_digits: true },
        settings: settings.to_string(),
        handed: None,
    }
}

/// The same with another value of a setting.
fn with(opening: Opening, name: &str, value: &str) -> Opening {
    let mut settings: Value = serde_json::from_str(&opening.settings).unwrap();
    settings[name] = value.into();
    Opening { settings: settings.to_string(), ..opening }
}

fn open(opening: Opening) -> Script {
    Script::open(talk, opening).unwrap()
}

/// What the script does about one event, in short.
fn does(script: &Script, event: Event) -> Vec<String> {
    script.handle(2_000, vec![event]).iter().filter_map(short).collect()
}

fn short(action: &Action) -> Option<String> {
    Some(match action {
        Action::Say(speech) if speech.manner.interruption == Interruption::Nothing => {
            format!("{}: say to the end {:?}", speech.id, speech.text)
        }
        Action::Say(speech) => format!("{}: say {:?}", speech.id, speech.text),
        Action::Ask(question) => {
            let tools: Vec<&str> = question.tools.iter().map(|tool| tool.name.as_str()).collect();
            format!("{}: ask with {}", question.id, tools.join(", "))
        }
        Action::Listen(hint) => match hint.patience {
            None => "listen".into(),
            Some(patience) => format!("listen for {patience} ms"),
        },
        Action::Transfer(transfer) => {
            format!("{}: transfer to {} {:?}", transfer.id, transfer.to, transfer.brief)
        }
        Action::Cancel(id) => format!("cancel {id}"),
        Action::Timer(timer) => format!("{}: timer {}", timer.id, timer.after),
        Action::Outcome(text) => format!("outcome: {text}"),
        Action::Note(text) => format!("note: {text}"),
        Action::HangUp => "hang up".into(),
        Action::ToolResult(result) => format!("tool {}: {}", result.id, result.content),
        Action::Keep(_) => return None,
        other => panic!("{other:?}"),
    })
}

fn said(number: u32, text: &str) -> Event {
    let said = Utterance { text: text.into(), confidence: 1.0, language: None };
    Event::Turn(Turn { number, revision: 0, said })
}

fn done(id: u32, ending: Ending) -> Event {
    Event::Done(Report { id, ending, heard: String::new(), answer: String::new() })
}

fn calls(question: u32, name: &str, arguments: &str) -> Event {
    let call = ToolCall { id: "call00001".into(), name: name.into(), arguments: arguments.into() };
    Event::ToolCall(CallForTool { question, call })
}

/// A conversation that has come to the guest's first words.
fn listening(opening: Opening) -> Script {
    let script = open(opening);
    does(&script, Event::Started);
    assert_eq!(does(&script, done(1, Ending::Complete)), ["listen"]);
    script
}

#[test]
fn a_guest_who_calls_is_thanked_for_it() {
    let script = open(opening(Direction::Inbound));
    assert_eq!(does(&script, Event::Started), [r#"1: say "Thank you for calling the Fork.""#]);
    assert_eq!(does(&script, done(1, Ending::Complete)), ["listen"]);
    assert_eq!(does(&script, said(1, "My soup was cold.")), ["2: ask with end_call"]);
    assert_eq!(does(&script, done(2, Ending::Complete)), ["listen"]);
    assert_eq!(does(&script, said(2, "Goodbye.")), [r#"3: say to the end "Goodbye from the Fork.""#]);
    assert_eq!(does(&script, done(3, Ending::Complete)), ["hang up"]);
}

#[test]
fn a_guest_who_is_called_is_told_by_whom_and_asked_to_be_disturbed() {
    let script = open(opening(Direction::Outbound));
    let greeting = r#"1: say "This is the Fork. I hope this is not a bad time.""#;
    assert_eq!(does(&script, Event::Started), [greeting]);
    does(&script, done(1, Ending::Complete));
    let asked = script.handle(2_000, vec![said(1, "It was very good.")]);
    let Some(Action::Ask(question)) = asked.iter().find(|a| matches!(a, Action::Ask(_))) else {
        panic!("{asked:?}");
    };
    assert!(question.instructions.contains("whom you have called to follow up"), "{}", question.instructions);
    does(&script, done(2, Ending::Complete));
    assert_eq!(does(&script, said(2, "Bye!")), [r#"3: say to the end "Thank you for your time.""#]);
}

#[test]
fn an_initial_message_takes_the_place_of_either_greeting() {
    for direction in [Direction::Inbound, Direction::Outbound] {
        let initial_message = Some("Your table is ready.".to_owned());
        let script = open(Opening { initial_message, ..opening(direction) });
        assert_eq!(does(&script, Event::Started), [r#"1: say "Your table is ready.""#]);
    }
}

#[test]
fn a_machine_gets_a_message_and_silence_is_the_end_of_it() {
    let script = open(opening(Direction::Outbound));
    does(&script, Event::Started);
    let message = r#"2: say to the end "This is the Fork, about your visit.""#;
    let left = ["cancel 1", "outcome: reached a machine", message];
    assert_eq!(does(&script, Event::AnsweredBy(Answerer::MachineBeep)), left);
    assert_eq!(does(&script, done(1, Ending::Cancelled)), [""; 0]);
    assert_eq!(does(&script, done(2, Ending::Complete)), ["listen for 2000 ms", "3: timer 10000"]);
    let over = ["cancel 3", "outcome: left a message", "hang up"];
    assert_eq!(does(&script, Event::Silence(1_000)), over);
}

#[test]
fn the_message_waits_for_a_greeting_that_goes_on() {
    let script = open(opening(Direction::Outbound));
    does(&script, Event::Started);
    let waits = ["cancel 1", "outcome: reached a machine", "listen for 2000 ms", "2: timer 30000"];
    assert_eq!(does(&script, Event::AnsweredBy(Answerer::MachineGreeting)), waits);
    assert_eq!(does(&script, said(1, "Nobody is at home.")), ["listen for 2000 ms"], "it is the machine's");
    let message = r#"3: say to the end "This is the Fork, about your visit.""#;
    assert_eq!(does(&script, Event::Silence(2_000)), ["cancel 2", message]);
}

#[test]
fn a_greeting_without_an_end_is_spoken_over() {
    let script = open(opening(Direction::Outbound));
    does(&script, Event::Started);
    does(&script, Event::AnsweredBy(Answerer::MachineGreeting));
    let message = r#"3: say to the end "This is the Fork, about your visit.""#;
    assert_eq!(does(&script, Event::Timer(2)), [message]);
}

#[test]
fn somebody_who_picks_up_after_all_is_talked_to() {
    let script = open(opening(Direction::Outbound));
    does(&script, Event::Started);
    does(&script, Event::AnsweredBy(Answerer::MachineBeep));
    does(&script, done(2, Ending::Complete));
    let person = ["cancel 3", "outcome: spoke to a person", "4: ask with end_call"];
    assert_eq!(does(&script, said(1, "Hello, I am here.")), person);
    assert_eq!(does(&script, done(4, Ending::Complete)), ["listen"], "and is not taken for a machine again");
    let snapshot = script.snapshot().unwrap();
    let restored = Script::restore(talk, opening(Direction::Outbound), &snapshot).unwrap();
    assert_eq!(does(&restored, said(2, "It was good.")), ["5: ask with end_call"], "nor in a newer version");
}

#[test]
fn words_that_have_begun_are_waited_for_a_little_longer() {
    let partial = Event::Partial(Utterance { text: "hello".into(), confidence: 1.0, language: None });
    // while the message is being said, or behind it
    for over_message in [true, false] {
        let script = open(opening(Direction::Outbound));
        does(&script, Event::Started);
        does(&script, Event::AnsweredBy(Answerer::MachineBeep));
        if over_message {
            does(&script, partial.clone());
            does(&script, done(2, Ending::Complete));
        } else {
            does(&script, done(2, Ending::Complete));
            does(&script, partial.clone());
        }
        assert_eq!(does(&script, Event::Silence(1_000)), [""; 0]);
        let over = ["cancel 3", "outcome: left a message", "hang up"];
        assert_eq!(does(&script, Event::Silence(2_000)), over);
    }
}

#[test]
fn a_fax_gets_nothing_and_a_machine_neither_where_there_is_no_message() {
    let script = open(opening(Direction::Outbound));
    does(&script, Event::Started);
    let nothing = ["cancel 1", "outcome: reached a machine", "hang up"];
    assert_eq!(does(&script, Event::AnsweredBy(Answerer::Fax)), nothing);
    let script = open(with(opening(Direction::Outbound), "voicemail", " "));
    does(&script, Event::Started);
    assert_eq!(does(&script, Event::AnsweredBy(Answerer::MachineBeep)), nothing);
}

#[test]
fn a_machine_that_is_known_before_the_call_hears_no_greeting() {
    let script = open(Opening { answered_by: Answerer::MachineBeep, ..opening(Direction::Outbound) });
    let message = r#"1: say to the end "This is the Fork, about your visit.""#;
    assert_eq!(does(&script, Event::Started), ["outcome: reached a machine", message]);
}

#[test]
fn whoever_is_called_and_says_hello_first_is_told_by_whom() {
    let script = open(opening(Direction::Outbound));
    does(&script, Event::Started);
    assert_eq!(does(&script, done(1, Ending::Interrupted)), ["listen"]);
    let greeting = r#"2: say "This is the Fork. I hope this is not a bad time.""#;
    assert_eq!(does(&script, said(1, "Hello?")), [greeting]);
    assert_eq!(does(&script, done(2, Ending::Complete)), ["listen"]);
    assert_eq!(does(&script, said(2, "No, it is not.")), ["3: ask with end_call"]);
    // a guest who calls knows who is there
    let script = open(opening(Direction::Inbound));
    does(&script, Event::Started);
    does(&script, done(1, Ending::Interrupted));
    assert_eq!(does(&script, said(1, "My soup was cold.")), ["2: ask with end_call"]);
}

#[test]
fn a_person_who_picks_up_is_just_talked_to() {
    let script = listening(opening(Direction::Outbound));
    assert_eq!(does(&script, Event::AnsweredBy(Answerer::Human)), [""; 0]);
    assert_eq!(does(&script, said(1, "Yes?")), ["2: ask with end_call"]);
}

#[test]
fn a_guest_is_put_through_once_that_was_said() {
    let script = listening(with(opening(Direction::Inbound), "transfer_to", "+15550100"));
    assert_eq!(does(&script, said(1, "A person, please.")), ["2: ask with end_call, transfer"]);
    let told = does(&script, calls(2, "transfer", r#"{"brief":"Her soup was cold."}"#));
    assert_eq!(
        told,
        ["tool call00001: The guest is put through once you have said so, in one short sentence."]
    );
    let transferred = [r#"3: transfer to +15550100 Some("Her soup was cold.")"#];
    assert_eq!(does(&script, done(2, Ending::Complete)), transferred);
}

#[test]
fn when_nobody_can_be_reached_the_model_is_told_and_says_so() {
    let script = listening(with(opening(Direction::Inbound), "transfer_to", "desk"));
    does(&script, said(1, "A person, please."));
    does(&script, calls(2, "transfer", "{}"));
    assert_eq!(does(&script, done(2, Ending::Complete)), ["3: transfer to desk None"]);
    let told = does(&script, done(3, Ending::Failed));
    let note = "note: The guest could not be put through: nobody is available. Say so.";
    assert_eq!(told, [note, "4: ask with end_call"], "and it is not tried again at once");
    assert_eq!(does(&script, done(4, Ending::Complete)), ["listen"]);
    assert_eq!(does(&script, said(2, "Later, then?")), ["5: ask with end_call, transfer"]);
}

#[test]
fn a_guest_who_cuts_in_is_listened_to_before_anything_that_was_decided() {
    let script = listening(with(opening(Direction::Inbound), "transfer_to", "desk"));
    does(&script, said(1, "A person, please."));
    does(&script, calls(2, "transfer", "{}"));
    assert_eq!(does(&script, done(2, Ending::Interrupted)), ["listen"]);
    does(&script, said(2, "No, wait."));
    does(&script, calls(3, "end_call", "{}"));
    assert_eq!(does(&script, done(3, Ending::Interrupted)), ["listen"]);
    does(&script, said(3, "That is all."));
    does(&script, calls(4, "end_call", "{}"));
    assert_eq!(does(&script, done(4, Ending::Complete)), [r#"5: say to the end "Goodbye from the Fork.""#]);
}
