//! Frames as the vendor sends them, and what becomes of them.

use super::*;
use plugin::AudioFormat;
use plugin::net::{Closure, Fault};

fn open() -> Deepgram {
    let settings = r#"{"base_url":"https://api.deepgram.com","model":"nova-3","endpointing_ms":300,
        "utterance_end_ms":1000,"smart_format":true}"#;
    Deepgram::open(Opening {
        format: AudioFormat { encoding: Encoding::Mulaw, rate: 8000 },
        language: Some("en-US".into()),
        keyterms: vec!["tomato soup".into()],
        settings: settings.into(),
    })
    .unwrap()
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

fn results(text: &str, is_final: bool, speech_final: bool) -> String {
    format!(
        r#"{{"type":"Results","channel_index":[0,1],"duration":1.2,"start":3.4,"is_final":{is_final},
        "speech_final":{speech_final},"from_finalize":false,"channel":{{"alternatives":[{{
        "transcript":"{text}","confidence":0.98,"words":[{{"word":"hello","start":3.5,"end":3.8,
        "confidence":0.99,"punctuated_word":"Hello"}}]}}]}},"metadata":{{"request_id":"x"}}}}"#
    )
}

#[test]
fn the_socket_is_opened_with_the_first_event_and_keeps_what_comes_with_it() {
    let mut session = open();
    let effects = told(&mut session, Event::Audio(vec![1, 2]));
    let Effect::Net(net::Effect { action: Action::Open(websocket), .. }) = &effects[0] else { panic!() };
    assert_eq!(
        websocket.url,
        "https://api.deepgram.com/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&channels=1\
         &interim_results=true&vad_events=true&smart_format=true&endpointing=300&utterance_end_ms=1000\
         &language=en-US&keyterm=tomato%20soup"
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
fn transcripts_and_the_end_of_a_turn() {
    let mut session = open();
    told(&mut session, Event::SpeechStarted);
    assert_eq!(
        frame(&mut session, r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":3.45}"#),
        [Effect::TurnStarted]
    );
    let partial = frame(&mut session, &results("Hello", false, false));
    let [Effect::Partial(transcript)] = &partial[..] else { panic!("{partial:?}") };
    assert_eq!((transcript.text.as_str(), transcript.until), ("Hello", Some(4600)));
    assert_eq!((transcript.words[0].text.as_str(), transcript.words[0].end), ("Hello", 3800));
    let last = frame(&mut session, &results("Hello there", true, true));
    assert!(matches!(&last[..], [Effect::Final(_), Effect::Usage(_), Effect::TurnEnded]), "{last:?}");
    let end = r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":4.6}"#;
    assert_eq!(frame(&mut session, end), [], "the turn was ended already");
    frame(&mut session, &results("and", true, false));
    assert_eq!(frame(&mut session, end), [Effect::TurnEnded]);
    assert_eq!(frame(&mut session, &results("", true, true)).len(), 1, "only the bill");
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
