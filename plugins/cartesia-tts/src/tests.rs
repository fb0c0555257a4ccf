//! Frames as the vendor sends them, and what becomes of them.

use super::*;
use plugin::AudioFormat;
use plugin::net::{Closure, Fault};
use serde_json::{Value, json};

const MULAW: AudioFormat = AudioFormat { encoding: Encoding::Mulaw, rate: 8000 };

fn settings(change: Value) -> String {
    let mut settings = json!({
        "base_url": "https://api.cartesia.ai", "version": "2026-03-01", "voice": "kind-voice",
        "model": "sonic-3", "max_buffer_delay_ms": 0, "speed": 1.0, "volume": 1, "emotion": "",
    });
    settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    settings.to_string()
}

fn opened(format: AudioFormat, voice: Option<&str>, change: Value) -> Result<Cartesia, Failure> {
    Cartesia::open(Opening {
        format,
        language: Some("en-US".into()),
        voice: voice.map(str::to_owned),
        settings: settings(change),
    })
}

/// A session whose socket is open.
fn open() -> Cartesia {
    let mut session = opened(MULAW, None, json!({})).unwrap();
    told(&mut session, Event::Prepare);
    came(&mut session, Outcome::Opened);
    session
}

fn told(session: &mut Cartesia, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    session.handle(0, event, &mut effects);
    effects
}

fn came(session: &mut Cartesia, outcome: Outcome) -> Vec<Effect> {
    told(session, Event::Net(net::Event { connection: SOCKET, outcome }))
}

fn begin(session: &mut Cartesia, id: u32) -> Vec<Effect> {
    told(session, Event::Begin(Begun { id, voice: None, language: None }))
}

fn speak(session: &mut Cartesia, utterance: u32, text: &str, last: bool) -> Vec<Effect> {
    told(session, Event::Speak(Piece { utterance, text: text.into(), last }))
}

fn frame(session: &mut Cartesia, frame: Value) -> Vec<Effect> {
    came(session, Outcome::Frame(Frame::Text(frame.to_string())))
}

fn chunk(session: &mut Cartesia, context: &str, data: &[u8]) -> Vec<Effect> {
    let data = STANDARD.encode(data);
    let chunk = json!({ "type": "chunk", "context_id": context, "data": data, "done": false,
        "status_code": 206, "step_time": 42.0, "flush_id": 1 });
    frame(session, chunk)
}

fn done(session: &mut Cartesia, context: &str) -> Vec<Effect> {
    frame(session, json!({ "type": "done", "context_id": context, "done": true, "status_code": 206 }))
}

fn closed(session: &mut Cartesia, code: u16, reason: &str) -> Vec<Effect> {
    came(session, Outcome::Closed(Closure { code, reason: reason.into() }))
}

/// What was sent on the socket.
fn sent(effects: &[Effect]) -> Vec<Value> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Net(net::Effect { action: Action::Send(Frame::Text(text)), .. }) => {
            Some(serde_json::from_str(text).unwrap())
        }
        _ => None,
    });
    sent.collect()
}

/// Context, text, and whether more may follow, of each input that was sent.
fn inputs(effects: &[Effect]) -> Vec<(String, String, bool)> {
    let text = |input: &Value, field: &str| input[field].as_str().unwrap().to_owned();
    let input = |input: &Value| {
        (text(input, "context_id"), text(input, "transcript"), input["continue"].as_bool().unwrap())
    };
    sent(effects).iter().map(input).collect()
}

fn input(context: &str, text: &str, more: bool) -> (String, String, bool) {
    (context.into(), text.into(), more)
}

fn opens(effects: &[Effect]) -> bool {
    effects.iter().any(|e| matches!(e, Effect::Net(net::Effect { action: Action::Open(_), .. })))
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
fn the_socket_is_opened_when_the_caller_begins_to_speak_and_serves_the_whole_call() {
    let mut session = opened(MULAW, None, json!({ "base_url": "http://127.0.0.1:9/x/" })).unwrap();
    let effects = told(&mut session, Event::Prepare);
    let [Effect::Net(net::Effect { action: Action::Open(socket), .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(socket.url, "http://127.0.0.1:9/x/tts/websocket");
    let version = Header { name: "cartesia-version".into(), value: "2026-03-01".into() };
    assert_eq!(socket.headers, [version], "the key is the host's");
    assert_eq!(told(&mut session, Event::Prepare), []);
    assert_eq!(begin(&mut session, 1), []);

    let mut unprepared = opened(MULAW, None, json!({})).unwrap();
    assert!(opens(&begin(&mut unprepared, 1)));
}

#[test]
fn an_utterance_is_one_context_whose_pieces_keep_their_spaces() {
    let mut session = open();
    begin(&mut session, 7);
    let first = speak(&mut session, 7, "I am sorry, ", false);
    let expected = json!({
        "model_id": "sonic-3",
        "voice": { "mode": "id", "id": "kind-voice" },
        "language": "en",
        "output_format": { "container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000 },
        "add_timestamps": true,
        "max_buffer_delay_ms": 0,
        "context_id": "u7.1",
        "transcript": "I am sorry, ",
        "continue": true,
    });
    assert_eq!(sent(&first), [expected]);
    assert_eq!(inputs(&speak(&mut session, 7, "truly. ", false)), [input("u7.1", "truly. ", true)]);
    assert_eq!(inputs(&speak(&mut session, 7, "", true)), [input("u7.1", "", false)]);
}

#[test]
fn what_is_spoken_is_counted_in_characters() {
    let mut session = open();
    begin(&mut session, 1);
    let effects = speak(&mut session, 1, "Grüß Gott", true);
    assert!(effects.contains(&Effect::Usage(Usage { unit: "characters".into(), amount: 9 })), "{effects:?}");
}

#[test]
fn audio_and_words_come_as_they_come_and_the_end_when_the_vendor_is_done() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello there.", true);
    assert_eq!(chunk(&mut session, "u1.1", &[1, 2, 3]), [audio(1, &[1, 2, 3])]);
    let times = json!({ "words": ["Hello", "there"], "start": [0.0, 0.4], "end": [0.38, 0.8] });
    let words = frame(
        &mut session,
        json!({ "type": "timestamps", "context_id": "u1.1", "word_timestamps": times, "done": false }),
    );
    let word = |text: &str, start, end| {
        Effect::Timing(Timing { utterance: 1, word: Word { text: text.into(), start, end } })
    };
    assert_eq!(words, [word("Hello", 0, 380), word("there", 400, 800)]);
    assert_eq!(frame(&mut session, json!({ "type": "flush_done", "context_id": "u1.1", "flush_id": 1 })), []);
    assert_eq!(chunk(&mut session, "u1.1", &[4]), [audio(1, &[4])]);
    assert_eq!(done(&mut session, "u1.1"), [Effect::Finished(1)]);
    assert_eq!(done(&mut session, "u1.1"), [], "once");
}

#[test]
fn the_next_utterance_is_spoken_while_audio_of_the_first_still_comes() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "One moment.", true);
    begin(&mut session, 2);
    assert_eq!(inputs(&speak(&mut session, 2, "Here it is. ", false)), [input("u2.2", "Here it is. ", true)]);
    assert_eq!(chunk(&mut session, "u1.1", &[1]), [audio(1, &[1])], "the pause of the second goes on");
    assert_eq!(chunk(&mut session, "u2.2", &[2]), [pause(), audio(2, &[2])]);
    assert_eq!(done(&mut session, "u1.1"), [Effect::Finished(1)]);
    speak(&mut session, 2, "", true);
    assert_eq!(done(&mut session, "u2.2"), [Effect::Finished(2)]);
}

#[test]
fn a_long_pause_within_an_utterance_is_bridged_by_a_second_context() {
    let mut session = open();
    begin(&mut session, 1);
    let effects = speak(&mut session, 1, "Let me look. ", false);
    assert!(effects.contains(&pause()), "{effects:?}");
    assert_eq!(chunk(&mut session, "u1.1", &[0xFF; 4000]), [pause(), audio(1, &[0xFF; 4000])]);
    assert_eq!(inputs(&told(&mut session, Event::Timer(PAUSE))), [input("u1.1", "", false)]);
    assert_eq!(inputs(&speak(&mut session, 1, "Your table ", false)), [], "the first must be done first");
    let next = done(&mut session, "u1.1");
    assert_eq!(inputs(&next), [input("u1.2", "Your table ", true)]);
    assert!(next.contains(&pause()) && !next.contains(&Effect::Finished(1)), "{next:?}");
    assert_eq!(inputs(&speak(&mut session, 1, "is free.", true)), [input("u1.2", "is free.", false)]);

    // half a second of it was spoken before
    let times = json!({ "words": ["Your"], "start": [0.1], "end": [0.3] });
    let words =
        frame(&mut session, json!({ "type": "timestamps", "context_id": "u1.2", "word_timestamps": times }));
    let word = Word { text: "Your".into(), start: 600, end: 800 };
    assert_eq!(words, [Effect::Timing(Timing { utterance: 1, word })]);
    assert_eq!(chunk(&mut session, "u1.2", &[3]), [audio(1, &[3])]);
    assert_eq!(done(&mut session, "u1.2"), [Effect::Finished(1)]);
}

#[test]
fn an_utterance_that_ends_in_its_pause_is_finished_without_another_context() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Well. ", false);
    told(&mut session, Event::Timer(PAUSE));
    assert_eq!(speak(&mut session, 1, "", true), []);
    assert_eq!(done(&mut session, "u1.1"), [Effect::Finished(1)]);

    begin(&mut session, 2);
    speak(&mut session, 2, "Well. ", false);
    told(&mut session, Event::Timer(PAUSE));
    assert_eq!(done(&mut session, "u2.2"), [], "more may come");
    assert_eq!(speak(&mut session, 2, "", true), [Effect::Finished(2)]);
    assert_eq!(told(&mut session, Event::Timer(PAUSE)), []);
}

#[test]
fn text_that_crosses_with_the_end_of_its_context_is_spoken_in_the_next() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Let me look. ", false);
    chunk(&mut session, "u1.1", &[1]);
    speak(&mut session, 1, "There it is. ", false);
    assert_eq!(inputs(&done(&mut session, "u1.1")), [input("u1.2", "There it is. ", true)]);
    // text that cannot be heard is not sent for ever
    assert_eq!(done(&mut session, "u1.2"), [Effect::CancelTimer(PAUSE)]);

    speak(&mut session, 1, "It is ", false);
    chunk(&mut session, "u1.3", &[1]);
    speak(&mut session, 1, "free.", true);
    assert_eq!(inputs(&done(&mut session, "u1.3")), [input("u1.4", "free.", false)]);
    chunk(&mut session, "u1.4", &[1]);
    assert_eq!(done(&mut session, "u1.4"), [Effect::Finished(1)]);
}

#[test]
fn a_cancelled_utterance_is_heard_of_no_more() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "This is much too ", false);
    let effects = told(&mut session, Event::Cancel(1));
    assert_eq!(sent(&effects), [json!({ "context_id": "u1.1", "cancel": true })]);
    assert!(effects.contains(&Effect::CancelTimer(PAUSE)), "{effects:?}");
    assert_eq!(chunk(&mut session, "u1.1", &[1]), []);
    assert_eq!(speak(&mut session, 1, "long.", true), []);
    let error = json!({ "type": "error", "context_id": "u1.1", "status_code": 400, "error": "cancelled" });
    assert_eq!(frame(&mut session, error), []);
    assert_eq!(done(&mut session, "u1.1"), []);

    begin(&mut session, 2);
    speak(&mut session, 2, "Yes.", true);
    assert_eq!(chunk(&mut session, "u2.2", &[2]), [audio(2, &[2])]);
    assert_eq!(done(&mut session, "u2.2"), [Effect::Finished(2)]);
}

#[test]
fn a_socket_that_is_closed_while_nobody_speaks_is_opened_again_when_it_is_wanted() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    done(&mut session, "u1.1");
    assert_eq!(closed(&mut session, 1000, "connection idle timeout"), []);
    assert!(opens(&told(&mut session, Event::Prepare)));

    // also within an utterance whose tool takes its time
    begin(&mut session, 2);
    speak(&mut session, 2, "Let me look. ", false);
    told(&mut session, Event::Timer(PAUSE));
    done(&mut session, "u2.2");
    assert_eq!(closed(&mut session, 1006, ""), []);
    let effects = speak(&mut session, 2, "It is free.", true);
    assert!(opens(&effects));
    assert_eq!(inputs(&effects), [input("u2.3", "It is free.", false)]);
}

#[test]
fn text_that_crosses_with_the_end_of_an_idle_socket_is_sent_again_once() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello, ", false);
    speak(&mut session, 1, "you.", true);
    let effects = closed(&mut session, 1000, "connection idle timeout");
    assert!(opens(&effects));
    assert_eq!(inputs(&effects), [input("u1.2", "Hello, you.", false)]);
    came(&mut session, Outcome::Opened);
    let again = closed(&mut session, 1006, "");
    assert_eq!(failure(&again), (Cause::Unreachable, "the vendor closed the socket: 1006 "));

    // once for each silence
    let mut session = open();
    for (id, first, second) in [(1, "u1.1", "u1.2"), (2, "u2.3", "u2.4")] {
        begin(&mut session, id);
        assert_eq!(inputs(&speak(&mut session, id, "Hello.", true)), [input(first, "Hello.", false)]);
        let effects = closed(&mut session, 1000, "connection idle timeout");
        assert_eq!(inputs(&effects), [input(second, "Hello.", false)]);
        came(&mut session, Outcome::Opened);
        chunk(&mut session, second, &[1]);
        assert_eq!(done(&mut session, second), [Effect::Finished(id)]);
    }
}

#[test]
fn a_socket_that_is_lost_within_audio_has_failed() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    chunk(&mut session, "u1.1", &[1]);
    assert_eq!(failure(&closed(&mut session, 1006, "")).0, Cause::Unreachable);
}

#[test]
fn a_socket_that_cannot_be_opened_is_a_failure_for_those_who_speak() {
    let refused = |code| {
        let headers = vec![Header { name: "retry-after".into(), value: "2".into() }];
        let message = "the server answered so".into();
        Outcome::Failed(net::Failure { fault: Fault::Refused, code, message, headers })
    };
    let mut session = opened(MULAW, None, json!({})).unwrap();
    told(&mut session, Event::Prepare);
    assert_eq!(came(&mut session, refused(503)), [], "nobody needed it yet");
    assert!(opens(&begin(&mut session, 1)));
    speak(&mut session, 1, "Hello.", true);
    let effects = came(&mut session, refused(401));
    assert_eq!(failure(&effects), (Cause::Denied, "no socket: the server answered so"));

    let mut session = opened(MULAW, None, json!({})).unwrap();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    let effects = came(&mut session, refused(429));
    let [Effect::Failed(failure)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((failure.cause, failure.retry_after), (Cause::Busy, Some(2000)));
}

#[test]
fn the_vendor_says_why_it_will_not_speak_in_words_of_two_versions() {
    let fails = |audio_before: bool, error: Value| {
        let mut session = open();
        begin(&mut session, 1);
        speak(&mut session, 1, "Hello.", true);
        if audio_before {
            chunk(&mut session, "u1.1", &[1]);
        }
        let mut message = json!({ "type": "error", "context_id": "u1.1", "done": true });
        message.as_object_mut().unwrap().extend(error.as_object().unwrap().clone());
        let effects = frame(&mut session, message);
        let (cause, message) = failure(&effects);
        (cause, message.to_owned())
    };
    let new = json!({ "status_code": 400, "title": "Invalid model", "message": "There is no such model.",
        "error_code": "model_not_found", "doc_url": "https://x", "request_id": "r" });
    let said = "the vendor refused to speak: status 400: Invalid model: There is no such model.";
    assert_eq!(fails(false, new.clone()), (Cause::Misconfigured, said.into()));
    assert_eq!(fails(true, new).0, Cause::Garbled, "the settings were right a moment ago");
    let old = |status: u16| json!({ "status_code": status, "error": "no" });
    assert_eq!(
        fails(false, old(402)),
        (Cause::Denied, "the vendor refused to speak: status 402: no".to_owned())
    );
    assert_eq!(fails(false, old(401)).0, Cause::Denied);
    assert_eq!(fails(false, old(403)).0, Cause::Denied);
    assert_eq!(fails(true, old(429)).0, Cause::Busy);
    assert_eq!(fails(false, old(500)).0, Cause::Unreachable);
}

#[test]
fn an_error_about_the_socket_concerns_only_those_who_speak() {
    let error = json!({ "type": "error", "status_code": 400, "title": "Bad", "message": "request" });
    let mut session = open();
    assert_eq!(frame(&mut session, error.clone()), []);
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    assert_eq!(failure(&frame(&mut session, error)).0, Cause::Misconfigured);
}

#[test]
fn there_must_be_a_voice_and_the_nearest_word_for_it_counts() {
    let none = opened(MULAW, None, json!({ "voice": "" })).err().unwrap();
    assert_eq!(none.cause, Cause::Misconfigured);
    assert!(none.message.contains("CARTESIA_VOICE_ID"), "{}", none.message);

    let mut session = opened(MULAW, Some("of-the-route"), json!({ "voice": "" })).unwrap();
    begin(&mut session, 1);
    assert_eq!(sent(&speak(&mut session, 1, "Hello.", true))[0]["voice"]["id"], "of-the-route");
    let other = Begun { id: 2, voice: Some("another".into()), language: Some("de-DE".into()) };
    told(&mut session, Event::Begin(other));
    let sent = sent(&speak(&mut session, 2, "Hallo.", true));
    assert_eq!((&sent[0]["voice"]["id"], &sent[0]["language"]), (&json!("another"), &json!("de")));
}

#[test]
fn pace_volume_and_emotion_are_asked_for_only_where_they_are_set() {
    let change = json!({ "speed": 1.2, "volume": 0.8, "emotion": "calm", "max_buffer_delay_ms": 200 });
    let mut session = opened(MULAW, None, change).unwrap();
    begin(&mut session, 1);
    let sent = sent(&speak(&mut session, 1, "Hello.", true));
    let expected = json!({ "speed": 1.2, "volume": 0.8, "emotion": "calm" });
    assert_eq!((&sent[0]["generation_config"], &sent[0]["max_buffer_delay_ms"]), (&expected, &json!(200)));
}

#[test]
fn audio_of_two_bytes_a_sample_is_given_in_whole_samples() {
    let format = AudioFormat { encoding: Encoding::Pcm16, rate: 24000 };
    let mut session = opened(format, None, json!({})).unwrap();
    begin(&mut session, 1);
    let sent = sent(&speak(&mut session, 1, "Hello. ", false));
    let output = json!({ "container": "raw", "encoding": "pcm_s16le", "sample_rate": 24000 });
    assert_eq!(sent[0]["output_format"], output);
    assert_eq!(chunk(&mut session, "u1.1", &[1, 2, 3]), [pause(), audio(1, &[1, 2])]);
    assert_eq!(chunk(&mut session, "u1.1", &[4]), [pause(), audio(1, &[3, 4])]);

    let format = AudioFormat { encoding: Encoding::Pcm16, rate: 11025 };
    assert_eq!(opened(format, None, json!({})).err().unwrap().cause, Cause::Unsupported);
}

#[test]
fn nothing_to_say_is_said_without_the_vendor() {
    let mut session = open();
    begin(&mut session, 1);
    assert_eq!(sent(&speak(&mut session, 1, "… ", false)), [json!(null); 0]);
    let effects = speak(&mut session, 1, "", true);
    assert_eq!(effects, [Effect::Finished(1)]);
    begin(&mut session, 2);
    speak(&mut session, 2, "… ", false);
    assert_eq!(inputs(&speak(&mut session, 2, "well.", true)), [input("u2.1", "… well.", false)]);
}

#[test]
fn what_it_does_not_know_changes_nothing_and_what_is_no_message_fails() {
    let mut session = open();
    begin(&mut session, 1);
    speak(&mut session, 1, "Hello.", true);
    for message in [
        json!({ "type": "phoneme_timestamps", "context_id": "u1.1", "phoneme_timestamps": {} }),
        json!({ "type": "surprise", "x": 1 }),
        json!({ "type": "chunk", "context_id": "u9.9", "data": "AAAA" }),
        json!({ "type": "done", "context_id": "u9.9" }),
    ] {
        assert_eq!(frame(&mut session, message.clone()), [], "{message}");
    }
    let garbled = |session: &mut Cartesia, text: &str| {
        let effects = came(session, Outcome::Frame(Frame::Text(text.into())));
        failure(&effects).0
    };
    assert_eq!(garbled(&mut session, "<html>"), Cause::Garbled);
    let no_base64 = r#"{"type":"chunk","context_id":"u1.1","data":"?"}"#;
    assert_eq!(garbled(&mut session, no_base64), Cause::Garbled);
}
