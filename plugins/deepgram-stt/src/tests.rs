//! Frames as the vendor sends them, and what becomes of them.

use super::*;
use plugin::AudioFormat;
use plugin::net::{Closure, Fault};
use std::slice::from_ref;

fn opened(turns: bool, finalize_after_ms: u32) -> Deepgram {
    let settings = serde_json::json!({
        "base_url": "https://api.deepgram.com", "model": "nova-3", "endpointing_ms": 300,
        "finalize_after_ms": finalize_after_ms, "turns": turns, "utterance_end_ms": 1000,
        "smart_format": true,
    });
    Deepgram::open(Opening {
        format: AudioFormat { encoding: Encoding::Mulaw, rate: 8000 },
        language: Some("en-US".into()),
        keyterms: vec!["tomato soup".into()],
        settings: settings.to_string(),
    })
    .unwrap()
}

fn open() -> Deepgram {
    opened(false, 0)
}

/// Past its first event, with which the socket is opened.
fn listening(turns: bool, finalize_after_ms: u32) -> Deepgram {
    let mut session = opened(turns, finalize_after_ms);
    told(&mut session, Event::Audio(vec![1]));
    session
}

fn told(session: &mut Deepgram, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    session.handle(0, event, &mut effects);
    effects
}

fn came(session: &mut Deepgram, outcome: Outcome) -> Vec<Effect> {
    told(session, Event::Net(net::Event { connection: SOCKET, outcome }))
}

fn frame(session: &mut Deepgram, text: &str) -> Vec<Effect> {
    came(session, Outcome::Frame(Frame::Text(text.into())))
}

/// `start`: in seconds; 1.2 of them long.
fn results_at(start: f64, text: &str, is_final: bool, speech_final: bool) -> String {
    format!(
        r#"{{"type":"Results","channel_index":[0,1],"duration":1.2,"start":{start},"is_final":{is_final},
        "speech_final":{speech_final},"from_finalize":false,"channel":{{"alternatives":[{{
        "transcript":"{text}","confidence":0.98,"words":[{{"word":"hello","start":3.5,"end":3.8,
        "confidence":0.99,"punctuated_word":"Hello"}}]}}]}},"metadata":{{"request_id":"x"}}}}"#
    )
}

fn results(text: &str, is_final: bool, speech_final: bool) -> String {
    results_at(3.4, text, is_final, speech_final)
}

/// The words of the transcripts among these effects; a partial is in parentheses.
fn words(effects: &[Effect]) -> Vec<String> {
    let words = effects.iter().filter_map(|effect| match effect {
        Effect::Partial(transcript) => Some(format!("({})", transcript.text)),
        Effect::Final(transcript) => Some(transcript.text.clone()),
        _ => None,
    });
    words.collect()
}

#[test]
fn the_socket_is_opened_with_the_first_event_and_keeps_what_comes_with_it() {
    let mut session = open();
    let effects = told(&mut session, Event::Audio(vec![1, 2]));
    let Effect::Net(net::Effect { action: Action::Open(websocket), .. }) = &effects[0] else { panic!() };
    assert_eq!(
        websocket.url,
        "https://api.deepgram.com/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&channels=1\
         &interim_results=true&smart_format=true&endpointing=300&language=en-US&keyterm=tomato%20soup"
    );
    assert!(websocket.headers.is_empty(), "the key is the host's");
    assert!(effects.contains(&on_socket(Action::Send(Frame::Binary(vec![1, 2])))));
    assert!(told(&mut session, Event::Audio(vec![])).is_empty(), "an empty frame would close the stream");
}

#[test]
fn silence_is_bridged_by_a_timer_that_audio_moves() {
    let mut session = open();
    assert!(told(&mut session, Event::Audio(vec![1])).contains(&keep_alive()));
    assert!(told(&mut session, Event::Audio(vec![1])).contains(&keep_alive()));
    assert_eq!(told(&mut session, Event::Timer(KEEP_ALIVE)), [say("KeepAlive"), keep_alive()]);
}

#[test]
fn transcripts_say_what_was_heard_and_how_far_into_the_stream() {
    let mut session = listening(false, 0);
    let partial = frame(&mut session, &results("Hello", false, false));
    let [Effect::Partial(transcript)] = &partial[..] else { panic!("{partial:?}") };
    assert_eq!((transcript.text.as_str(), transcript.until), ("Hello", Some(4600)));
    assert_eq!((transcript.words[0].text.as_str(), transcript.words[0].end), ("Hello", 3800));
    let last = frame(&mut session, &results("Hello there", true, true));
    assert_eq!(words(&last), ["Hello there"]);
    let bill = |amount| Effect::Usage(Usage { unit: "audio-ms".into(), amount });
    assert!(last.contains(&bill(4600)), "{last:?}");
    assert_eq!(frame(&mut session, &results_at(4.6, "", true, false)), [bill(1200)]);
}

#[test]
fn the_end_of_a_turn_is_the_hosts_to_decide_unless_the_operator_wants_the_vendors() {
    let mut session = listening(false, 0);
    let started = r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":3.45}"#;
    let ended = r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":4.6}"#;
    assert_eq!(frame(&mut session, started), []);
    assert!(!frame(&mut session, &results("Hello", true, true)).contains(&Effect::TurnEnded));
    assert_eq!(frame(&mut session, ended), []);

    let mut session = opened(true, 0);
    let opening = told(&mut session, Event::Audio(vec![1]));
    let Effect::Net(net::Effect { action: Action::Open(websocket), .. }) = &opening[0] else { panic!() };
    assert!(websocket.url.contains("&vad_events=true&utterance_end_ms=1000"), "{}", websocket.url);
    assert_eq!(frame(&mut session, started), [Effect::TurnStarted]);
    let last = frame(&mut session, &results("Hello", true, true));
    assert_eq!(last.last(), Some(&Effect::TurnEnded));
    assert_eq!(frame(&mut session, ended), [], "the turn was ended already");
    frame(&mut session, &results_at(4.6, "and", true, false));
    assert_eq!(frame(&mut session, ended), [Effect::TurnEnded]);
    assert!(!frame(&mut session, &results_at(5.8, "", true, true)).contains(&Effect::TurnEnded));
}

#[test]
fn words_in_doubt_are_settled_when_the_caller_falls_silent() {
    let mut session = listening(false, 0);
    told(&mut session, Event::SpeechStarted);
    frame(&mut session, &results("my soup was", false, false));
    assert_eq!(told(&mut session, Event::SpeechEnded), [say("Finalize")]);
    let last = frame(&mut session, &results("My soup was cold.", true, false));
    assert_eq!(words(&last), ["My soup was cold."]);

    // nothing is in doubt now
    told(&mut session, Event::SpeechStarted);
    assert_eq!(told(&mut session, Event::SpeechEnded), []);
}

#[test]
fn words_that_come_behind_the_silence_are_settled_too_but_once() {
    let mut session = listening(false, 0);
    told(&mut session, Event::SpeechStarted);
    assert_eq!(told(&mut session, Event::SpeechEnded), [], "nothing was heard yet");
    let late = frame(&mut session, &results("yes", false, false));
    assert_eq!((words(&late), late.last()), (vec!["(yes)".into()], Some(&say("Finalize"))));
    let later = frame(&mut session, &results("yes well", false, false));
    assert!(!later.contains(&say("Finalize")), "a caller who goes on quietly is not cut into pieces");

    let mut session = listening(false, 0);
    told(&mut session, Event::SpeechEnded);
    told(&mut session, Event::SpeechStarted);
    let speaking = frame(&mut session, &results("and", false, false));
    assert!(!speaking.contains(&say("Finalize")), "{speaking:?}");
}

#[test]
fn the_vendor_may_be_given_time_to_settle_words_by_itself() {
    let wait = Effect::Timer(Timer { id: FINALIZE, after: 150 });
    let mut session = listening(false, 150);
    frame(&mut session, &results("my soup", false, false));
    assert_eq!(told(&mut session, Event::SpeechEnded), from_ref(&wait));
    assert_eq!(told(&mut session, Event::SpeechStarted), [Effect::CancelTimer(FINALIZE)]);
    assert_eq!(told(&mut session, Event::SpeechEnded), [wait]);
    assert_eq!(told(&mut session, Event::Timer(FINALIZE)), [say("Finalize")]);

    frame(&mut session, &results("My soup.", true, true));
    assert_eq!(told(&mut session, Event::Timer(FINALIZE)), [], "it did");
}

#[test]
fn settling_where_there_is_nothing_is_no_error() {
    let mut session = listening(false, 0);
    assert_eq!(told(&mut session, Event::Finalize), [say("Finalize")]);
    let flushed = results("", true, false).replace(r#""from_finalize":false"#, r#""from_finalize":true"#);
    let effects = frame(&mut session, &flushed);
    assert!(matches!(&effects[..], [Effect::Usage(_)]), "{effects:?}");
}

#[test]
fn words_that_were_none_after_all_are_withdrawn() {
    let mut session = listening(false, 0);
    frame(&mut session, &results("a", false, false));
    assert_eq!(words(&frame(&mut session, &results("", true, false))), ["()"]);
    assert_eq!(words(&frame(&mut session, &results_at(4.6, "", true, false))), [""; 0]);
}

#[test]
fn a_final_that_comes_twice_counts_once() {
    let mut session = listening(false, 0);
    assert_eq!(words(&frame(&mut session, &results("Hello", true, true))), ["Hello"]);
    frame(&mut session, &results_at(4.6, "there", false, false));
    assert_eq!(frame(&mut session, &results("Hello", true, false)), []);
    assert_eq!(told(&mut session, Event::SpeechEnded), [say("Finalize")], "what came since is in doubt");
    assert_eq!(words(&frame(&mut session, &results_at(4.6, "Hello", true, false))), ["Hello"]);

    // a server that does not say where they lie says nothing about whether they are the same
    let nowhere = results_at(0.0, "Hello", true, false).replace("1.2", "0.0");
    for _ in 0..2 {
        assert_eq!(words(&frame(&mut session, &nowhere)), ["Hello"]);
    }
}

#[test]
fn the_end_is_asked_for_and_waited_for() {
    let mut session = open();
    assert!(told(&mut session, Event::Finish).contains(&say("CloseStream")));
    frame(&mut session, r#"{"type":"Metadata","duration":12.3}"#);
    let closed = Outcome::Closed(Closure { code: 1000, reason: String::new() });
    assert_eq!(came(&mut session, closed), [Effect::Finished]);
}

#[test]
fn what_fails_says_why() {
    let fails = |outcome| match &came(&mut open(), outcome)[..] {
        [.., Effect::Failed(failure)] => (failure.cause, failure.message.clone()),
        other => panic!("{other:?}"),
    };
    let refused = |code, reason: &str| {
        let header = plugin::Header { name: "dg-error".into(), value: reason.into() };
        let message = "refused".into();
        Outcome::Failed(net::Failure { fault: Fault::Refused, code, message, headers: vec![header] })
    };
    assert_eq!(fails(refused(401, "no such key")), (Cause::Denied, "no stream: 401 no such key".into()));
    assert_eq!(fails(refused(429, "slow down")).0, Cause::Busy);
    assert_eq!(fails(refused(400, "bad model")).0, Cause::Misconfigured);
    let closed = |code, reason: &str| Outcome::Closed(Closure { code, reason: reason.into() });
    assert_eq!(fails(closed(1011, "NET-0001")).0, Cause::Unreachable);
    assert_eq!(fails(closed(1008, "DATA-0000")).0, Cause::Garbled);
    assert_eq!(fails(Outcome::Frame(Frame::Text("<html>".into()))).0, Cause::Garbled);
}

#[test]
fn what_it_does_not_know_changes_nothing() {
    let mut session = open();
    told(&mut session, Event::SpeechStarted);
    for text in [r#"{"type":"Surprise","x":1}"#, r#"{"type":"Error","description":"SchemaError"}"#] {
        assert_eq!(frame(&mut session, text), []);
    }
}
