//! What the caller says, responses as servers give them, and what becomes of both.

use super::*;
use plugin::AudioFormat;
use plugin::net::{Closure, Fault, Head};

fn opening() -> Opening {
    Opening {
        format: AudioFormat { encoding: Encoding::Pcm16, rate: 16000 },
        language: Some("en-US".into()),
        keyterms: vec!["tomato soup".into(), "gazpacho".into()],
        settings: r#"{"base_url":"http://127.0.0.1:9/x/v1/","model":"whisper-1"}"#.into(),
    }
}

fn open() -> Transcriber {
    Transcriber::open(opening()).unwrap()
}

fn told(session: &mut Transcriber, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    session.handle(0, event, &mut effects);
    effects
}

/// Somebody says something for so long; what follows from its end.
fn said(session: &mut Transcriber, milliseconds: usize) -> Vec<Effect> {
    assert_eq!(told(session, Event::SpeechStarted), []);
    assert_eq!(told(session, Event::Audio(vec![1; milliseconds * 32])), []);
    told(session, Event::SpeechEnded)
}

fn came(session: &mut Transcriber, connection: u32, outcome: Outcome) -> Vec<Effect> {
    told(session, Event::Net(net::Event { connection, outcome }))
}

/// A whole response, in pieces; what follows from its end.
fn answered(session: &mut Transcriber, connection: u32, status: u16, body: &str) -> Vec<Effect> {
    let headers = vec![Header { name: "Retry-After".into(), value: "2".into() }];
    assert_eq!(came(session, connection, Outcome::Head(Head { status, headers })), []);
    for piece in body.as_bytes().chunks(9) {
        assert_eq!(came(session, connection, Outcome::Body(piece.to_vec())), []);
    }
    came(session, connection, Outcome::Closed(Closure { code: 0, reason: String::new() }))
}

fn text(text: &str) -> String {
    serde_json::json!({ "text": text, "usage": { "type": "duration", "seconds": 1 } }).to_string()
}

fn failed(fault: Fault) -> Outcome {
    Outcome::Failed(net::Failure { fault, code: 0, message: "it went".into(), headers: vec![] })
}

/// The connections of the requests among these effects.
fn asked(effects: &[Effect]) -> Vec<u32> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Net(net::Effect { connection, action: Action::Request(_) }) => Some(*connection),
        _ => None,
    });
    asked.collect()
}

fn finals(effects: &[Effect]) -> Vec<&str> {
    let finals = effects.iter().filter_map(|effect| match effect {
        Effect::Final(transcript) => Some(transcript.text.as_str()),
        _ => None,
    });
    finals.collect()
}

fn failure(effects: &[Effect]) -> (Cause, &str) {
    match effects {
        [.., Effect::Failed(failure)] => (failure.cause, failure.message.as_str()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_utterance_is_a_file_with_what_helps_to_understand_it_and_no_key() {
    let mut session = open();
    told(&mut session, Event::Audio(vec![0; 100 * 32]));
    let effects = said(&mut session, 900);
    let [Effect::Net(net::Effect { action: Action::Request(request), .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, "http://127.0.0.1:9/x/v1/audio/transcriptions");
    let kind = Header { name: "content-type".into(), value: form::CONTENT_TYPE.into() };
    assert_eq!(request.headers, [kind]);
    let body = String::from_utf8_lossy(&request.body);
    for field in [
        "name=\"model\"\r\n\r\nwhisper-1\r\n",
        "name=\"language\"\r\n\r\nen\r\n",
        "name=\"prompt\"\r\n\r\ntomato soup, gazpacho\r\n",
        "name=\"response_format\"\r\n\r\njson\r\n",
        "name=\"file\"; filename=\"audio.wav\"",
    ] {
        assert!(body.contains(field), "{field}");
    }
    let samples = [vec![0; 100 * 32], vec![1; 900 * 32]].concat();
    assert!(request.body.windows(samples.len()).any(|window| window == samples), "from before the edge on");
}

#[test]
fn an_answer_is_final_and_says_how_far_it_reaches() {
    let mut session = open();
    told(&mut session, Event::Audio(vec![0; 2000 * 32]));
    assert_eq!(asked(&said(&mut session, 1000)), [1]);
    let effects = answered(&mut session, 1, 200, &text(" My soup was cold.\n"));
    let transcript =
        Transcript { text: "My soup was cold.".into(), confidence: 1.0, words: vec![], until: Some(3000) };
    let usage = Usage { unit: "audio-ms".into(), amount: 1500 };
    assert_eq!(effects, [Effect::Usage(usage), Effect::Final(transcript)]);
}

#[test]
fn an_empty_answer_is_no_words() {
    let mut session = open();
    said(&mut session, 300);
    assert_eq!(finals(&answered(&mut session, 1, 200, &text("  "))), [""; 0]);
}

#[test]
fn finals_come_in_the_order_in_which_the_words_were_said() {
    let mut session = open();
    assert_eq!(asked(&said(&mut session, 500)), [1]);
    assert_eq!(asked(&said(&mut session, 500)), [2]);
    assert_eq!(asked(&said(&mut session, 500)), [0; 0], "two at once");
    assert_eq!(answered(&mut session, 2, 200, &text("was cold.")), []);
    let effects = answered(&mut session, 1, 200, &text("My soup"));
    assert_eq!(finals(&effects), ["My soup", "was cold."]);
    assert_eq!(asked(&effects), [3]);
    assert_eq!(finals(&answered(&mut session, 3, 200, &text("Really."))), ["Really."]);
}

#[test]
fn somebody_who_does_not_stop_is_transcribed_in_parts() {
    let mut session = open();
    told(&mut session, Event::SpeechStarted);
    let heard = |session: &mut Transcriber| told(session, Event::Audio(vec![1; 40 * 32]));
    let effects: Vec<Effect> = (0..750).flat_map(|_| heard(&mut session)).collect();
    assert_eq!(asked(&effects), [1], "after half a minute");
    assert_eq!(heard(&mut session), []);
    assert_eq!(heard(&mut session), []);
    assert_eq!(heard(&mut session), []);
    assert_eq!(asked(&told(&mut session, Event::SpeechEnded)), [2]);
}

#[test]
fn what_was_said_so_far_can_be_asked_for() {
    let mut session = open();
    assert_eq!(told(&mut session, Event::Finalize), [], "nobody speaks");
    told(&mut session, Event::SpeechStarted);
    told(&mut session, Event::Audio(vec![1; 500 * 32]));
    assert_eq!(asked(&told(&mut session, Event::Finalize)), [1]);
    told(&mut session, Event::Audio(vec![1; 500 * 32]));
    assert_eq!(asked(&told(&mut session, Event::SpeechEnded)), [2]);
}

#[test]
fn the_end_waits_for_what_is_not_answered_yet() {
    let mut session = open();
    said(&mut session, 500);
    told(&mut session, Event::SpeechStarted);
    told(&mut session, Event::Audio(vec![1; 500 * 32]));
    assert_eq!(asked(&told(&mut session, Event::Finish)), [2]);
    let effects = answered(&mut session, 1, 200, &text("Good"));
    assert!(!effects.contains(&Effect::Finished), "{effects:?}");
    let effects = answered(&mut session, 2, 200, &text("bye."));
    assert_eq!((finals(&effects), effects.last()), (vec!["bye."], Some(&Effect::Finished)));

    assert_eq!(told(&mut open(), Event::Finish), [Effect::Finished]);
}

#[test]
fn what_to_listen_for_may_change() {
    let mut session = open();
    let tuning = Tuning { language: Some("de-DE".into()), keyterms: Some(vec!["Suppe".into()]) };
    assert_eq!(told(&mut session, Event::Retune(tuning)), []);
    let effects = said(&mut session, 500);
    let [Effect::Net(net::Effect { action: Action::Request(request), .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    let body = String::from_utf8_lossy(&request.body);
    assert!(body.contains("\r\n\r\nde\r\n") && body.contains("\r\n\r\nSuppe\r\n"));
}

#[test]
fn a_server_that_stumbles_is_asked_once_more_for_the_same_words() {
    let rest = |id| [Effect::Timer(Timer { id, after: REST })];
    let mut session = open();
    said(&mut session, 500);
    assert_eq!(answered(&mut session, 1, 503, "<html>"), rest(1));
    assert_eq!(asked(&said(&mut session, 500)), [2], "the next is not held up");
    let effects = told(&mut session, Event::Timer(1));
    assert_eq!(asked(&effects), [1]);
    assert_eq!(finals(&answered(&mut session, 1, 200, &text("Hello."))), ["Hello."]);

    // a connection that breaks is the same to it, and twice is too often
    assert_eq!(came(&mut session, 2, failed(Fault::Unreachable)), rest(2));
    told(&mut session, Event::Timer(2));
    let effects = answered(&mut session, 2, 500, "");
    assert_eq!(failure(&effects).0, Cause::Unreachable);
}

#[test]
fn refusals_say_what_the_vendor_said_and_when_to_come_back() {
    let refused = |status, body: &str| {
        let mut session = open();
        said(&mut session, 500);
        let effects = answered(&mut session, 1, status, body);
        let [Effect::Failed(failure)] = &effects[..] else { panic!("{effects:?}") };
        failure.clone()
    };
    let denied = refused(401, r#"{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}"#);
    assert_eq!((denied.cause, denied.message.as_str()), (Cause::Denied, "status 401: Incorrect API key"));
    let busy = refused(429, "slow");
    assert_eq!((busy.cause, busy.retry_after), (Cause::Busy, Some(2000)));
    assert_eq!(refused(400, r#"{"error":"no such model"}"#).cause, Cause::Misconfigured);

    let mut session = open();
    said(&mut session, 500);
    let effects = came(&mut session, 1, failed(Fault::Timeout));
    assert_eq!(failure(&effects), (Cause::Unreachable, "it went"), "it was waited for long enough");
}

#[test]
fn a_failure_waits_for_the_words_before_it() {
    let mut session = open();
    said(&mut session, 500);
    said(&mut session, 500);
    assert_eq!(answered(&mut session, 2, 401, ""), []);
    let effects = answered(&mut session, 1, 200, &text("Hello."));
    assert_eq!(finals(&effects), ["Hello."]);
    assert_eq!(failure(&effects).0, Cause::Denied);
}

#[test]
fn what_is_no_transcription_fails() {
    for body in ["<html>", r#"{"txt":"?"}"#, ""] {
        let mut session = open();
        said(&mut session, 500);
        assert_eq!(failure(&answered(&mut session, 1, 200, body)).0, Cause::Garbled, "{body:?}");
    }
    let mut session = open();
    said(&mut session, 500);
    let effects = came(&mut session, 1, Outcome::Body(vec![b' '; 100_000]));
    assert!(matches!(&effects[0], Effect::Net(net::Effect { action: Action::Close, .. })), "{effects:?}");
    assert_eq!(failure(&effects).0, Cause::Garbled);
}

#[test]
fn a_server_that_falls_far_behind_is_given_up() {
    let mut session = open();
    for _ in 0..6 {
        let effects = said(&mut session, 500);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Failed(_))), "{effects:?}");
    }
    assert_eq!(failure(&said(&mut session, 500)).0, Cause::Busy);
}

#[test]
fn other_encodings_are_refused() {
    let format = AudioFormat { encoding: Encoding::Mulaw, rate: 8000 };
    assert_eq!(Transcriber::open(Opening { format, ..opening() }).err().unwrap().cause, Cause::Unsupported);
}
