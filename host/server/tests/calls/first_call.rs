//! The first call, as somebody makes it who has just started the program: no keys, no configuration.

use crate::exchange::client;
use crate::house::*;

#[tokio::test]
async fn the_greeting_is_heard_an_answer_follows_and_the_goodbye_ends_the_call() {
    let server = Setup::default().start().await;
    let out = tempfile::tempdir().unwrap();
    let wav = out.path().join("heard.wav");
    let say = ["--say", "My soup was cold today.", "--say", "Thank you, goodbye."];
    let (output, text) = call(&server, &[&say[..], &["--out", wav.to_str().unwrap()]].concat()).await;
    assert!(output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let place = |part: &str| {
        lines.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{text}"))
    };
    let order = [
        "recogniser: none",
        "agent   Thank you for calling Compass Group guest relations.",
        "caller  My soup was cold today.",
        "understood: My soup was cold today.",
        "agent   I am sorry to hear that",
        "caller  Thank you, goodbye.",
        "agent   Thank you for calling Compass Group. Goodbye!",
        "the call ended (script)",
    ];
    assert!(order.map(place).is_sorted(), "{text}");
    let (samples, _) = audio::wav::read(&wav).unwrap();
    let seconds = samples.len() / 8000;
    assert!(audio::detect::level(&samples) > -40.0 && seconds > 10, "{seconds} s of what was heard");
    let log = server.log();
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn a_caller_who_hangs_up_ends_the_call() {
    let server = Setup::default().start().await;
    let mut phone = Phone::begin(&server, "CA-hangs-up").await;
    assert!(phone.hears().await.starts_with("Thank you for calling"));
    phone.send(&format!(r#"{{"event":"stop","streamSid":"{SID}","stop":{{}}}}"#)).await;
    assert_eq!(phone.ended().await, "caller");
    let ended = server.logged("call ended").await;
    assert!(ended.contains("CA-hangs-up") && ended.contains("departure=\"caller\""), "{ended}");
}

#[tokio::test]
async fn a_key_is_pressed_and_a_caller_cuts_in() {
    let server = Setup::default().start().await;
    let (output, text) =
        call(&server, &["--interrupt", "Stop please.", "--press", "5", "--say", "Goodbye."]).await;
    assert!(output.status.success(), "{text}");
    assert!(text.contains("caller  presses 5"), "{text}");
    // the greeting was cut to what was heard of it
    let greeting = text.lines().find(|line| line.contains("agent   Thank you for")).unwrap_or(&text);
    assert!(!greeting.contains("How can I help you today?"), "{text}");
}

#[tokio::test]
async fn when_the_host_stops_live_calls_end_and_so_does_the_program() {
    let mut server = Setup::default().toml("[server]\ndrain = 0\n").start().await;
    let mut phone = Phone::begin(&server, "CA-live").await;
    phone.hears().await;
    let stopping = tokio::spawn(async move { server.stop().await });
    assert_eq!(phone.ended().await, "failed");
    drop(phone);
    let (status, log) = stopping.await.unwrap();
    assert!(status.success(), "{log}");
    assert!(log.contains("the host is stopping"), "{log}");
}

#[tokio::test]
async fn a_claim_is_taken_piece_by_piece_without_a_model_and_is_done_when_the_caller_says_so() {
    let setup = Setup::brief().variable("CORDBOARD_PERSONA", "claim-intake");
    let server = setup.toml("[component.claim-intake.settings]\nuse_model = false\n").start().await;
    let mut phone = Phone::begin(&server, "CA-claim").await;
    let said = [
        "Yes, I have it.",
        "It was on March fifth 2026.",
        "Yes.",
        "It is pending.",
        "Yes.",
        "Four hundred and fifty dollars.",
        "Yes, that's right.",
        "Yes, all of that is correct.",
    ];
    for text in said {
        phone.hears().await;
        phone.say(text).await;
    }
    assert_eq!(phone.ended().await, "script", "{}", server.log());
    let view = client().get(server.url("/calls/CA-claim")).send().await.unwrap().text().await.unwrap();
    let kept = serde_json::from_str::<serde_json::Value>(&view).unwrap()["kept"].clone();
    assert_eq!(
        (kept["state"].as_str(), kept["claim_date"].as_str()),
        (Some("done"), Some("2026-03-05")),
        "{kept}"
    );
    assert_eq!(
        (kept["claim_status"].as_str(), kept["claim_amount"].as_str()),
        (Some("Pending"), Some("450.00"))
    );
    assert_eq!(kept["claim_id"].as_str().map(str::len), Some(10), "{kept}");
}
