//! A recogniser that follows a script: what it pretends to understand, and when.

use crate::KEY;
use crate::line::{Line, TURNS, kind};
use crate::voices::{silence, tone};
use serde_json::{Value, json};
use standins::deepgram::{Config, Ear, ScriptedLine, Server};
use std::time::{Duration, Instant};

#[tokio::test]
async fn each_utterance_is_the_next_line_of_the_script() {
    let server = scripted(&["My soup was cold.", "Yes, please!"]).await;
    for _ in 0..2 {
        let mut line = Line::open(&server, TURNS).await;
        for _ in 0..3 {
            line.speak(&[silence(300), tone(1000), silence(300)].concat()).await;
        }
        let heard = line.close_stream().await;
        assert_eq!(heard.transcripts(), ["My soup was cold.", "Yes, please!", "My soup was cold."]);
        assert_eq!(heard.closed_with, 1000);
    }
    assert_eq!(server.finals()[..2], ["my soup was cold", "yes please"], "in plain words");
    assert_eq!((server.connections(), server.finals().len()), (2, 6));
    assert_eq!(server.violations(), [""; 0]);
}

#[tokio::test]
async fn a_line_grows_while_the_voice_lasts() {
    let server = scripted(&["My soup was cold."]).await;
    let mut line = Line::open(&server, TURNS).await;
    line.speak(&[silence(500), tone(1000), silence(1500)].concat()).await;
    let heard = line.close_stream().await;
    let kinds: Vec<String> = heard.messages.iter().map(kind).collect();
    let [interim, last] = ["interim", "final at endpoint"];
    let expected =
        ["SpeechStarted", interim, interim, interim, interim, last, "UtteranceEnd", "final", "Metadata"];
    assert_eq!(kinds, expected);
    let texts: Vec<&Value> = heard.messages[1..6].iter().map(transcript).collect();
    assert_eq!(texts, ["My", "My soup", "My soup was", "My soup was cold", "My soup was cold."]);

    let best = &heard.messages[5]["channel"]["alternatives"][0];
    let words = best["words"].as_array().unwrap();
    assert_eq!((&words[3]["word"], &words[3]["punctuated_word"]), (&json!("cold"), &json!("cold.")));
    let (start, end) = (words[0]["start"].as_f64().unwrap(), words[3]["end"].as_f64().unwrap());
    assert!((start - 0.5).abs() < 0.03 && (end - 1.5).abs() < 0.03, "{start} to {end}");
    assert_eq!(heard.messages[6]["last_word_end"], words[3]["end"]);
}

#[tokio::test]
async fn interims_are_those_of_the_script_and_none_where_none_are_asked_for() {
    let interims = ["My sou", "My soup wars"].map(String::from).to_vec();
    let script = vec![ScriptedLine { interims, text: "My soup was cold.".into() }];
    let server = Server::start(Config::scripted(KEY, script)).await.unwrap();
    let audio = [tone(1200), silence(300)].concat();
    let mut line = Line::open(&server, "interim_results=true").await;
    line.speak(&audio).await;
    let heard = line.close_stream().await;
    let texts: Vec<&Value> = heard.messages[..3].iter().map(transcript).collect();
    assert_eq!(texts, ["My sou", "My soup wars", "My soup was cold."]);
    let mut line = Line::open(&server, "").await;
    line.speak(&audio).await;
    assert!(line.close_stream().await.messages.iter().all(|m| kind(m) != "interim"));
}

#[tokio::test]
async fn a_pause_inside_a_word_does_not_end_the_line_and_a_longer_one_does() {
    let server = Server::start(Config::scripted(
        KEY,
        [ScriptedLine::in_pieces(&["My soup,", "which was cold,", "was good."]), vec!["Goodbye.".into()]]
            .concat(),
    ))
    .await
    .unwrap();
    let mut line = Line::open(&server, TURNS).await;
    let piece = [tone(200), silence(90), tone(200)].concat();
    for pause in [120, 120, 300] {
        line.speak(&piece).await;
        line.speak(&silence(pause)).await;
    }
    assert_eq!(
        line.close_stream().await.transcripts(),
        ["My soup", "which was cold", "was good."],
        "only the last piece ends like a sentence"
    );
}

#[tokio::test]
async fn the_gap_is_the_tests_to_choose() {
    let gap = Duration::from_millis(400);
    let lines = vec!["One.".into(), "Two.".into()];
    let config = Config { ear: Ear::Script { lines, gap }, ..Config::scripted(KEY, Vec::new()) };
    let server = Server::start(config).await.unwrap();
    let mut line = Line::open(&server, "").await;
    line.speak(&[tone(200), silence(350), tone(200), silence(450), tone(200)].concat()).await;
    assert_eq!(
        line.close_stream().await.transcripts(),
        ["One.", "Two."],
        "the end of the stream ends one too"
    );
}

#[tokio::test]
async fn finalize_gives_the_whole_line_at_once() {
    let server = scripted(&["My soup was cold.", "Yes, please."]).await;
    let mut line = Line::open(&server, TURNS).await;
    line.speak(&tone(300)).await;
    line.text(json!({"type": "Finalize"})).await;
    let settled = line.next_of(|m| m["from_finalize"] == true).await;
    assert_eq!(transcript(&settled), "My soup was cold.");
    line.speak(&[tone(300), silence(200)].concat()).await;
    assert_eq!(line.close_stream().await.transcripts(), ["Yes, please."]);
}

#[tokio::test]
async fn a_final_comes_its_delay_after_the_voice() {
    let delay = Duration::from_millis(400);
    let config = Config { final_delay: delay, ..Config::scripted(KEY, vec!["Yes.".into()]) };
    let server = Server::start(config).await.unwrap();
    let mut line = Line::open(&server, TURNS).await;
    let begun = Instant::now();
    line.speak(&[tone(300), silence(200)].concat()).await;
    assert_eq!(transcript(&line.next_of(|m| m["speech_final"] == true).await), "Yes.");
    assert!(begun.elapsed() >= delay);
}

#[tokio::test]
async fn any_format_that_a_recogniser_hears_is_heard() {
    let server = scripted(&["Yes, please."]).await;
    let query = "model=nova-3&encoding=linear16&sample_rate=24000";
    let mut line = Line::open_with(&server, query).await;
    let rate = audio::SampleRate::new(24_000).unwrap();
    let samples = [silence(300), tone(300), silence(300)].concat();
    let samples = audio::resample::clip(&samples, audio::TELEPHONE, rate).unwrap();
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    for piece in bytes.chunks(1001) {
        line.send(tokio_tungstenite::tungstenite::Message::binary(piece.to_vec())).await;
    }
    assert_eq!(line.close_stream().await.transcripts(), ["Yes, please."]);
}

async fn scripted(lines: &[&str]) -> Server {
    let lines = lines.iter().map(|text| ScriptedLine::from(*text)).collect();
    Server::start(Config::scripted(KEY, lines)).await.unwrap()
}

fn transcript(message: &Value) -> &Value {
    &message["channel"]["alternatives"][0]["transcript"]
}
