//! Speech over HTTP, in both directions.

use crate::chat::{client, form, transcribe, wav};
use crate::voices::{PHRASES, say, silence, speech_can_be_tested, tone};
use crate::{KEY, within};
use audio::{SampleRate, TELEPHONE};
use futures_util::StreamExt;
use serde_json::{Value, json};
use standins::openai::{Config, Ear, Grammar, Outcome, Server};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_text_is_spoken_in_uneven_pieces() {
    let server = Server::start(Config::new(KEY)).await.unwrap();
    let response = speak(&server, KEY, &text("My soup was cold.")).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "audio/pcm");
    assert!(response.headers().contains_key("x-request-id"));
    let mut pieces = response.bytes_stream();
    let (mut audio, mut odd) = (Vec::new(), 0);
    while let Some(piece) = within(pieces.next()).await {
        let piece = piece.unwrap();
        odd += piece.len() % 2;
        audio.extend(piece);
    }
    assert!(odd > 2, "{odd} pieces end inside a sample");
    let rate = SampleRate::new(24_000).unwrap();
    let time = rate.duration_of(audio.len() / 2);
    assert!((1000..2000).contains(&time.as_millis()), "{time:?}");
    let samples: Vec<i16> = audio.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
    let samples = audio::resample::clip(&samples, rate, TELEPHONE).unwrap();
    assert!(audio::detect::level(&samples) > -40.0, "it can be heard");
    let [speech] = &server.seen().speeches[..] else { panic!() };
    assert_eq!((speech.input.as_str(), speech.audio_bytes), ("My soup was cold.", audio.len() as u64));
    assert_eq!(speech.outcome, Some(Outcome::Completed));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn speech_takes_its_time_and_may_be_given_up() {
    let config = Config { first_audio_delay: Duration::from_secs(3600), ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let response = speak(&server, KEY, &text("My soup was cold.")).await;
    assert_eq!(response.status(), 200, "the headers come at once");
    drop(response);
    within(server.until(|seen| seen.speeches[0].outcome.is_some())).await;
    let speech = &server.seen().speeches[0];
    assert_eq!((speech.outcome, speech.audio_bytes), (Some(Outcome::Cancelled), 0));
    assert_eq!(server.cancelled(), 0, "which counts completions");
}

#[tokio::test]
async fn speech_that_the_vendor_would_not_make_is_refused() {
    let server = Server::start(Config::new(KEY)).await.unwrap();
    assert_eq!(speak(&server, "stolen", &text("Hello.")).await.status(), 401);
    let refused = speak(&server, KEY, &text(&"x".repeat(4097))).await;
    assert_eq!(refused.status(), 400);
    let error: Value = serde_json::from_str(&refused.text().await.unwrap()).unwrap();
    assert_eq!(error["error"]["param"], "input");
    assert_eq!(server.violations().len(), 2);
    assert_eq!(server.seen().speeches.len(), 1, "a stranger's text is not kept");
}

#[tokio::test]
async fn a_recording_is_written_down() {
    if !speech_can_be_tested() {
        return;
    }
    let ear = Ear::Recogniser(Grammar::phrases(PHRASES));
    let server = Server::start(Config { ear, ..Config::new(KEY) }).await.unwrap();
    let soup = [silence(300), say("My soup was cold.", "en-us", 160), silence(300)].concat();
    let yes = [silence(300), say("Yes, please.", "en-us", 160), silence(300)].concat();
    let wideband = audio::resample::clip(&yes, TELEPHONE, SampleRate::new(16_000).unwrap()).unwrap();
    for (file, words) in [
        (wav(8000, &soup), "My soup was cold."),
        (wav(16_000, &wideband), "Yes please."),
        (mulaw(&soup), "My soup was cold."),
    ] {
        let response = transcribe(&server, KEY, &form("turn.wav", &file, &[("model", "whisper-1")])).await;
        assert_eq!(response.status(), 200);
        let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(answer, json!({"text": words}));
    }
    let transcriptions = server.seen().transcriptions;
    assert_eq!(transcriptions[0].text, "My soup was cold.");
    assert_eq!(transcriptions[0].duration, TELEPHONE.duration_of(soup.len()));
    assert_eq!(transcriptions[0].audio_bytes, soup.len() as u64 * 2 + 44);
    assert_eq!(transcriptions[0].fields, [("model".into(), "whisper-1".into())]);
    assert_eq!(transcriptions[0].outcome, Some(Outcome::Completed));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_scripted_ear_needs_a_voice_but_no_recogniser() {
    let server = scripted(&["My soup was cold.", "Goodbye."]).await;
    let spoken = wav(8000, &[silence(200), tone(500), silence(200)].concat());
    let empty = wav(8000, &silence(900));
    let mut texts = Vec::new();
    for file in [&spoken, &empty, &spoken, &spoken] {
        let fields = [("model", "gpt-4o-transcribe"), ("response_format", "text"), ("language", "en")];
        let response = transcribe(&server, KEY, &form("turn.WAV", file, &fields)).await;
        texts.push(response.text().await.unwrap());
    }
    assert_eq!(texts, ["My soup was cold.", "", "Goodbye.", "My soup was cold."]);
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_transcription_takes_its_time() {
    let delay = Duration::from_millis(300);
    let ear = Ear::Script(vec!["Yes.".into()]);
    let config = Config { transcription_delay: delay, ear, ..Config::new(KEY) };
    let server = Server::start(config).await.unwrap();
    let begun = Instant::now();
    let response = transcribe(&server, KEY, &form("a.wav", &wav(8000, &tone(300)), &[("model", "m")])).await;
    assert_eq!(response.text().await.unwrap(), r#"{"text":"Yes."}"#);
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn recordings_that_the_vendor_would_not_take_are_refused() {
    let server = scripted(&["Yes."]).await;
    let file = wav(8000, &tone(300));
    let model = ("model", "whisper-1");
    for (body, reason) in [
        (form("turn.wav", &file, &[]), "model"),
        (form("turn", &file, &[model]), "Unrecognized file format"),
        (form("turn.mp3", &file, &[model]), "mp3 is not in the stand-in"),
        (form("turn.wav", b"no wav at all", &[model]), "could not be decoded"),
        (form("turn.wav", &wav(8000, &tone(50)), &[model]), "too short"),
        (form("turn.wav", &file, &[model, ("stream", "true")]), "stream"),
        (form("turn.wav", &file, &[model, ("response_format", "srt")]), "srt"),
        (form("turn.wav", b"", &[model]), "'file'"),
    ] {
        let response = transcribe(&server, KEY, &body).await;
        assert_eq!(response.status(), 400, "{reason}");
        let error: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(reason), "{error} is about {reason}");
    }
    assert_eq!(server.violations().len(), 8);
    let request = client().post(format!("{}/audio/transcriptions", server.base_url())).bearer_auth(KEY);
    assert_eq!(within(request.body("{}").send()).await.unwrap().status(), 400, "it has to be a form");
    let misspelt = form("turn.wav", &file, &[model, ("langauge", "en")]);
    assert_eq!(transcribe(&server, KEY, &misspelt).await.status(), 200);
    assert!(server.violations()[9].contains("`langauge`"), "{:?}", server.violations());
    let deaf = Server::start(Config::new(KEY)).await.unwrap();
    assert_eq!(transcribe(&deaf, KEY, &form("turn.wav", &file, &[model])).await.status(), 500);
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_vendors_and_no_larger() {
    let server = scripted(&["Yes."]).await;
    let long = wav(16_000, &[tone(300), silence(600_000)].concat());
    let body = form("turn.wav", &long, &[("model", "whisper-1")]);
    assert!(body.len() > 9_000_000);
    assert_eq!(transcribe(&server, KEY, &body).await.status(), 200);
    let request = client().post(format!("{}/audio/transcriptions", server.base_url())).bearer_auth(KEY);
    let response = within(request.header("content-type", crate::chat::FORM).body(vec![0; 26_214_401]).send());
    // whoever is refused may notice before everything is sent
    if let Ok(response) = response.await {
        assert_eq!(response.status(), 413);
    }
    within(server.until(|seen| seen.violations.len() == 1)).await;
    assert!(server.violations()[0].contains("413"));
}

async fn scripted(lines: &[&str]) -> Server {
    let ear = Ear::Script(lines.iter().map(|line| (*line).to_owned()).collect());
    Server::start(Config { ear, ..Config::new(KEY) }).await.unwrap()
}

fn text(input: &str) -> Value {
    json!({"model": "gpt-4o-mini-tts", "voice": "alloy", "input": input, "response_format": "pcm"})
}

async fn speak(server: &Server, key: &str, body: &Value) -> reqwest::Response {
    let request = client().post(format!("{}/audio/speech", server.base_url())).bearer_auth(key);
    let request = request.header("content-type", "application/json").body(body.to_string());
    within(request.send()).await.unwrap()
}

/// As recordings of telephone calls are.
fn mulaw(samples: &[i16]) -> Vec<u8> {
    let data = audio::g711::encode_all(samples);
    let format = b"\x07\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0\0\0";
    crate::chat::riff(format, &data)
}
