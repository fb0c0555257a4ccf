//! Responses as the vendor gives them, and what becomes of them.

use super::*;
use plugin::AudioFormat;
use plugin::net::{Closure, Fault, Head};
use serde_json::Value;

const FORMAT: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate: RATE };

fn opening(change: Value) -> Opening {
    let mut settings = json!({ "base_url": "http://127.0.0.1:9/x/v1/", "model": "m", "voice": "alloy",
        "speed": 1.0, "instructions": "" });
    settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    Opening { format: FORMAT, language: Some("en-US".into()), voice: None, settings: settings.to_string() }
}

fn open() -> Speech {
    Speech::open(opening(json!({}))).unwrap()
}

fn told(session: &mut Speech, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    session.handle(0, event, &mut effects);
    effects
}

fn begin(session: &mut Speech, id: u32) {
    assert_eq!(told(session, Event::Begin(Utterance { id, voice: None, language: None })), []);
}

fn speak(session: &mut Speech, utterance: u32, text: &str, last: bool) -> Vec<Effect> {
    told(session, Event::Speak(Piece { utterance, text: text.into(), last }))
}

fn came(session: &mut Speech, connection: u32, outcome: Outcome) -> Vec<Effect> {
    told(session, Event::Net(net::Event { connection, outcome }))
}

fn head(session: &mut Speech, connection: u32, status: u16, header: (&str, &str)) -> Vec<Effect> {
    let headers = vec![Header { name: header.0.into(), value: header.1.into() }];
    came(session, connection, Outcome::Head(Head { status, headers }))
}

fn body(session: &mut Speech, connection: u32, data: &[u8]) -> Vec<Effect> {
    came(session, connection, Outcome::Body(data.to_vec()))
}

fn closed(session: &mut Speech, connection: u32) -> Vec<Effect> {
    came(session, connection, Outcome::Closed(Closure { code: 0, reason: String::new() }))
}

/// The connection and the input of each request.
fn asked(effects: &[Effect]) -> Vec<(u32, String)> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Net(net::Effect { connection, action: Action::Request(request) }) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            Some((*connection, body["input"].as_str().unwrap().to_owned()))
        }
        _ => None,
    });
    asked.collect()
}

fn audio(utterance: u32, data: &[u8]) -> Effect {
    Effect::Audio(Audio { utterance, data: data.to_vec() })
}

fn failure(effects: &[Effect]) -> (Cause, &str) {
    match effects {
        [.., Effect::Failed(failure)] => (failure.cause, failure.message.as_str()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_piece_is_a_request_for_samples_that_holds_no_key() {
    let mut session = open();
    begin(&mut session, 1);
    let effects = speak(&mut session, 1, "Good evening. ", false);
    let [Effect::Net(net::Effect { action: Action::Request(request), .. }), usage] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "http://127.0.0.1:9/x/v1/audio/speech")
    );
    assert!(request.headers.iter().all(|h| h.name != "authorization"));
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    let expected =
        json!({ "model": "m", "voice": "alloy", "input": "Good evening. ", "response_format": "pcm" });
    assert_eq!(sent, expected);
    assert_eq!(*usage, Effect::Usage(Usage { unit: "characters".into(), amount: 14 }));
}

#[test]
fn pace_instructions_and_voice_are_sent_where_they_are_set() {
    let mut opening = opening(json!({ "speed": 1.5, "instructions": "Be calm." }));
    opening.voice = Some("of-the-route".into());
    let mut session = Speech::open(opening).unwrap();
    let mut sent = |id, voice: Option<&str>| -> Value {
        let voice = voice.map(str::to_owned);
        told(&mut session, Event::Begin(Utterance { id, voice, language: None }));
        let effects = speak(&mut session, id, "Hi.", true);
        let Effect::Net(net::Effect { action: Action::Request(request), .. }) = &effects[0] else { panic!() };
        serde_json::from_slice(&request.body).unwrap()
    };
    let first = sent(1, None);
    assert_eq!((&first["speed"], &first["instructions"]), (&json!(1.5), &json!("Be calm.")));
    assert_eq!(first["voice"], "of-the-route");
    assert_eq!(sent(2, Some("another"))["voice"], "another");
}

#[test]
fn a_body_is_audio_wherever_its_pieces_end() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    assert_eq!(head(&mut session, 1, 200, ("content-type", "audio/pcm")), []);
    assert_eq!(body(&mut session, 1, &[1, 2, 3]), [audio(1, &[1, 2])]);
    assert_eq!(body(&mut session, 1, &[4]), [audio(1, &[3, 4])]);
    assert_eq!(body(&mut session, 1, &[5]), []);
    assert_eq!(closed(&mut session, 1), [Effect::Finished(1)]);
}

#[test]
fn the_next_piece_is_asked_for_early_and_its_audio_waits_for_its_turn() {
    let mut session = open();
    begin(&mut session, 1);
    assert_eq!(asked(&speak(&mut session, 1, "One. ", false)), [(1, "One. ".into())]);
    assert_eq!(asked(&speak(&mut session, 1, "Two. ", false)), [(2, "Two. ".into())]);
    assert_eq!(asked(&speak(&mut session, 1, "Three.", true)), [], "two at once");
    assert_eq!(body(&mut session, 2, &[2, 2]), []);
    assert_eq!(body(&mut session, 1, &[1, 1]), [audio(1, &[1, 1])]);
    assert_eq!(closed(&mut session, 2), [], "the first still comes");
    let effects = closed(&mut session, 1);
    assert_eq!(effects[0], audio(1, &[2, 2]));
    assert_eq!(asked(&effects), [(3, "Three.".into())]);
    assert_eq!(body(&mut session, 3, &[3, 3]), [audio(1, &[3, 3])]);
    assert_eq!(closed(&mut session, 3), [Effect::Finished(1)]);
}

#[test]
fn utterances_are_spoken_in_their_order() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "One.", true);
    begin(&mut session, 2);
    assert_eq!(asked(&speak(&mut session, 2, "Two.", true)), [(2, "Two.".into())]);
    assert_eq!(body(&mut session, 2, &[2, 2]), []);
    closed(&mut session, 2);
    let effects = closed(&mut session, 1);
    assert_eq!(effects, [Effect::Finished(1), audio(2, &[2, 2]), Effect::Finished(2)]);
}

#[test]
fn blank_pieces_make_no_request() {
    let mut session = open();
    begin(&mut session, 1);
    assert_eq!(speak(&mut session, 1, " ", false), []);
    assert_eq!(speak(&mut session, 1, "", true), [Effect::Finished(1)]);

    begin(&mut session, 2);
    speak(&mut session, 2, "Hello.", false);
    assert_eq!(speak(&mut session, 2, "", true), []);
    assert_eq!(closed(&mut session, 1), [Effect::Finished(2)]);
}

#[test]
fn a_cancelled_utterance_ends_its_requests_and_makes_room_for_the_next() {
    let mut session = open();
    begin(&mut session, 1);
    for text in ["One. ", "Two. ", "Three. "] {
        speak(&mut session, 1, text, false);
    }
    let effects = told(&mut session, Event::Cancel(1));
    assert_eq!(effects, [give_up(1), give_up(2)], "the third was not asked for");
    assert_eq!(speak(&mut session, 1, "Four.", true), [], "nor is what comes late");
    begin(&mut session, 2);
    let effects = speak(&mut session, 2, "Yes.", true);
    assert_eq!(asked(&effects), [(3, "Yes.".into())], "the old connections take their time to end");
    assert_eq!(body(&mut session, 1, &[9, 9]), []);
    let cancelled =
        net::Failure { fault: Fault::Cancelled, code: 0, message: "given up".into(), headers: vec![] };
    assert_eq!(came(&mut session, 2, Outcome::Failed(cancelled)), []);
    assert_eq!(body(&mut session, 3, &[3, 3]), [audio(2, &[3, 3])]);
    assert_eq!(closed(&mut session, 3), [Effect::Finished(2)]);
}

#[test]
fn refusals_say_what_the_vendor_said() {
    let refused = |status, header, said: &[u8]| {
        let mut session = open();
        begin(&mut session, 1);
        speak(&mut session, 1, "Hello.", true);
        assert_eq!(head(&mut session, 1, status, header), []);
        assert_eq!(body(&mut session, 1, said), []);
        let effects = closed(&mut session, 1);
        let [Effect::Failed(failure)] = &effects[..] else { panic!("{effects:?}") };
        failure.clone()
    };
    let json = ("content-type", "application/json");
    let denied = refused(401, json, br#"{"error":{"message":"Incorrect API key","code":"x"}}"#);
    assert_eq!((denied.cause, denied.message.as_str()), (Cause::Denied, "status 401: Incorrect API key"));
    let busy = refused(429, ("retry-after", "2"), b"slow");
    assert_eq!((busy.cause, busy.retry_after), (Cause::Busy, Some(2000)));
    assert_eq!(refused(400, json, br#"{"error":"no such voice"}"#).cause, Cause::Misconfigured);
    assert_eq!(refused(500, json, b"<html>").cause, Cause::Unreachable);
}

#[test]
fn the_failure_of_a_piece_waits_until_what_is_before_it_was_given() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "One. ", false);
    speak(&mut session, 1, "Two.", true);
    let lost =
        net::Failure { fault: Fault::Unreachable, code: 0, message: "it went".into(), headers: vec![] };
    assert_eq!(came(&mut session, 2, Outcome::Failed(lost)), []);
    assert_eq!(body(&mut session, 1, &[1, 1]), [audio(1, &[1, 1])]);
    assert_eq!(failure(&closed(&mut session, 1)), (Cause::Unreachable, "it went"));
}

#[test]
fn what_is_not_samples_is_not_played() {
    for kind in ["audio/mpeg", "audio/x-wav", "text/html; charset=utf-8", "application/json"] {
        let mut session = open();
        begin(&mut session, 1);
        speak(&mut session, 1, "Hello.", true);
        let effects = head(&mut session, 1, 200, ("Content-Type", kind));
        assert_eq!(effects[0], give_up(1), "{kind}");
        assert_eq!(failure(&effects).0, Cause::Garbled, "{kind}");
        assert_eq!(body(&mut session, 1, &[1, 2]), []);
    }
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    assert_eq!(head(&mut session, 1, 200, ("content-type", "application/octet-stream")), []);
    assert_eq!(body(&mut session, 1, &[1, 2]), [audio(1, &[1, 2])]);
}

#[test]
fn what_waits_for_its_turn_has_its_bounds() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "One. ", false);
    speak(&mut session, 1, "Two.", true);
    let minute = vec![0; 60 * 24_000 * 2];
    assert_eq!(body(&mut session, 2, &minute), []);
    assert_eq!(body(&mut session, 2, &[0, 0]), [give_up(2)]);
    let effects = closed(&mut session, 1);
    assert!(matches!(&effects[..], [Effect::Failed(failure)] if failure.cause == Cause::Garbled));
}

#[test]
fn other_formats_are_refused() {
    for (encoding, rate) in [(Encoding::Mulaw, 8000), (Encoding::Pcm16, 16000)] {
        let opening = Opening { format: AudioFormat { encoding, rate }, ..opening(json!({})) };
        assert_eq!(Speech::open(opening).err().unwrap().cause, Cause::Unsupported);
    }
}
