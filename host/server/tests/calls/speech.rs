//! Real speech, from end to end: a spoken WAV is played into a call, its words are recognised over
//! Deepgram's protocol and reach the model over OpenAI's, the answer is spoken over Cartesia's, and
//! what the caller heard, recognised again, has the words of the answer. So has the recording, of both
//! sides. The same again with the servers that people host themselves: a recogniser of single
//! utterances, and a voice at another rate.

use crate::exchange::client;
use crate::house::*;
use standins::cartesia;
use standins::deepgram::{self, Grammar};
use standins::openai::{self, Reply, Rule, Script, When};
use standins::speech::recognise;
use std::path::Path;
use std::process::Command;

const KEY: &str = "sk-of-the-stand-ins";
const ANSWER: &str = "I am sorry that your soup was cold.";

/// Whether speech can be made and recognised here. In CI it must be.
pub fn is_possible() -> bool {
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

/// The vendors of the model, and a caller who complains and says goodbye.
struct Story {
    llm: openai::Server,
    folder: tempfile::TempDir,
}

impl Story {
    async fn new() -> Self {
        let script = Script::new(vec![Rule::new(When::Always, Reply::text(ANSWER))]);
        let ear = openai::Ear::Recogniser(grammar());
        let config = openai::Config { script, ear, ..openai::Config::new(KEY) };
        let llm = openai::Server::start(config).await.unwrap();
        Self { llm, folder: tempfile::tempdir().unwrap() }
    }

    fn setup(&self) -> Setup {
        let key = Setup::default().variable("OPENAI_API_KEY", KEY);
        key.variable("OPENAI_BASE_URL", &self.llm.base_url())
    }

    /// Makes the call; what the caller's program printed.
    async fn call(&self, server: &Server) -> String {
        let [said, goodbye] = ["said.wav", "goodbye.wav"].map(|name| self.folder.path().join(name));
        spoken(&["My soup was cold."], &said);
        spoken(&["Thank you, goodbye."], &goodbye);
        let wavs = ["--wav", said.to_str().unwrap(), "--wav", goodbye.to_str().unwrap()];
        let heard = self.heard();
        let (output, text) = call(server, &[&wavs[..], &["--out", heard.to_str().unwrap()]].concat()).await;
        assert!(output.status.success(), "{text}\n{}", server.log());
        assert!(text.to_lowercase().contains("understood: my soup was cold"), "{text}\n{}", server.log());
        assert!(text.contains(ANSWER), "{text}");
        // at the model
        let asked = self.llm.seen().requests;
        let last = asked[0]["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["role"], "user");
        assert!(last["content"].as_str().unwrap().to_lowercase().contains("my soup was cold"), "{last}");
        assert_eq!(self.llm.violations(), [""; 0]);
        // at the ear
        let (samples, _) = audio::wav::read(&heard).unwrap();
        has_the_agents_words(&samples);
        assert!(!server.log().contains(KEY), "a key is in the log");
        text
    }

    fn heard(&self) -> std::path::PathBuf {
        self.folder.path().join("heard.wav")
    }
}

fn grammar() -> Grammar {
    Grammar::phrases(&["my soup was cold", "thank you goodbye", "good morning", "yes please"])
}

/// What the agent said, recognised among other things that it might have said.
fn has_the_agents_words(samples: &[i16]) {
    let grammar = Grammar::phrases(&[
        "thank you for calling compass group guest relations",
        "how can i help you today",
        "i am sorry that your soup was cold",
        "i am glad that your soup was good",
        "thank you for calling compass group",
        "goodbye",
    ])
    .repeated();
    let words = recognise(samples, &grammar).unwrap();
    assert!(words.contains("i am sorry that your soup was cold"), "heard: {words}");
    assert!(words.contains("goodbye"), "heard: {words}");
}

#[tokio::test]
async fn what_is_said_is_recognised_answered_heard_and_recorded() {
    if !is_possible() {
        return;
    }
    let story = Story::new().await;
    let stt = deepgram::Server::start(deepgram::Config::new(KEY, grammar())).await.unwrap();
    let tts = cartesia::Server::start(cartesia::Config::new(KEY)).await.unwrap();
    let mut server = story
        .setup()
        .variable("DEEPGRAM_API_KEY", KEY)
        .variable("DEEPGRAM_BASE_URL", &stt.base_url())
        .variable("CARTESIA_API_KEY", KEY)
        .variable("CARTESIA_BASE_URL", &tts.base_url())
        .variable("CARTESIA_VOICE_ID", "a-voice")
        .start()
        .await;
    let text = story.call(&server).await;
    assert!(text.contains("recogniser: deepgram-stt"), "{text}");
    assert_eq!(stt.seen().finals, ["my soup was cold", "thank you goodbye"]);
    assert_eq!(stt.violations(), [""; 0]);
    assert_eq!(tts.violations(), [""; 0]);
    assert!(server.log().contains("tts=\"cartesia-tts\""), "{}", server.log());

    // the recording is whole once the server has stopped
    let (status, log) = server.stop().await;
    assert!(status.success(), "{log}");
    let recordings = server.recordings();
    let [recording] = &recordings[..] else { panic!("{recordings:?}") };
    let (sides, _) = audio::wav::read_channels(recording).unwrap();
    let [caller, agent] = &sides[..] else { panic!("{} channels", sides.len()) };
    let said = recognise(caller, &grammar().repeated()).unwrap();
    assert_eq!(said, "my soup was cold thank you goodbye");
    has_the_agents_words(agent);
}

#[tokio::test]
async fn a_recogniser_of_single_utterances_and_a_voice_at_another_rate_do_as_well() {
    if !is_possible() {
        return;
    }
    let story = Story::new().await;
    let server = story
        .setup()
        .variable("OPENAI_STT_BASE_URL", &story.llm.base_url())
        .variable("OPENAI_TTS_BASE_URL", &story.llm.base_url())
        .start()
        .await;
    let text = story.call(&server).await;
    assert!(text.contains("recogniser: openai-stt"), "{text}");
    assert!(server.log().contains("tts=\"openai-tts\""), "{}", server.log());
}

#[tokio::test]
async fn a_claim_that_is_told_aloud_is_kept_as_a_row() {
    if !is_possible() {
        return;
    }
    // the agent's own sentences are among what could be heard, as they are on a real line
    let said = [
        "yes i have it",
        "it was on march fifth twenty twenty six",
        "yes",
        "it is pending",
        "yes",
        "four hundred and fifty dollars",
        "yes that is right",
        "yes all of that is correct",
    ];
    let grammar = Grammar::phrases(&[&said[..], &["no", "it is denied", "good morning"]].concat());
    let stt = deepgram::Server::start(deepgram::Config::new(KEY, grammar)).await.unwrap();
    let server = Setup::default()
        .variable("CORDBOARD_PERSONA", "claim-intake")
        .variable("DEEPGRAM_API_KEY", KEY)
        .variable("DEEPGRAM_BASE_URL", &stt.base_url())
        .toml("[component.claim-intake.settings]\nuse_model = false\ngreeting = \"Claims line.\"\n")
        .start()
        .await;
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = Vec::new();
    for (number, sentence) in said.iter().enumerate() {
        let path = folder.path().join(format!("{number}.wav"));
        spoken(&[sentence], &path);
        arguments.extend(["--wav".to_owned(), path.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (output, text) = call(&server, &arguments).await;
    assert!(output.status.success(), "{text}\n{}", server.log());
    assert_eq!(stt.seen().finals, said, "{text}");

    let kept = async {
        loop {
            let page = client().get(server.url("/conversations?state=done")).send().await.unwrap();
            let page: serde_json::Value = serde_json::from_str(&page.text().await.unwrap()).unwrap();
            if let Some(row) = page["conversations"].get(0).filter(|row| row["departure"].is_string()) {
                return row.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let kept = tokio::time::timeout(PATIENCE, kept).await;
    let kept = kept.unwrap_or_else(|_| panic!("it is not done: {text}\n{}", server.log()));
    assert_eq!(
        ["claim_date", "claim_status", "claim_amount"].map(|name| kept[name].as_str()),
        [Some("2026-03-05"), Some("Pending"), Some("450.00")],
        "{kept}"
    );
    assert_eq!(kept["claim_id"].as_str().map(str::len), Some(10), "{kept}");
}
