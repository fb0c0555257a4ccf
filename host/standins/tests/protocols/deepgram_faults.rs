//! A recogniser that has gone wrong, in every way there is.

use crate::line::{Ended, Line, TURNS, connect, kind};
use crate::voices::{silence, tone};
use crate::{KEY, within};
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use standins::deepgram::{Config, Server};
use standins::{FLOOD, Fault};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{self, Message};

const SAID: &str = "My soup was cold.";

#[tokio::test]
async fn silent_it_hears_everything_and_says_nothing() {
    let server = with(Fault::Silent).await;
    server.set_fault_times(Fault::Silent, 1);
    let mut line = speaking(&server).await;
    line.text(json!({"type": "CloseStream"})).await;
    within(server.until(|seen| seen.audio_bytes == UTTERANCE)).await;
    let mut second = speaking(&server).await;
    assert_eq!(second.close_stream().await.transcripts(), [SAID]);
    // a whole utterance later there is still nothing, not even the end
    let unheard = line.0.next().now_or_never();
    assert!(unheard.is_none(), "{unheard:?}");
    assert_eq!(server.finals().len(), 1, "what was not said is not kept");
}

#[tokio::test]
async fn slow_it_says_everything_later() {
    let time = Duration::from_millis(300);
    let server = with(Fault::Slow(time)).await;
    let begun = Instant::now();
    let mut line = speaking(&server).await;
    line.next_of(|m| kind(m) == "SpeechStarted").await;
    assert!(begun.elapsed() >= time);
    assert_eq!(line.close_stream().await.transcripts(), [SAID]);
}

#[tokio::test]
async fn garbage_comes_at_once_and_instead_of_words() {
    let server = with(Fault::Garbage).await;
    let mut line = speaking(&server).await;
    line.text(json!({"type": "CloseStream"})).await;
    let (mut texts, mut bytes) = (0, 0);
    loop {
        match within(line.0.next()).await {
            Some(Ok(Message::Text(text))) => {
                texts += 1;
                let json = serde_json::from_str::<Value>(&text).unwrap_or_default();
                assert!(!json["type"].is_string(), "{text}");
            }
            Some(Ok(Message::Binary(_))) => bytes += 1,
            Some(Ok(Message::Close(_))) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(texts >= 8 && bytes >= 2, "{texts} texts, {bytes} frames of bytes");
    assert_eq!(server.finals(), [""; 0]);
}

#[tokio::test]
async fn it_breaks_in_the_middle_of_a_word_and_another_connection_goes_on() {
    let server = with(Fault::Nothing).await;
    server.set_fault_times(Fault::CloseMidWord, 1);
    let mut broken = speaking(&server).await;
    assert_eq!(broken.until_broken().await, ["SpeechStarted", "interim"]);
    within(server.until(|seen| seen.closed == 1)).await;
    let mut reopened = speaking(&server).await;
    assert_eq!(reopened.close_stream().await.transcripts(), [SAID]);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn it_breaks_instead_of_the_final_where_no_interims_are_wanted() {
    let server = with(Fault::CloseMidWord).await;
    let mut line = Line::open(&server, "").await;
    line.speak(&utterance()).await;
    assert_eq!(line.until_broken().await, [""; 0]);
    assert_eq!(server.finals(), [""; 0]);
}

#[tokio::test]
async fn it_refuses_and_says_when_to_come_again() {
    let server = with(Fault::Refuse { status: 429, retry_after: Some(Duration::from_millis(1500)) }).await;
    let path = "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000";
    let refused = connect(&server, path, KEY).await.expect_err("a refusal");
    let tungstenite::Error::Http(response) = refused else { panic!("{refused}") };
    assert_eq!(response.status().as_u16(), 429);
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!((header("retry-after"), header("dg-error")), ("2", "Too Many Requests"));
    let stolen = connect(&server, path, "stolen").await.expect_err("a refusal");
    let tungstenite::Error::Http(response) = stolen else { panic!("{stolen}") };
    assert_eq!(response.status().as_u16(), 401, "a wrong key is refused as ever");
    assert_eq!((server.seen().refused, server.violations().len()), (1, 1));
}

#[tokio::test]
async fn it_floods_with_interims_and_still_comes_to_an_end() {
    let server = with(Fault::Flood).await;
    let heard = whole(&server, TURNS).await;
    assert!(heard.messages.iter().filter(|m| kind(m) == "interim").count() >= FLOOD);
    assert_eq!(heard.transcripts(), [SAID]);
}

#[tokio::test]
async fn every_final_comes_twice() {
    let server = with(Fault::Twice).await;
    assert_eq!(whole(&server, TURNS).await.transcripts(), [SAID, SAID]);
    assert_eq!(server.finals().len(), 2);
}

#[tokio::test]
async fn a_final_comes_in_two_halves() {
    let server = with(Fault::InTwo).await;
    let heard = whole(&server, TURNS).await;
    assert_eq!(heard.transcripts(), ["My soup", "was cold."]);
    let finals: Vec<&Value> =
        heard.messages.iter().filter(|m| kind(m).starts_with("final") && has_words(m)).collect();
    assert_eq!(finals.iter().map(|m| kind(m)).collect::<Vec<_>>(), ["final", "final at endpoint"]);
    let end = finals[0]["start"].as_f64().unwrap() + finals[0]["duration"].as_f64().unwrap();
    assert!((end - finals[1]["start"].as_f64().unwrap()).abs() < 0.002, "finals tile the stream");
    assert_eq!(server.finals(), ["my soup", "was cold"]);
}

#[tokio::test]
async fn a_final_comes_late_and_interims_do_not() {
    let time = Duration::from_millis(500);
    let server = with(Fault::Late(time)).await;
    let mut line = speaking(&server).await;
    line.next_of(|m| kind(m) == "interim").await;
    let begun = Instant::now();
    let last = line.next_of(|m| m["speech_final"] == true).await;
    assert!(has_words(&last));
    // a little less than asked: the interim came some time after the audio
    assert!(begun.elapsed() > time / 2, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn voices_are_noticed_and_nothing_is_understood() {
    let server = with(Fault::Nothing).await;
    let heard = whole(&server, TURNS).await;
    let kinds: Vec<String> = heard.messages.iter().map(kind).collect();
    assert_eq!(kinds, ["SpeechStarted", "final at endpoint", "final", "Metadata"]);
    assert_eq!((heard.transcripts(), server.finals()), (vec![], vec![]));
    assert_eq!(heard.closed_with, 1000);
}

#[tokio::test]
async fn a_fault_may_come_in_the_middle_of_a_call_and_go_again() {
    let server = Server::start(Config::scripted(KEY, vec![SAID.into()])).await.unwrap();
    let mut line = speaking(&server).await;
    line.next_of(|m| m["speech_final"] == true).await;
    server.set_fault(Some(Fault::Twice));
    line.speak(&utterance()).await;
    for _ in 0..2 {
        line.next_of(|m| m["speech_final"] == true).await;
    }
    server.set_fault(None);
    line.speak(&utterance()).await;
    assert_eq!(line.close_stream().await.transcripts(), [SAID]);
}

async fn with(fault: Fault) -> Server {
    let config = Config { fault: Some(fault), ..Config::scripted(KEY, vec![SAID.into()]) };
    Server::start(config).await.unwrap()
}

/// Bytes of one utterance.
const UTTERANCE: u64 = 8 * (300 + 1000 + 1500);

fn utterance() -> Vec<i16> {
    [silence(300), tone(1000), silence(1500)].concat()
}

async fn speaking(server: &Server) -> Line {
    let mut line = Line::open(server, TURNS).await;
    line.speak(&utterance()).await;
    line
}

async fn whole(server: &Server, query: &str) -> Ended {
    let mut line = Line::open(server, query).await;
    line.speak(&utterance()).await;
    line.close_stream().await
}

fn has_words(message: &Value) -> bool {
    message["channel"]["alternatives"][0]["transcript"].as_str().is_some_and(|text| !text.is_empty())
}
