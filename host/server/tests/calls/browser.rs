//! The console in a browser: Debian's Chromium, moved by Playwright, with a file as its microphone.
//!
//! The stories are Node modules in `host/console/tests/browser`; here is what each of them needs around it.
//! `CORDBOARD_NODE_MODULES` is the folder with `playwright-core` and `axe-core`, `CORDBOARD_CHROMIUM` the
//! browser; the versions that are meant are in `.ci/run`.

use crate::exchange::KEY;
use crate::house::*;
use crate::plugging::{build, manifest};
use crate::speech;
use audio::SampleRate;
use standins::deepgram::{self, Grammar};
use standins::openai::{self, Script};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

const READ: &str = "a-key-that-only-reads";

fn chromium() -> PathBuf {
    std::env::var_os("CORDBOARD_CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from)
}

/// Whether pages can be looked at here. In CI they must.
fn is_possible() -> bool {
    let modules = std::env::var_os("CORDBOARD_NODE_MODULES").map(PathBuf::from).unwrap_or_default();
    let missing = ["playwright-core", "axe-core"].into_iter().find(|name| !modules.join(name).is_dir());
    let missing = match missing {
        Some(name) => format!("CORDBOARD_NODE_MODULES names no folder with {name}: `npm install {name}`"),
        None if !chromium().is_file() => format!("there is no {}: install chromium", chromium().display()),
        None => return true,
    };
    assert!(std::env::var_os("CORDBOARD_CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    false
}

/// Tells a story about this server. Also: what it prints.
async fn story(name: &str, server: &Server, arguments: &[&str]) -> String {
    // a browser takes more than a whole call does: a few at a time
    static BROWSERS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
    let _browser = BROWSERS.acquire().await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../console/tests/browser/{name}.mjs"));
    let child = Command::new("node")
        .arg(path)
        .arg(server.url(""))
        .args(arguments)
        .env("NO_PROXY", "*")
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ending = tokio::time::timeout(PATIENCE * 5, child.wait_with_output()).await;
    let output =
        ending.unwrap_or_else(|_| panic!("{name} does not come to an end:\n{}", server.log())).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {told}\n{}", server.log());
    assert!(!server.log().contains("panicked"), "{}", server.log());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn somebody_without_a_key_types_and_hears_the_answer() {
    if !is_possible() {
        return;
    }
    let server = Setup::default().start().await;
    story("typed", &server, &[]).await;
}

#[tokio::test]
async fn how_long_the_page_keeps_somebody_waiting_can_be_told() {
    if !is_possible() {
        return;
    }
    let server = Setup::default().start().await;
    let told = story("times", &server, &["1"]).await;
    let times = told.lines().filter_map(|line| line.split_whitespace().last()?.parse::<u32>().ok());
    assert_eq!(times.count(), 4, "{told}");
}

#[tokio::test]
async fn what_is_said_into_the_microphone_is_understood_and_cuts_in() {
    if !is_possible() || !speech::is_possible() {
        return;
    }
    let grammar = Grammar::phrases(&["my soup was cold", "thank you goodbye", "good morning"]);
    let stt = deepgram::Server::start(deepgram::Config::new("sk-stt", grammar)).await.unwrap();
    let setup = Setup::default().variable("DEEPGRAM_API_KEY", "sk-stt");
    let server = setup.variable("DEEPGRAM_BASE_URL", &stt.base_url()).start().await;
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("microphone.wav");
    microphone("My soup was cold.", &wav);
    story("spoken", &server, &[wav.to_str().unwrap(), "soup"]).await;
    assert_eq!(stt.violations(), [""; 0]);
}

/// This sentence and three seconds of silence, as a browser's microphone takes a file: 48 kHz.
fn microphone(sentence: &str, path: &Path) {
    let spoken = path.with_extension("spoken.wav");
    let mut espeak = std::process::Command::new("espeak-ng");
    espeak.args(["-v", "en-us", "-s", "150", "-w", spoken.to_str().unwrap(), sentence]);
    assert!(espeak.status().unwrap().success());
    let (samples, rate) = audio::wav::read(&spoken).unwrap();
    let wide = SampleRate::new(48_000).unwrap();
    let mut samples = audio::resample::clip(&samples, rate, wide).unwrap();
    samples.extend([0; 3 * 48_000]);
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
}

#[tokio::test]
async fn every_view_is_as_it_should_be_in_light_and_dark_wide_and_narrow() {
    if !is_possible() {
        return;
    }
    let server = Setup::default().start().await;
    story("views", &server, &[]).await;
}

#[tokio::test]
async fn a_reload_and_a_lost_network_leave_the_call_as_it_was() {
    if !is_possible() {
        return;
    }
    let server = Setup::default().start().await;
    story("loss", &server, &[]).await;
}

#[tokio::test]
async fn without_a_microphone_the_page_says_why_and_one_types() {
    if !is_possible() {
        return;
    }
    let server = Setup::default().variable("CORDBOARD_API_KEY", KEY).start().await;
    story("microphone", &server, &[KEY]).await;
}

#[tokio::test]
async fn what_a_key_may_not_do_is_not_offered() {
    if !is_possible() {
        return;
    }
    let twilio = standins::twilio::Server::start(standins::twilio::Config::new()).await.unwrap();
    let setup = Setup::default().twilio(&twilio).variable("CORDBOARD_API_KEY_READ", READ);
    story("roles", &setup.start().await, &[READ, KEY]).await;
}

#[tokio::test]
async fn a_component_is_exchanged_in_the_page() {
    if !is_possible() {
        return;
    }
    let server = Setup::default().start().await;
    let another = server.folder().join("another.wasm");
    std::fs::write(&another, build("guest-relations", &manifest("guest-relations", "0.2.0"))).unwrap();
    story("components", &server, &[another.to_str().unwrap()]).await;
}

#[tokio::test]
async fn of_fifty_calls_an_operator_sees_which_is_in_trouble() {
    const TROUBLED: [&str; 3] = ["CAtroubled1", "CAtroubled2", "CAtroubled3"];
    if !is_possible() {
        return;
    }
    // some wait long for their answers, and the others are answered at once
    let slow = openai::Config {
        script: Script::always("I am sorry to hear that."),
        first_token_delay: Duration::from_millis(3500),
        ..openai::Config::new("sk-llm")
    };
    let llm = openai::Server::start(slow).await.unwrap();
    let routes = "[limits]\nuser_away = 600\nllm_first_output = 20\n[route]\nllm = \"offline-llm\"\n\
                  [[routes]]\nname = \"slow\"\nparameters = { slow = \"yes\" }\nllm = \"openai-llm\"\n";
    let setup = Setup::brief().toml(routes).variable("OPENAI_API_KEY", "sk-llm");
    let server = setup.variable("OPENAI_BASE_URL", &llm.base_url()).start().await;
    let mut held = Vec::new();
    for call in TROUBLED {
        let mut phone = Phone::connect(&server).await;
        phone.send(&start_with(call, "slow", "yes")).await;
        assert_eq!(phone.hears().await, "Hello!");
        phone.say("My soup was cold.").await;
        assert_eq!(phone.hears().await, "I am sorry to hear that.");
        held.push(tokio::spawn(phone.stays()));
    }
    for call in 0..47 {
        // some of them are other conversations
        let persona = if call % 5 == 0 { "claim-intake" } else { "guest-relations" };
        let mut phone = Phone::connect(&server).await;
        phone.send(&start_with(&format!("CA{call:032}"), "persona", persona)).await;
        held.push(tokio::spawn(phone.chats("I am still thinking about it.")));
    }
    story("many", &server, &["50", &TROUBLED.join(","), "claim-intake"]).await;
    held.iter().for_each(tokio::task::JoinHandle::abort);
}
