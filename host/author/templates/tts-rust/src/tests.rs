//! A session, told what the host would tell it.

use super::*;
use plugin::tts::Utterance;
use plugin::{AudioFormat, Head};

fn open() -> Mouth {
    Mouth::open(Opening {
        format: AudioFormat { encoding: Encoding::Mulaw, rate: 8000 },
        language: None,
        voice: None,
        settings: r#"{"base_url": "http://127.0.0.1:1", "voice": "ann"}"#.into(),
    })
    .unwrap()
}

fn told(mouth: &mut Mouth, event: Event) -> Vec<String> {
    let mut effects = Vec::new();
    mouth.handle(0, event, &mut effects);
    effects.into_iter().map(short).collect()
}

fn short(effect: Effect) -> String {
    match effect {
        Effect::Net(net::Effect { connection, action: Action::Request(request) }) => {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            format!("{connection}: ask for {}", body["text"])
        }
        Effect::Net(net::Effect { connection, action: Action::Close }) => format!("{connection}: give up"),
        Effect::Audio(Audio { utterance, data }) => format!("{} bytes of {utterance}", data.len()),
        Effect::Finished(utterance) => format!("{utterance} is whole"),
        Effect::Failed(failure) => format!("failed: {}", failure.message),
        other => format!("{other:?}"),
    }
}

fn says(mouth: &mut Mouth, utterance: u32, text: &str, last: bool) -> Vec<String> {
    told(mouth, Event::Speak(Piece { utterance, text: text.into(), last }))
}

fn came(mouth: &mut Mouth, connection: u32, outcome: Outcome) -> Vec<String> {
    told(mouth, Event::Net(net::Event { connection, outcome }))
}

fn closed() -> Outcome {
    Outcome::Closed(net::Closure { code: 0, reason: String::new() })
}

fn status(status: u16) -> Outcome {
    Outcome::Head(Head { status, headers: vec![] })
}

#[test]
fn pieces_are_spoken_one_after_the_other() {
    let mut mouth = open();
    told(&mut mouth, Event::Begin(Utterance { id: 7, voice: None, language: None }));
    assert_eq!(says(&mut mouth, 7, "Good morning.", false), ["1: ask for \"Good morning.\""]);
    assert_eq!(says(&mut mouth, 7, " How are you?", true), [""; 0], "the first one is not whole yet");
    came(&mut mouth, 1, status(200));
    assert_eq!(came(&mut mouth, 1, Outcome::Body(vec![0; 80])), ["80 bytes of 7"]);
    assert_eq!(came(&mut mouth, 1, closed()), ["2: ask for \" How are you?\""]);
    assert_eq!(came(&mut mouth, 2, closed()), ["7 is whole"]);
}

#[test]
fn what_is_cancelled_is_given_up_and_the_next_goes_on() {
    let mut mouth = open();
    says(&mut mouth, 1, "One.", true);
    says(&mut mouth, 2, "Two.", true);
    assert_eq!(told(&mut mouth, Event::Cancel(1)), ["1: give up", "2: ask for \"Two.\""]);
    assert_eq!(came(&mut mouth, 1, Outcome::Body(vec![0; 80])), [""; 0], "it is not wanted any more");
}

#[test]
fn what_cannot_be_spoken_is_not_asked_for() {
    let mut mouth = open();
    assert_eq!(says(&mut mouth, 1, " ... ", true), ["1 is whole"]);
}

#[test]
fn a_refusal_is_told_in_the_words_of_the_server() {
    let mut mouth = open();
    says(&mut mouth, 1, "One.", true);
    came(&mut mouth, 1, status(404));
    came(&mut mouth, 1, Outcome::Body(br#"{"error": "no such voice"}"#.to_vec()));
    assert_eq!(came(&mut mouth, 1, closed()), ["failed: status 404: no such voice"]);
}
