//! Components that do what they must not. Each ends alone: the log names it, and another component
//! in the same engine goes on.

use crate::desk::*;
use axum::Router;
use axum::body::Bytes;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::Message;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use call::Moment;
use call::llm::{self, Effect};
use components::Generation;
use components::manifest::Kind;
use std::sync::Arc;
use std::time::Duration;

const KEY: &str = "sk-very-secret-key";

/// A server that sends back what it gets, and others that misbehave.
async fn server() -> String {
    async fn echo(
        upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let got = format!("{headers:?} {body:?}");
        match upgrade {
            Err(_) => ([("x-echo", headers.get("x-api-key").cloned().unwrap())], got).into_response(),
            Ok(upgrade) => upgrade.on_upgrade(async |mut socket| {
                let _ = socket.send(Message::text(got.clone())).await;
                let _ = socket.send(Message::binary(got)).await;
            }),
        }
    }
    async fn stuck(upgrade: WebSocketUpgrade) -> Response {
        upgrade.on_upgrade(async |socket| {
            std::future::pending::<()>().await;
            drop(socket);
        })
    }
    let app = Router::new()
        .route("/v1/echo", any(echo))
        .route("/v1/stuck", any(stuck))
        .route("/v1/hang", any(std::future::pending::<StatusCode>))
        .route("/v1/redirect", any(|| async { (StatusCode::FOUND, [("location", "/v1/echo")]) }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/v1")
}

fn hostile(mode: &str, base: &str) -> Arc<Generation> {
    let entry = format!(
        r#"
        settings = {{ mode = "{mode}", base_url = "{base}" }}
        grant = {{ egress = ["{base}"], secrets = ["HOSTILE_KEY"] }}
        "#
    );
    stranger("hostile-llm", &Desk::default().entry("hostile-llm", &entry).variable("HOSTILE_KEY", KEY))
}

const NOWHERE: &str = "https://api.example.com/v1";

/// What became of it, and what the log says.
async fn tried(mode: &str, base: &str) -> (Vec<Effect>, String) {
    let hostile = hostile(mode, base);
    let (effects, log) = logged(reply(&hostile, "CA-hostile", "Hello?")).await;
    // another call in the same engine does not notice
    let offline = shipped("offline-llm", Kind::Llm, &Desk::default());
    assert!(text(&reply(&offline, "CA-other", "My soup was cold.").await).contains("sorry"));
    (effects, log)
}

/// It failed, for this reason, and the log names it and the call.
async fn is_ended(mode: &str, base: &str, reason: &str) {
    let (effects, log) = tried(mode, base).await;
    let failure = failure(&effects).unwrap_or_else(|| panic!("{mode} went on: {effects:?}"));
    assert!(failure.contains(reason), "{mode}: {failure}");
    for part in ["hostile-llm", "CA-hostile", reason] {
        assert!(log.contains(part), "{part:?} is not in the log of {mode}:\n{log}");
    }
}

#[tokio::test]
async fn one_that_dumps_all_it_was_given_never_shows_a_key() {
    let base = server().await;
    let (effects, log) = tried("dump", &base).await;
    let said = text(&effects);
    assert_eq!(failure(&effects), None);
    // the server got the key, and sent it back in a header, a body and two frames
    assert_eq!(said.matches("Bearer ***").count(), 4, "{said}");
    assert!(said.contains("Hello?"), "it was told the prompt");
    assert!(!said.contains("sk-very"), "{said}");
    assert!(!log.contains("sk-very"), "{log}");
}

#[tokio::test]
async fn the_hosts_headers_are_not_the_components_to_set() {
    let base = server().await;
    let said = text(&tried("headers", &base).await.0);
    assert!(said.contains("\"x-api-key\": \"Bearer ***\"") && !said.contains("mine"), "{said}");
    assert!(!said.contains("evil.example.org"), "{said}");
    assert!(said.contains("\"content-length\": \"5\""), "{said}");
    let smuggled = text(&tried("smuggle", &base).await.0);
    assert!(smuggled.contains("is no header") && !smuggled.contains("Bearer"), "{smuggled}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let base = server().await;
    let said = text(&tried("redirect", &base).await.0);
    assert!(said.contains("302") && !said.contains("Bearer"), "{said}");
}

#[tokio::test]
async fn addresses_outside_the_grant_are_not_reached() {
    let base = server().await;
    let (effects, _) = tried("forbidden", &base).await;
    assert_eq!(failure(&effects), None);
    assert_eq!(text(&effects).matches("Fault::Forbidden").count(), 6, "{}", text(&effects));
}

#[tokio::test]
async fn a_granted_name_that_leads_into_the_own_network_is_not_reached() {
    let base = server().await.replace("127.0.0.1", "localhost");
    // the address comes from the manifest, not from the operator
    let path = guest("hostile-llm");
    let manifest = std::str::from_utf8(include_bytes!("../guests/hostile-llm/plugin.toml")).unwrap();
    let manifest = manifest
        .replace("default = \"https://api.example.com/v1\"", &format!("default = \"{base}\""))
        .replace("default = \"dump\"", "default = \"private\"");
    let shipped = components::manifest::Manifest::parse(&manifest).unwrap();
    let mut artifact = components::Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path)).unwrap();
    artifact.manifest = shipped.clone();
    let desk = Desk::default();
    let private = Generation::load(host(), artifact, Some(&shipped), &desk).unwrap();
    let said = text(&reply(&Arc::new(private), "CA-hostile", "Hello?").await);
    assert_eq!(said.matches("Fault::Forbidden").count(), 2, "{said}");
    assert!(said.contains("private address"), "{said}");
}

#[tokio::test]
async fn one_that_loops_is_stopped() {
    is_ended("loop", NOWHERE, "it computed for more than 50 ms").await;
    is_ended("loop-at-open", NOWHERE, "it computed for more than 50 ms").await;
}

#[tokio::test]
async fn one_that_is_at_work_all_the_time_is_stopped() {
    is_ended("busy", NOWHERE, "more than a quarter of the time").await;
}

#[tokio::test]
async fn one_with_many_timers_is_told_of_one_at_a_time() {
    let (surroundings, _arrivals) = surroundings("CA-hostile");
    let (mut session, _) = hostile("busy", NOWHERE).open_llm(&surroundings, Moment::START).unwrap();
    session.handle(Moment::START, llm::Event::Generate(prompt("Hello?")));
    let now = Moment::since_start(Duration::from_millis(10));
    for id in 0..3 {
        assert!(session.next_timeout() <= now, "the host comes back");
        assert_eq!(text(&session.timeout(now)), format!("timer {id} "));
    }
}

#[tokio::test]
async fn one_that_allocates_without_end_is_stopped() {
    // its manifest asks for twice as much
    is_ended("allocate", NOWHERE, "bytes of memory, and may have 16777216").await;
}

#[tokio::test]
async fn one_that_recurses_without_end_is_stopped() {
    is_ended("recurse", NOWHERE, "call stack exhausted").await;
}

#[tokio::test]
async fn one_that_traps_says_why() {
    is_ended("trap", NOWHERE, "this is on purpose").await;
}

#[tokio::test]
async fn one_that_floods_effects_is_stopped() {
    is_ended("flood", NOWHERE, "effects at once").await;
    is_ended("giant", NOWHERE, "bytes of effects at once").await;
}

#[tokio::test]
async fn one_that_opens_too_much_is_stopped() {
    let base = server().await;
    is_ended("connections", &base, "more than 8 connections").await;
    is_ended("same-connection", &base, "opened the connection 1, which is open").await;
    is_ended("frame", &base, "a frame of 1048576 bytes").await;
    is_ended("timers", NOWHERE, "more than 32 timers").await;
}

#[tokio::test]
async fn a_server_that_does_not_read_ends_the_connection_and_not_the_component() {
    let base = server().await;
    let (effects, _) = tried("queue", &base).await;
    let said = text(&effects);
    assert_eq!(failure(&effects), None);
    assert!(said.contains("Fault::TooLarge") && said.contains("does not take"), "{said}");
}

#[tokio::test]
async fn one_that_looks_around_finds_nothing_and_sees_the_same_each_time() {
    let (first, log) = tried("look-around", NOWHERE).await;
    let said = text(&first);
    assert!(said.contains("variables []") && said.contains("arguments []"), "{said}");
    assert!(said.contains("folder Err") && said.contains("file Err"), "{said}");
    assert!(said.contains("and 0ns after"), "the clock stands still during a call: {said}");
    assert!(log.contains("a line in two fragments"), "{log}");
}

#[tokio::test]
async fn a_clock_and_the_order_of_a_hash_map_are_the_same_in_two_replays() {
    let looks = |seed| {
        let (surroundings, _arrivals) = surroundings_with("CA-hostile", seed);
        let hostile = hostile("look-around", NOWHERE);
        let (mut session, _) = hostile.open_llm(&surroundings, Moment::START).unwrap();
        let now = Moment::since_start(Duration::from_millis(1234));
        text(&session.handle(now, llm::Event::Generate(prompt("Hello?"))))
    };
    let first = looks(42);
    assert!(first.contains("clock 1800000001234"), "{first}");
    assert_eq!(first, looks(42));
    let order = |text: &str| text.split("order ").nth(1).unwrap().to_owned();
    assert_ne!(order(&first), order(&looks(43)), "what decides is the seed");
}

#[tokio::test]
async fn one_that_wants_to_wait_or_to_end_the_process_ends_itself() {
    is_ended("sleep", NOWHERE, "wanted to wait").await;
    let (effects, _) = tried("exit", NOWHERE).await;
    assert!(failure(&effects).is_some(), "{effects:?}");
}

#[tokio::test]
async fn one_that_logs_without_end_is_cut() {
    let (effects, log) = tried("log", NOWHERE).await;
    assert_eq!(failure(&effects), None);
    assert!(log.contains("line 99") && log.contains("it logs too much"), "{log}");
    assert!(!log.contains("line 100"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_loop_do_not_stop_the_others() {
    let hostile = hostile("loop", NOWHERE);
    let offline = shipped("offline-llm", Kind::Llm, &Desk::default());
    let looping: Vec<_> = (0..20)
        .map(|_| {
            let hostile = hostile.clone();
            tokio::spawn(async move { reply(&hostile, "CA-hostile", "Hello?").await })
        })
        .collect();
    for n in 0..50 {
        let answer = tokio::time::timeout(Duration::from_secs(20), reply(&offline, "CA-other", "cold"));
        assert!(text(&answer.await.unwrap()).contains("sorry"), "call {n}");
    }
    for looped in looping {
        assert!(failure(&looped.await.unwrap()).unwrap().contains("computed"));
    }
}
