//! A service that has gone wrong, in every way there is.

use crate::chat::{asking, chunks, client, delta, form, parse, post, spoken, transcribe, wav};
use crate::voices::tone;
use crate::{KEY, within};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use standins::openai::{Config, Ear, Outcome, Script, Server};
use standins::{FLOOD, FLOOD_OF_AUDIO, Fault};
use std::time::{Duration, Instant};

const SAID: &str = "I am sorry that your soup was cold.";

#[tokio::test]
async fn silent_it_takes_requests_and_answers_none() {
    let server = with(Fault::Silent).await;
    let body = asking("hello");
    let base = server.base_url();
    let mut waiting = Box::pin(post(&base, KEY, &body));
    let requests = server.until(|seen| seen.requests.len() == 1);
    tokio::select! {
        response = &mut waiting => panic!("{response:?}"),
        () = within(requests) => {}
    }
    // whoever comes later is served in full; the first one still waits
    server.set_fault(None);
    assert_eq!(spoken(post(&base, KEY, &body).await).await, SAID);
    assert!((&mut waiting).now_or_never().is_none());
    drop(waiting);
    within(server.until(|seen| seen.cancelled == 1)).await;
    assert_eq!(server.seen().completed, 1);
}

#[tokio::test]
async fn slow_it_answers_later() {
    let time = Duration::from_millis(300);
    let server = with(Fault::Slow(time)).await;
    let begun = Instant::now();
    assert_eq!(ask(&server).await.status(), 200);
    assert!(begun.elapsed() >= time);
    assert_eq!(speak(&server).await.status(), 200);
    assert!(begun.elapsed() >= 2 * time);
}

#[tokio::test]
async fn garbage_is_no_answer_whatever_the_status_says() {
    let server = with(Fault::Garbage).await;
    for response in [ask(&server).await, speak(&server).await, write_down(&server).await] {
        assert_eq!(response.status(), 200);
        let body = within(response.bytes()).await.unwrap();
        assert!(std::str::from_utf8(&body).is_err(), "it is not even text");
    }
    let seen = server.seen();
    assert_eq!((seen.completed, seen.cancelled), (0, 0), "neither an answer nor the client's doing");
}

#[tokio::test]
async fn answers_break_off_in_their_middle_and_the_next_one_is_whole() {
    let server = with(Fault::Nothing).await;
    server.set_fault_times(Fault::CloseMidWord, 3);
    let (answer, broken) = until_broken(ask(&server).await).await;
    assert!(broken);
    let answer = parse(std::str::from_utf8(&answer).unwrap());
    let text: String = answer.iter().map(|c| delta(&serde_json::from_str(c).unwrap())).collect();
    assert!(SAID.starts_with(&text) && !text.is_empty() && text.len() < SAID.len(), "{text:?}");
    let (half, broken) = until_broken(speak(&server).await).await;
    assert!(broken);
    let (text, broken) = until_broken(write_down(&server).await).await;
    assert!(broken && serde_json::from_slice::<Value>(&text).is_err());

    assert_eq!(spoken(ask(&server).await).await, SAID);
    let (whole, broken) = until_broken(speak(&server).await).await;
    assert!(!broken && half.len() > whole.len() / 4 && half.len() < whole.len() * 3 / 4);
    assert_eq!(server.seen().speeches[0].outcome, Some(Outcome::Completed));
}

#[tokio::test]
async fn an_answer_that_comes_whole_breaks_off_too() {
    let server = with(Fault::CloseMidWord).await;
    let mut body = asking("hello");
    body["stream"] = json!(false);
    let (answer, broken) = until_broken(post(&server.base_url(), KEY, &body).await).await;
    assert!(broken && answer.len() > 20);
}

#[tokio::test]
async fn it_refuses_everything_and_says_when_to_come_again() {
    let server = with(Fault::Refuse { status: 429, retry_after: Some(Duration::from_secs(2)) }).await;
    for response in [ask(&server).await, speak(&server).await, write_down(&server).await] {
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2");
        let error: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "rate_limit_exceeded");
    }
    server.set_fault(Some(Fault::Refuse { status: 503, retry_after: None }));
    let response = ask(&server).await;
    assert_eq!((response.status().as_u16(), response.headers().get("retry-after")), (503, None));
    assert_eq!((server.seen().refused, server.violations().len()), (4, 0));
    let stolen = post(&server.base_url(), "stolen", &asking("hello")).await;
    assert_eq!(stolen.status(), 401, "a wrong key is refused as ever");
}

#[tokio::test]
async fn it_floods_and_still_comes_to_an_end() {
    let server = with(Fault::Flood).await;
    let chunks = chunks(ask(&server).await).await;
    assert!(chunks.len() >= FLOOD, "{} chunks", chunks.len());
    assert!(chunks.iter().map(delta).collect::<String>().starts_with(SAID));
    let speech = within(speak(&server).await.bytes()).await.unwrap();
    let time = Duration::from_secs(speech.len() as u64 / 48_000);
    assert!(time >= FLOOD_OF_AUDIO, "{time:?}");
    let text = within(write_down(&server).await.text()).await.unwrap();
    assert!(text.split_whitespace().count() >= FLOOD);
}

#[tokio::test]
async fn it_finishes_without_having_said_anything() {
    let server = with(Fault::Nothing).await;
    let chunks = chunks(ask(&server).await).await;
    assert_eq!(chunks.iter().map(delta).collect::<String>(), "");
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert_eq!(within(speak(&server).await.bytes()).await.unwrap().len(), 0);
    assert_eq!(within(write_down(&server).await.text()).await.unwrap(), r#"{"text":""}"#);
}

#[tokio::test]
async fn what_concerns_finals_concerns_only_transcriptions_that_come_late() {
    let time = Duration::from_millis(300);
    let server = with(Fault::Late(time)).await;
    let begun = Instant::now();
    assert_eq!(within(write_down(&server).await.text()).await.unwrap(), r#"{"text":"My soup was cold."}"#);
    assert!(begun.elapsed() >= time);
    for fault in [Fault::Twice, Fault::InTwo, Fault::Late(Duration::from_secs(3600))] {
        server.set_fault(Some(fault));
        assert_eq!(spoken(ask(&server).await).await, SAID);
    }
}

async fn with(fault: Fault) -> Server {
    let config = Config {
        fault: Some(fault),
        script: Script::always(SAID),
        ear: Ear::Script(vec!["My soup was cold.".into()]),
        ..Config::new(KEY)
    };
    Server::start(config).await.unwrap()
}

async fn ask(server: &Server) -> reqwest::Response {
    post(&server.base_url(), KEY, &asking("hello")).await
}

async fn speak(server: &Server) -> reqwest::Response {
    let body = json!({"model": "tts-1", "voice": "alloy", "input": SAID, "response_format": "pcm"});
    let request = client().post(format!("{}/audio/speech", server.base_url())).bearer_auth(KEY);
    let request = request.header("content-type", "application/json").body(body.to_string());
    within(request.send()).await.unwrap()
}

async fn write_down(server: &Server) -> reqwest::Response {
    transcribe(server, KEY, &form("turn.wav", &wav(8000, &tone(500)), &[("model", "whisper-1")])).await
}

/// What came, and whether it broke off.
async fn until_broken(response: reqwest::Response) -> (Vec<u8>, bool) {
    let mut pieces = response.bytes_stream();
    let mut received = Vec::new();
    loop {
        match within(pieces.next()).await {
            Some(Ok(piece)) => received.extend(piece),
            Some(Err(_)) => return (received, true),
            None => return (received, false),
        }
    }
}
