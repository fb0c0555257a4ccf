//! A voice that has gone wrong, in every way there is.

use crate::speaker::{Speaker, VERSION, connect};
use crate::{KEY, within};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use standins::cartesia::{Config, Server};
use standins::{FLOOD_OF_AUDIO, Fault};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite;

const SAID: &str = "My soup was cold.";

#[tokio::test]
async fn silent_it_takes_texts_and_says_nothing() {
    let server = with(Fault::Silent).await;
    server.set_fault_times(Fault::Silent, 1);
    let mut speaker = asking(&server).await;
    within(server.until(|seen| seen.contexts.len() == 1)).await;
    asking(&server).await.until_done("turn-1").await;
    let unheard = speaker.0.next().now_or_never();
    assert!(unheard.is_none(), "{unheard:?}");
    assert_eq!(server.texts(), [SAID, SAID]);
}

#[tokio::test]
async fn slow_it_says_everything_later() {
    let time = Duration::from_millis(300);
    let server = with(Fault::Slow(time)).await;
    let begun = Instant::now();
    let mut speaker = asking(&server).await;
    speaker.next_of(|m| m["type"] == "chunk").await;
    assert!(begun.elapsed() >= time);
    speaker.until_done("turn-1").await;
}

#[tokio::test]
async fn garbage_comes_at_once_and_instead_of_audio() {
    let server = with(Fault::Garbage).await;
    let mut speaker = asking(&server).await;
    // the five pieces of it come when the connection opens, and again instead of the first chunk
    for _ in 0..10 {
        let message = speaker.next().await.expect("no end");
        let json = message.unwrap_or_default();
        assert!(!json["type"].is_string(), "{json}");
    }
}

#[tokio::test]
async fn it_breaks_in_the_middle_of_a_word_and_another_connection_goes_on() {
    let server = with(Fault::Nothing).await;
    server.set_fault_times(Fault::CloseMidWord, 1);
    let mut broken = asking(&server).await;
    let mut chunks = 0;
    while let Some(message) = broken.next().await {
        assert_eq!(message.unwrap()["type"], "chunk");
        chunks += 1;
    }
    within(server.until(|seen| seen.closed == 1)).await;
    let whole = asking(&server).await.until_done("turn-1").await.of("chunk").len();
    assert_eq!(chunks, whole.div_ceil(2));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn it_refuses_and_says_when_to_come_again() {
    let server = with(Fault::Refuse { status: 503, retry_after: Some(Duration::from_secs(3)) }).await;
    let headers = [("X-API-Key", KEY), VERSION];
    let refused = connect(&server, "/tts/websocket", &headers).await.expect_err("a refusal");
    let tungstenite::Error::Http(response) = refused else { panic!("{refused}") };
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "3"));
    let body: Value = serde_json::from_slice(response.body().as_ref().unwrap()).unwrap();
    assert_eq!(body["error_code"], "internal_error");
    assert_eq!((server.seen().refused, server.violations().len()), (1, 0));
}

#[tokio::test]
async fn it_refuses_new_contexts_where_a_connection_is_open() {
    let server = Server::start(Config::new(KEY)).await.unwrap();
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "Well. ", json!({"continue": true})).await;
    speaker.next_of(|m| m["type"] == "chunk").await;
    server.set_fault(Some(Fault::Refuse { status: 429, retry_after: None }));
    speaker.ask("turn-2", SAID, json!({})).await;
    let error = speaker.next_of(|m| m["type"] == "error").await;
    assert_eq!((&error["context_id"], &error["status_code"]), (&json!("turn-2"), &json!(429)));
    speaker.ask("turn-1", SAID, json!({"continue": false})).await;
    speaker.until_done("turn-1").await;
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn it_floods_with_audio_and_still_comes_to_an_end() {
    let server = with(Fault::Flood).await;
    let heard = asking(&server).await.until_done("turn-1").await;
    let time = Duration::from_secs(heard.audio.len() as u64 / 8000);
    assert!(time >= FLOOD_OF_AUDIO * 9 / 10, "{time:?}");
}

#[tokio::test]
async fn it_is_done_without_having_said_anything() {
    let server = with(Fault::Nothing).await;
    let heard = asking(&server).await.until_done("turn-1").await;
    assert_eq!(heard.messages.len(), 1);
}

#[tokio::test]
async fn what_concerns_finals_does_not_concern_a_voice() {
    for fault in [Fault::Twice, Fault::InTwo, Fault::Late(Duration::from_secs(3600))] {
        let server = with(fault).await;
        assert!(asking(&server).await.until_done("turn-1").await.audio.len() > 8000);
    }
}

#[tokio::test]
async fn a_client_that_gives_up_on_a_faulty_voice_is_not_blamed() {
    let server = with(Fault::Silent).await;
    let mut speaker = Speaker::open(&server).await;
    speaker.ask("turn-1", "Well. ", json!({"continue": true})).await;
    within(server.until(|seen| seen.contexts.len() == 1)).await;
    drop(speaker);
    within(server.until(|seen| seen.closed == 1)).await;
    assert_eq!(server.violations(), [""; 0]);
}

async fn with(fault: Fault) -> Server {
    Server::start(Config { fault: Some(fault), ..Config::new(KEY) }).await.unwrap()
}

async fn asking(server: &Server) -> Speaker {
    let mut speaker = Speaker::open(server).await;
    speaker.ask("turn-1", SAID, json!({})).await;
    speaker
}
