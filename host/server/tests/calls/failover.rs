//! Providers in a chain: where one fails, the next goes on in the same call, and those who fail again and
//! again are not asked for a while.

mod ears;
mod minds;
mod mouths;
mod table;

use crate::house::*;
use serde_json::Value;
use standins::{Fault, cartesia, openai};
use std::time::Duration;

const KEY: &str = "sk-of-the-stand-ins";
const ASKED: &str = "My soup was cold today.";
/// What the model that ships says to that, or the beginning of it.
const OFFLINE: &str = "noted it for the kitchen";

async fn state(server: &Server, id: &str) -> Value {
    let known = crate::plugging::known(server, id).await;
    known["uses"][0].clone()
}

/// A server whose first voice is this one.
async fn with_voice(fault: Fault) -> (cartesia::Server, Server) {
    let voice = cartesia::Server::start(cartesia::Config::new(KEY)).await.unwrap();
    voice.set_fault(Some(fault));
    let server = Setup::brief()
        .toml("[route]\ntts = [\"cartesia-tts\", \"flite-tts\"]\n[limits]\ntts_first_output = 1.0\n")
        .variable("CARTESIA_API_KEY", KEY)
        .variable("CARTESIA_BASE_URL", &voice.base_url())
        .variable("CARTESIA_VOICE_ID", "a-voice")
        .start()
        .await;
    (voice, server)
}

/// A server whose first model is this one.
async fn with_model(fault: Fault) -> (openai::Server, Server) {
    let script = openai::Script::always("I am sorry to hear that.");
    let model = openai::Server::start(openai::Config { script, ..openai::Config::new(KEY) }).await.unwrap();
    model.set_fault(Some(fault));
    let server = Setup::brief()
        .toml("[limits]\nllm_first_output = 1.0\n")
        .variable("CORDBOARD_LLM", "openai-llm, offline-llm")
        .variable("OPENAI_API_KEY", KEY)
        .variable("OPENAI_BASE_URL", &model.base_url())
        .start()
        .await;
    (model, server)
}

fn refused(status: u16) -> Fault {
    Fault::Refuse { status, retry_after: Some(Duration::from_secs(30)) }
}

#[tokio::test]
async fn whatever_is_wrong_with_the_first_voice_the_second_is_heard() {
    for fault in [
        Fault::Silent,
        Fault::Nothing,
        Fault::Garbage,
        refused(401),
        refused(429),
        Fault::Refuse { status: 500, retry_after: None },
    ] {
        let (_voice, server) = with_voice(fault.clone()).await;
        let mut phone = Phone::begin(&server, "CA-voices").await;
        assert_eq!(phone.hears().await, "Hello!", "{fault:?}");
        assert!(phone.heard > 1000, "{fault:?}");
        let line = server.logged("another provider goes on").await;
        assert!(line.contains("from=\"cartesia-tts\"") && line.contains("to=\"flite-tts\""), "{line}");
        phone.say("Goodbye.").await;
        assert_eq!(phone.hears().await, "Bye!", "{fault:?}");
        assert_eq!(phone.ended().await, "script", "{fault:?}");
    }
}

#[tokio::test]
async fn a_voice_that_dies_in_the_middle_is_followed_by_another_and_nothing_is_said_twice() {
    let (_voice, server) = with_voice(Fault::CloseMidWord).await;
    let mut phone = Phone::begin(&server, "CA-mid").await;
    assert_eq!(phone.hears().await, "Hello!");
    phone.say("Goodbye.").await;
    assert_eq!(phone.hears().await, "Bye!");
    assert_eq!(phone.ended().await, "script");
    let log = server.log();
    assert_eq!(log.matches("another provider goes on").count(), 1, "{log}");
}

#[tokio::test]
async fn whatever_is_wrong_with_the_first_model_the_second_answers_the_same_turn() {
    for fault in [
        Fault::Silent,
        Fault::Nothing,
        Fault::Garbage,
        refused(401),
        refused(429),
        Fault::Refuse { status: 500, retry_after: None },
    ] {
        let (_model, server) = with_model(fault.clone()).await;
        let mut phone = Phone::begin(&server, "CA-models").await;
        phone.hears().await;
        phone.say(ASKED).await;
        let answer = phone.hears().await;
        assert!(answer.to_lowercase().contains(OFFLINE), "{fault:?}: {answer}\n{}", server.log());
        let line = server.logged("another provider goes on").await;
        assert!(line.contains("from=\"openai-llm\"") && line.contains("to=\"offline-llm\""), "{line}");
    }
}

#[tokio::test]
async fn a_model_that_wants_to_be_left_alone_is_not_asked_until_then() {
    let (model, server) = with_model(refused(429)).await;
    let mut phone = Phone::begin(&server, "CA-alone").await;
    phone.hears().await;
    for _ in 0..3 {
        phone.say(ASKED).await;
        phone.hears().await;
    }
    assert_eq!(model.seen().refused, 1, "it was told to wait for 30 s, and did");
    let state = state(&server, "openai-llm").await;
    assert_eq!(state["state"], "resting", "{state}");
    assert!(state["rests_for"].as_u64().is_some_and(|left| (1..=30).contains(&left)), "{state}");
    assert!(state["reason"].as_str().unwrap().contains("busy"), "{state}");
    // nor by another call
    let mut other = Phone::begin(&server, "CA-alone-2").await;
    other.hears().await;
    other.say(ASKED).await;
    assert!(other.hears().await.to_lowercase().contains(OFFLINE));
    assert_eq!(model.seen().refused, 1);
}

#[tokio::test]
async fn one_that_is_well_again_is_asked_again() {
    let (model, server) =
        with_model(Fault::Refuse { status: 429, retry_after: Some(Duration::from_secs(1)) }).await;
    let mut phone = Phone::begin(&server, "CA-again").await;
    phone.hears().await;
    phone.say(ASKED).await;
    assert!(phone.hears().await.to_lowercase().contains(OFFLINE));
    model.set_fault(None);
    // a call of its own: this one remembers for a while who failed in it
    let mut other = Phone::begin(&server, "CA-again-2").await;
    other.hears().await;
    let asking = async {
        loop {
            other.say(ASKED).await;
            if other.hears().await == "I am sorry to hear that." {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it is asked again once its rest is over");
    assert_eq!(state(&server, "openai-llm").await["state"], "ok");
}
