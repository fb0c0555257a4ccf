//! Real speech, from end to end: a spoken WAV is played into a call, its words are recognised over
//! Deepgram's protocol and reach the model over OpenAI's, the answer is spoken, and what the caller
//! heard, recognised again, has the words of the answer.

use crate::house::*;
use standins::deepgram::{self, Grammar};
use standins::openai::{self, Reply, Rule, Script, When};
use standins::speech::recognise;
use std::path::Path;
use std::process::Command;

const KEY: &str = "sk-of-the-stand-ins";
const ANSWER: &str = "I am sorry that your soup was cold.";

/// Whether speech can be made and recognised here. In CI it must be.
fn is_possible() -> bool {
    let espeak = Command::new("espeak-ng").arg("--version").output().is_ok_and(|out| out.status.success());
    let missing = match standins::deepgram::recogniser_available() {
        Err(missing) => missing,
        Ok(()) if !espeak => "espeak-ng is not installed".into(),
        Ok(()) => return true,
    };
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// Somebody who says these sentences, with pauses between them, on the telephone.
fn spoken(sentences: &[&str], path: &Path) {
    let mut telephone = Vec::new();
    for sentence in sentences {
        let wideband = path.with_extension("wideband.wav");
        let status = Command::new("espeak-ng")
            .args(["-v", "en-us", "-s", "150", "-w", wideband.to_str().unwrap(), sentence])
            .status()
            .unwrap();
        assert!(status.success());
        telephone.extend(audio::wav::read_for_telephone(&wideband).unwrap());
        // µ-law and back, as the line does it
        telephone = audio::g711::decode_all(&audio::g711::encode_all(&telephone));
    }
    let mut writer = audio::wav::Writer::create(path).unwrap();
    writer.write(&telephone).unwrap();
    writer.finish().unwrap();
}

#[tokio::test]
async fn what_is_said_is_recognised_answered_and_heard() {
    if !is_possible() {
        return;
    }
    let grammar = Grammar::phrases(&["my soup was cold", "thank you goodbye", "good morning", "yes please"]);
    let deepgram = deepgram::Server::start(deepgram::Config::new(KEY, grammar)).await.unwrap();
    let script = Script::new(vec![Rule::new(When::Always, Reply::text(ANSWER))]);
    let openai = openai::Server::start(openai::Config { script, ..openai::Config::new(KEY) }).await.unwrap();
    let server = Setup::default()
        .variable("DEEPGRAM_API_KEY", KEY)
        .variable("DEEPGRAM_BASE_URL", &deepgram.base_url())
        .variable("OPENAI_API_KEY", KEY)
        .variable("OPENAI_BASE_URL", &openai.base_url())
        .start()
        .await;
    let folder = tempfile::tempdir().unwrap();
    let [said, goodbye, heard] =
        ["said.wav", "goodbye.wav", "heard.wav"].map(|name| folder.path().join(name));
    spoken(&["My soup was cold."], &said);
    spoken(&["Thank you, goodbye."], &goodbye);
    let wavs = ["--wav", said.to_str().unwrap(), "--wav", goodbye.to_str().unwrap()];
    let (output, text) = call(&server, &[&wavs[..], &["--out", heard.to_str().unwrap()]].concat()).await;
    assert!(output.status.success(), "{text}\n{}", server.log());

    // recognised over Deepgram's protocol, and in the transcript
    assert!(text.contains("recogniser: deepgram-stt"), "{text}");
    assert_eq!(deepgram.seen().finals, ["my soup was cold", "thank you goodbye"]);
    assert!(text.to_lowercase().contains("understood: my soup was cold"), "{text}");
    assert!(deepgram.seen().violations.is_empty(), "{:?}", deepgram.seen().violations);
    // at the model
    let asked = openai.seen().requests;
    let last = asked[0]["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["role"], "user");
    assert!(last["content"].as_str().unwrap().to_lowercase().contains("my soup was cold"), "{last}");
    assert!(openai.seen().violations.is_empty(), "{:?}", openai.seen().violations);
    // spoken, and heard
    assert!(text.contains(ANSWER), "{text}");
    let (samples, _) = audio::wav::read(&heard).unwrap();
    let grammar = Grammar::phrases(&[
        "thank you for calling compass group guest relations",
        "how can i help you today",
        "i am sorry that your soup was cold",
        "i am glad that your soup was good",
        "thank you for calling compass group",
        "goodbye",
    ])
    .repeated();
    let words = recognise(&samples, &grammar).unwrap();
    assert!(words.contains("i am sorry that your soup was cold"), "heard: {words}");
    assert!(words.contains("goodbye"), "heard: {words}");
    let log = server.log();
    assert!(!log.contains(KEY), "a key is in the log");
}
