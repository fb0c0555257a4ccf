//! A recogniser's client: it streams a caller's voice and reads what was understood.

use crate::line::{Line, TURNS, connect, kind};
use crate::voices::{PHRASES, say, silence, speech_can_be_tested};
use crate::{KEY, within};
use futures_util::StreamExt;
use serde_json::{Value, json};
use standins::deepgram::{self, Grammar};
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::{self, Message};

#[tokio::test]
async fn a_caller_is_followed_while_speaking_and_understood_at_the_end() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, TURNS).await;
    let voice = say("My soup was cold.", "en-us", 160);
    let audio = [silence(500), voice, silence(1500)].concat();
    line.speak(&audio).await;
    let heard = line.close_stream().await;

    let kinds: Vec<String> = heard.messages.iter().map(kind).collect();
    let first = |wanted: &str| kinds.iter().position(|k| k == wanted).expect(wanted);
    assert!(first("SpeechStarted") < first("interim"), "{kinds:?}");
    assert!(first("interim") < first("final at endpoint"), "{kinds:?}");
    assert!(first("final at endpoint") < first("UtteranceEnd"), "{kinds:?}");
    assert_eq!(kinds[kinds.len() - 2..], ["final", "Metadata"], "the end of the stream");
    assert_eq!(heard.closed_with, 1000);

    let results = &heard.messages[first("final at endpoint")];
    let best = &results["channel"]["alternatives"][0];
    assert_eq!(best["transcript"], "My soup was cold.");
    assert!(best["confidence"].as_f64().unwrap() > 0.5);
    let words = best["words"].as_array().unwrap();
    let spoken: Vec<&Value> = words.iter().map(|w| &w["word"]).collect();
    assert_eq!(spoken, ["my", "soup", "was", "cold"]);
    assert_eq!(words[3]["punctuated_word"], "cold.");
    let seconds = |value: &Value| value.as_f64().unwrap();
    let times: Vec<f64> = words.iter().flat_map(|w| [seconds(&w["start"]), seconds(&w["end"])]).collect();
    assert!(times.is_sorted(), "{times:?}");
    let voice_ends = (audio.len() as f64 / 8000.0) - 1.5;
    assert!((times[0] - 0.5).abs() < 0.15 && (times[7] - voice_ends).abs() < 0.25, "{times:?}");
    assert_eq!(heard.messages[first("UtteranceEnd")]["last_word_end"], words[3]["end"]);
    assert!(times[7] < seconds(&results["start"]) + seconds(&results["duration"]));
    let started = seconds(&heard.messages[first("SpeechStarted")]["timestamp"]);
    assert!((started - 0.5).abs() < 0.15, "{started}");
    let duration = seconds(&heard.messages.last().unwrap()["duration"]);
    assert!((duration - audio.len() as f64 / 8000.0).abs() < 0.05);

    assert_eq!(server.finals(), ["my soup was cold"]);
    assert_eq!((server.connections(), server.audio_bytes()), (1, audio.len() as u64));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn what_is_said_after_a_pause_is_a_final_of_its_own() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, "endpointing=300").await;
    line.speak(&[silence(300), say("Yes, please.", "en-us", 160), silence(800)].concat()).await;
    line.speak(&[say("Can I have a refund?", "en-gb", 160), silence(800)].concat()).await;
    let heard = line.close_stream().await;
    assert_eq!(heard.transcripts(), ["yes please", "can i have a refund"]);
    assert!(heard.messages.iter().all(|m| kind(m) != "interim"), "none were asked for");
    let finals: Vec<_> = heard.messages.iter().filter(|m| m["type"] == "Results").collect();
    for (before, after) in finals.iter().zip(finals.iter().skip(1)) {
        let end = before["start"].as_f64().unwrap() + before["duration"].as_f64().unwrap();
        assert!((end - after["start"].as_f64().unwrap()).abs() < 0.002, "finals tile the stream");
    }
}

#[tokio::test]
async fn without_endpointing_words_are_settled_but_no_endpoint_is_announced() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, "endpointing=false").await;
    line.speak(&[silence(300), say("No, thank you.", "en-us", 160), silence(1000)].concat()).await;
    let heard = line.close_stream().await;
    assert_eq!(heard.transcripts(), ["no thank you"]);
    assert!(heard.messages.iter().all(|m| m["speech_final"] != true));
}

#[tokio::test]
async fn finalize_gives_what_was_said_so_far() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, "endpointing=2000&interim_results=true").await;
    line.speak(&[silence(300), say("My soup was cold.", "en-us", 160), silence(100)].concat()).await;
    line.text(json!({"type": "Finalize"})).await;
    let settled = line.next_of(|m| m["from_finalize"] == true).await;
    assert_eq!(settled["channel"]["alternatives"][0]["transcript"], "my soup was cold");
    assert_eq!((&settled["is_final"], &settled["speech_final"]), (&json!(true), &json!(false)));
    assert_eq!(line.close_stream().await.transcripts(), [""; 0], "nothing is said twice");
}

#[tokio::test]
async fn audio_may_be_linear_and_wideband_and_cut_anywhere() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let wideband = audio::SampleRate::new(16_000).unwrap();
    let samples = [silence(300), say("My room number is four one two.", "en-us", 150), silence(600)].concat();
    let samples = audio::resample::clip(&samples, audio::TELEPHONE, wideband).unwrap();
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let query = "model=nova-3&encoding=linear16&sample_rate=16000&endpointing=300";
    let mut line = Line::open_with(&server, query).await;
    for piece in bytes.chunks(1001) {
        line.send(Message::binary(piece.to_vec())).await;
    }
    assert_eq!(line.close_stream().await.transcripts(), ["my room number is four one two"]);
}

#[tokio::test]
async fn noise_and_other_words_are_no_transcript() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, TURNS).await;
    let hum: Vec<i16> = (0..8000).map(|n| (3000.0 * (n as f32 * 0.05).sin()) as i16).collect();
    let other_words = say("Tell me about the pool.", "en-us", 160);
    line.speak(&[silence(500), hum, silence(500), other_words, silence(6000)].concat()).await;
    let heard = line.close_stream().await;
    assert_eq!(heard.transcripts(), [""; 0]);
    assert!(heard.messages.iter().any(|m| kind(m) == "final"), "silence is reported from time to time");
    assert!(heard.messages.iter().all(|m| kind(m) != "UtteranceEnd"), "there was no word to end");
}

#[tokio::test]
async fn a_final_can_take_its_time_while_the_line_is_still_heard() {
    if !speech_can_be_tested() {
        return;
    }
    let delay = Duration::from_millis(400);
    let config = deepgram::Config { final_delay: delay, ..deepgram_config() };
    let server = deepgram::Server::start(config).await.unwrap();
    let mut line = Line::open(&server, "endpointing=300").await;
    let begun = Instant::now();
    line.speak(&[silence(300), say("Yes, please.", "en-us", 160), silence(1000)].concat()).await;
    let last = line.next_of(|m| m["speech_final"] == true).await;
    assert_eq!(last["channel"]["alternatives"][0]["transcript"], "yes please");
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn the_vendor_refuses_a_handshake_with_a_reason() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    for (path, key, status, reason) in [
        ("/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000", "stolen", 401, "Invalid credentials."),
        ("/v1/listen?encoding=mulaw&sample_rate=8000", KEY, 400, "model is required"),
        ("/v1/listen?model=nova-3&encoding=mulaw", KEY, 400, "sample_rate"),
        ("/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000", KEY, 404, "/v2/listen"),
    ] {
        let refused = connect(&server, path, key).await.expect_err("a refusal");
        let tungstenite::Error::Http(response) = refused else { panic!("{refused}") };
        assert_eq!(response.status().as_u16(), status, "{path}");
        let header = |name: &str| response.headers()[name].to_str().unwrap();
        assert!(header("dg-error").contains(reason), "{}", header("dg-error"));
        assert!(!header("dg-request-id").is_empty());
    }
    let violations = server.violations();
    assert_eq!((violations.len(), server.connections()), (4, 0));
    assert!(violations.iter().all(|text| !text.contains("stolen")), "keys are not kept");
}

#[tokio::test]
async fn a_reverse_proxy_may_put_a_path_before_the_vendors() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let path = "/eu/speech/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_result=true";
    let mut line = Line(connect(&server, path, KEY).await.unwrap());
    assert_eq!(line.close_stream().await.closed_with, 1000);
    assert!(server.violations()[0].contains("`interim_result`"), "a misspelt parameter is noticed");
}

#[tokio::test]
async fn who_sends_nothing_is_disconnected() {
    if !speech_can_be_tested() {
        return;
    }
    let config = deepgram::Config { idle_limit: Duration::from_millis(100), ..deepgram_config() };
    let server = deepgram::Server::start(config).await.unwrap();
    let mut line = Line::open(&server, "").await;
    line.text(json!({"type": "KeepAlive"})).await;
    let ended = line.rest().await;
    assert_eq!(ended.closed_with, 1011);
    assert!(ended.reason.contains("NET-0001"), "{}", ended.reason);
    assert!(server.violations()[0].contains("KeepAlive"));
}

#[tokio::test]
async fn messages_the_vendor_does_not_know_are_answered_with_an_error() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, "").await;
    line.text(json!({"type": "KeepAlive"})).await;
    line.text(json!({"type": "Configure", "keyterms": ["soup"]})).await;
    line.text(json!({"type": "Finish"})).await;
    assert_eq!(line.next_of(|_| true).await["type"], "ConfigureSuccess", "KeepAlive has no answer");
    let error = line.next_of(|_| true).await;
    assert_eq!((&error["type"], &error["variant"]), (&json!("Error"), &json!("SchemaError")));
    assert_eq!(error["message"], r#"{"type":"Finish"}"#);
    assert!(server.violations()[0].contains("Finish"));
    assert_eq!(line.close_stream().await.closed_with, 1000, "the stream goes on until it is closed");
}

#[tokio::test]
async fn an_empty_frame_ends_the_stream() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, "").await;
    line.send(Message::binary(Vec::new())).await;
    let ended = line.rest().await;
    assert_eq!(ended.closed_with, 1000);
    assert_eq!(ended.messages.last().unwrap()["type"], "Metadata");
    assert!(server.violations()[0].contains("empty binary frame"));
}

#[tokio::test]
async fn a_client_that_hangs_up_is_forgotten() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, TURNS).await;
    line.speak(&[silence(300), say("Yes, please.", "en-us", 160)].concat()).await;
    drop(line);
    within(server.until(|seen| seen.closed == 1)).await;
    assert_eq!(server.violations(), [""; 0], "hanging up is allowed");
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_nobody_connected() {
    if !speech_can_be_tested() {
        return;
    }
    let server = recogniser().await;
    let mut line = Line::open(&server, TURNS).await;
    drop(server);
    let next = within(line.0.next()).await;
    assert!(!matches!(next, Some(Ok(_))), "{next:?}");
}

#[tokio::test]
async fn a_word_that_the_dictionary_lacks_is_named_at_the_start() {
    if !speech_can_be_tested() {
        return;
    }
    let unknown = Grammar::phrases(&["connect me to Cordboard"]);
    let config = deepgram::Config::new(KEY, unknown.clone());
    let error = deepgram::Server::start(config).await.err().expect("a refusal").to_string();
    assert!(error.contains("not in the dictionary: cordboard"), "{error}");
    let known = unknown.pronouncing("Cordboard", "K AO R D B AO R D");
    deepgram::Server::start(deepgram::Config::new(KEY, known)).await.expect("a grammar that is accepted");
    let nonsense = deepgram::Config::new(KEY, Grammar::jsgf("say anything"));
    assert!(deepgram::Server::start(nonsense).await.is_err());
}

fn deepgram_config() -> deepgram::Config {
    deepgram::Config::new(KEY, Grammar::phrases(PHRASES))
}

async fn recogniser() -> deepgram::Server {
    deepgram::Server::start(deepgram_config()).await.unwrap()
}
