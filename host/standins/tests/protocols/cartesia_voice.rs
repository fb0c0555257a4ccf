//! A voice's client: it sends texts in contexts and listens.

use crate::speaker::{Speaker, VERSION, connect, request};
use crate::{KEY, within};
use serde_json::{Value, json};
use standins::cartesia::{Config, Server};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite;

#[tokio::test]
async fn a_text_is_spoken() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "My soup was cold.", json!({"add_timestamps": true})).await;
    let heard = speaker.until_done("turn-1").await;
    assert!((8_000..16_000).contains(&heard.audio.len()), "{} bytes", heard.audio.len());
    let samples = audio::g711::decode_all(&heard.audio);
    assert!(audio::detect::level(&samples) > -40.0, "it can be heard");
    let chunks: Vec<&Value> = heard.messages.iter().filter(|m| m["type"] == "chunk").collect();
    assert!(chunks.len() > 10, "{} chunks", chunks.len());
    assert!(chunks.iter().all(|c| c["done"] == false && c["status_code"] == 206 && c["flush_id"] == 1));
    assert!(chunks[0]["step_time"].is_number());
    let [words] = heard.of("timestamps")[..] else { panic!("{:?}", heard.messages) };
    let words = &words["word_timestamps"];
    assert_eq!(words["words"], json!(["My", "soup", "was", "cold"]));
    let last = words["end"][3].as_f64().unwrap();
    assert!(last <= heard.audio.len() as f64 / 8000.0 && words["start"][3].as_f64().unwrap() < last);
    let done = heard.messages.last().unwrap();
    assert_eq!(*done, json!({"type": "done", "context_id": "turn-1", "done": true, "status_code": 206}));
    drop(speaker);
    within(server.until(|seen| seen.closed == 1)).await;
    let [context] = &server.contexts()[..] else { panic!() };
    assert_eq!((context.connection, context.requests, context.ended, context.cancelled), (1, 1, true, false));
    assert_eq!(context.audio_bytes, heard.audio.len() as u64);
    assert_eq!(context.terms["model_id"], "sonic-3");
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_text_comes_in_parts_and_is_spoken_sentence_by_sentence() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    let more = json!({"continue": true, "add_timestamps": true});
    for part in ["We are", " open. We", " close at", " eight"] {
        speaker.ask("turn-1", part, more.clone()).await;
    }
    // the second sentence waits for its end; the first one does not
    let first = speaker.next_of(|m| m["type"] == "timestamps").await;
    assert_eq!(first["word_timestamps"]["words"], json!(["We", "are", "open"]));
    speaker.ask("turn-1", "", json!({"continue": false, "add_timestamps": true})).await;
    let heard = speaker.until_done("turn-1").await;
    let second = &heard.of("timestamps")[0]["word_timestamps"];
    assert_eq!(second["words"], json!(["We", "close", "at", "eight"]));
    let ends = first["word_timestamps"]["end"][2].as_f64().unwrap();
    assert!(second["start"][0].as_f64().unwrap() >= ends, "times count from the start of the context");
    assert_eq!(server.texts(), ["We are open. We close at eight"]);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn what_waits_for_its_sentence_waits_no_longer_than_asked() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    let delay = Duration::from_millis(200);
    let begun = Instant::now();
    let more = json!({"continue": true, "max_buffer_delay_ms": 200});
    speaker.ask("turn-1", "We are open on", more.clone()).await;
    speaker.next_of(|m| m["type"] == "chunk").await;
    assert!(begun.elapsed() >= delay && begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let at_once = json!({"continue": true, "max_buffer_delay_ms": 0});
    speaker.ask("turn-2", "We are", at_once).await;
    speaker.next_of(|m| m["context_id"] == "turn-2" && m["type"] == "chunk").await;
}

#[tokio::test]
async fn a_flush_speaks_what_waits_and_says_when_that_is_done() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "We are open on", json!({"continue": true, "flush": true})).await;
    let flushed = speaker.next_of(|m| m["type"] == "flush_done").await;
    assert_eq!((&flushed["flush_id"], &flushed["flush_done"]), (&json!(1), &json!(true)));
    speaker.ask("turn-1", " Monday.", json!({"continue": false})).await;
    let heard = speaker.until_done("turn-1").await;
    assert!(heard.of("chunk").iter().all(|chunk| chunk["flush_id"] == 2));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn many_contexts_share_a_connection_and_each_has_its_own_audio() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    let linear = json!({"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000});
    let more = json!({"continue": true});
    speaker.ask("a", "My soup ", more.clone()).await;
    speaker.ask("b", "My soup was cold.", json!({"output_format": linear})).await;
    speaker.ask("a", "was cold.", json!({"continue": false})).await;
    let both = speaker.until_done("a").await;
    let (a, b) = (both.audio_of("a"), both.audio_of("b"));
    assert_eq!(b.len(), 2 * a.len(), "the same words in another format");
    let samples: Vec<i16> = b.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    assert_eq!(audio::g711::encode_all(&samples), a);
    assert_eq!(server.texts(), ["My soup was cold.", "My soup was cold."]);
}

#[tokio::test]
async fn a_context_is_cancelled_and_falls_silent() {
    let config = Config { first_audio_delay: Duration::from_secs(1), ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "My soup was cold. ", json!({"continue": true})).await;
    speaker.send(json!({"context_id": "turn-1", "cancel": true})).await;
    speaker.send(json!({"context_id": "never-was", "cancel": true})).await;
    speaker.ask("turn-2", "Goodbye.", json!({})).await;
    let heard = speaker.until_done("turn-2").await;
    assert!(!heard.audio.is_empty());
    assert!(heard.messages.iter().all(|m| m["context_id"] == "turn-2"), "{:?}", heard.messages);
    drop(speaker);
    within(server.until(|seen| seen.closed == 1)).await;
    assert!(server.contexts()[0].cancelled);
    assert_eq!(server.violations(), [""; 0], "to cancel is to end");
}

#[tokio::test]
async fn who_hangs_up_is_forgotten_though_there_is_more_to_say() {
    let config = Config { first_audio_delay: Duration::from_secs(3600), ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "My soup was cold.", json!({})).await;
    within(server.until(|seen| seen.contexts.len() == 1)).await;
    drop(speaker);
    within(server.until(|seen| seen.closed == 1)).await;
}

#[tokio::test]
async fn audio_takes_its_time_when_asked_to() {
    let delay = Duration::from_millis(300);
    let config = Config { first_audio_delay: delay, ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let mut speaker = Speaker::open(&server).await;
    let begun = Instant::now();
    speaker.ask("turn-1", "My soup was cold.", json!({})).await;
    speaker.next_of(|m| m["type"] == "chunk").await;
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn a_context_expires_after_its_last_audio() {
    let config = Config { context_lifetime: Duration::ZERO, ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let mut speaker = Speaker::open(&server).await;
    let more = json!({"continue": true});
    speaker.ask("turn-1", "Wait. ", more.clone()).await;
    speaker.next_of(|m| m["type"] == "chunk").await;
    speaker.ask("turn-1", "I am late.", more.clone()).await;
    let error = speaker.next_of(|m| m["type"] == "error").await;
    assert_eq!((&error["title"], &error["context_id"]), (&json!("Context has closed"), &json!("turn-1")));
    assert!(server.violations()[0].contains("expired"), "{:?}", server.violations());
    // what waits has no audio yet
    speaker.ask("turn-2", "Wait for", more.clone()).await;
    speaker.ask("turn-2", " me.", json!({"continue": false})).await;
    speaker.until_done("turn-2").await;
    assert_eq!(server.violations().len(), 1);
    assert_eq!(server.texts(), ["Wait. ", "Wait for me."]);
}

#[tokio::test]
async fn a_context_that_has_ended_takes_no_more() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("ended", "Goodbye.", json!({})).await;
    speaker.until_done("ended").await;
    speaker.ask("cancelled", "Goodbye. ", json!({"continue": true})).await;
    speaker.send(json!({"context_id": "cancelled", "cancel": true})).await;
    for (context, reason) in [("ended", "continue: false"), ("cancelled", "it was cancelled")] {
        speaker.ask(context, "One more thing.", json!({})).await;
        let error = speaker.next_of(|m| m["type"] == "error").await;
        assert_eq!(error["context_id"], context);
        assert!(error["message"].as_str().unwrap().contains(reason), "{error}");
    }
    assert_eq!(server.violations().len(), 2);
}

#[tokio::test]
async fn what_breaks_the_rules_of_a_context_is_answered_with_an_error() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    let more = json!({"continue": true});
    speaker.ask("1", "Hello. ", more.clone()).await;
    speaker.ask("1", "Hello.", json!({"continue": true, "language": "de"})).await;
    speaker.ask("2", "Hello. ", more.clone()).await;
    speaker.ask("2", "", more).await;
    speaker.ask("3", "", json!({})).await;
    speaker.ask("4", "Hello.", json!({"model_id": "gpt-4o"})).await;
    speaker.ask("", "Hello.", json!({})).await;
    let reasons = ["`language` must stay", "empty", "cannot begin", "sonic", "context_id"];
    for reason in reasons {
        let error = speaker.next_of(|m| m["type"] == "error").await;
        assert!(error["message"].as_str().unwrap().contains(reason), "{error} is about {reason}");
        assert_eq!((&error["done"], &error["status_code"]), (&json!(true), &json!(400)));
    }
    let violations = server.violations();
    assert_eq!(violations.len(), 5);
    assert!(violations[0].starts_with("context `1`"), "{violations:?}");
}

#[tokio::test]
async fn a_context_that_nobody_ends_is_noticed_when_the_connection_goes() {
    let server = voice().await;
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "We are open. ", json!({"continue": true})).await;
    speaker.next_of(|m| m["type"] == "chunk").await;
    drop(speaker);
    within(server.until(|seen| seen.closed == 1)).await;
    assert_eq!(server.violations(), ["context `turn-1` was neither ended (`continue: false`) nor cancelled"]);
}

#[tokio::test]
async fn the_vendor_refuses_a_handshake_with_a_reason() {
    let server = voice().await;
    let path = "/tts/websocket";
    let key = ("X-API-Key", KEY);
    for (path, headers, status, reason) in [
        (path, vec![("X-API-Key", "stolen"), VERSION], 401, "API key"),
        (path, vec![VERSION], 401, "API key"),
        (path, vec![key], 400, "Cartesia-Version"),
        (path, vec![key, ("Cartesia-Version", "newest")], 400, "Cartesia-Version"),
        ("/stt/websocket", vec![key, VERSION], 404, "/stt/websocket"),
    ] {
        let refused = connect(&server, path, &headers).await.expect_err("a refusal");
        let tungstenite::Error::Http(response) = refused else { panic!("{refused}") };
        assert_eq!(response.status().as_u16(), status, "{headers:?}");
        let body: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
        assert!(body["message"].as_str().unwrap().contains(reason), "{body}");
    }
    assert_eq!((server.violations().len(), server.seen().connections), (5, 0));
    let text = server.violations().concat();
    assert!(!text.contains("stolen"), "keys are not kept: {text}");
}

#[tokio::test]
async fn a_bearer_of_the_key_behind_a_proxy_with_an_old_version_is_served_as_ever() {
    let server = voice().await;
    let bearer = format!("Bearer {KEY}");
    let headers = [("Authorization", bearer.as_str()), ("Cartesia-Version", "2025-04-16")];
    let mut speaker = Speaker(connect(&server, "/eu/tts/websocket", &headers).await.unwrap());
    speaker.send(json!({"context_id": "turn-1", "model_id": "sonic-3"})).await;
    let error = speaker.next_of(|m| m["type"] == "error").await;
    assert!(error["error"].as_str().unwrap().contains("voice"), "one text, not a title: {error}");
    let mut misspelt = request("turn-2", "Hello.");
    misspelt["add_timestamp"] = json!(true);
    speaker.send(misspelt).await;
    speaker.until_done("turn-2").await;
    assert!(server.violations()[1].contains("`add_timestamp`"), "{:?}", server.violations());
}

#[tokio::test]
async fn who_sends_nothing_is_disconnected() {
    let config = Config { idle_limit: Duration::from_millis(100), ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let mut speaker = Speaker::open(&server).await;
    assert_eq!(speaker.closed_with().await, 1000);
}

async fn voice() -> Server {
    Server::start(Config::new(KEY)).await.unwrap()
}
