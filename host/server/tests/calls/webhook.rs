//! What answers HTTP.

use crate::house::*;
use std::sync::Once;

/// A client of the tests; TLS has to have a provider, though nothing here uses it.
fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::new()
}

async fn twiml(server: &Server, host: &str) -> String {
    let form = "CallSid=CA1&From=%2B15555550100&To=%2B15555550101&CallStatus=ringing&Direction=inbound";
    let request = client()
        .post(server.url("/"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", host)
        .body(form);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/xml"));
    response.text().await.unwrap()
}

#[tokio::test]
async fn an_incoming_call_is_connected_to_the_stream_with_what_is_known_of_it() {
    let server = Setup::brief().start().await;
    let twiml = twiml(&server, "agent.example.com").await;
    assert_eq!(
        twiml,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect>\
         <Stream url=\"wss://agent.example.com/ws\"><Parameter name=\"direction\" value=\"inbound\"/>\
         <Parameter name=\"caller\" value=\"+15555550100\"/><Parameter name=\"called\" value=\"+15555550101\"/>\
         </Stream></Connect></Response>"
    );
    let log = server.log();
    assert!(log.contains("+1555***0100") && !log.contains("+15555550100"), "{log}");
}

#[tokio::test]
async fn the_streams_address_is_the_public_one_or_the_one_that_was_asked() {
    let server = Setup::brief().start().await;
    let local = twiml(&server, "127.0.0.1:8765").await;
    assert!(local.contains("url=\"ws://127.0.0.1:8765/ws\""), "{local}");
    let public = Setup::brief().variable("PUBLIC_URL", "https://calls.example.org/line/").start().await;
    let twiml = twiml(&public, "127.0.0.1:8765").await;
    assert!(twiml.contains("url=\"wss://calls.example.org/line/ws\""), "{twiml}");
}

#[tokio::test]
async fn health_says_what_serves_the_calls() {
    let server = Setup::brief().start().await;
    let health = || async {
        let text = client().get(server.url("/health")).send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let idle = health().await;
    assert_eq!(idle["status"], "healthy");
    assert_eq!(idle["calls"], 0);
    assert_eq!(idle["services"]["tts"], "flite-tts");
    assert_eq!(idle["services"]["stt"], serde_json::Value::Null);
    let mut phone = Phone::begin(&server, "CA1").await;
    phone.hears().await;
    assert_eq!(health().await["calls"], 1);
}

#[tokio::test]
async fn what_is_not_there_and_what_does_not_fit_say_so() {
    let server = Setup::brief().start().await;
    let nowhere = client().get(server.url("/nowhere")).send().await.unwrap();
    assert_eq!(nowhere.status(), 404);
    assert!(nowhere.text().await.unwrap().contains("\"detail\""));
    let no_upgrade = client().get(server.url("/ws")).send().await.unwrap();
    assert!(no_upgrade.status().is_client_error());
    assert!(no_upgrade.text().await.unwrap().contains("connects by WebSocket"));
    let no_form = client().post(server.url("/")).body("{}").send().await.unwrap();
    assert!(no_form.status().is_client_error());
    assert!(no_form.text().await.unwrap().contains("a form is needed"));
}

#[tokio::test]
async fn more_calls_than_the_host_may_carry_are_turned_away() {
    let server = Setup::brief().toml("[server]\ncalls = 1\n").start().await;
    let mut phone = Phone::begin(&server, "CA1").await;
    phone.hears().await;
    let refused = tokio_tungstenite::connect_async(server.stream_url()).await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    phone.drop_dead();
    server.logged("call ended").await;
}
