//! The host is asked to stop while there are calls.

use crate::exchange::*;
use crate::house::*;
use reqwest::Method;
use standins::twilio::{Callee, Config, Person, Status};

async fn front(server: &Server, path: &str) -> u16 {
    client().get(server.url(path)).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_host_that_stops_takes_no_new_call_and_lets_the_live_ones_finish() {
    let mut exchange = Exchange::new().await;
    let person = Person {
        patience: std::time::Duration::from_secs(30),
        ..Person::who_says(["My soup was cold.", "Goodbye."])
    };
    let sid = exchange.ring(person);
    exchange.hears(&sid, "Hello!").await;
    exchange.server.terminate().await;
    exchange.server.logged("stopping: no new calls").await;
    assert_eq!(front(&exchange.server, "/ready").await, 503);
    let (_, health) = ask(&exchange.server, None, Method::GET, "/health", None).await;
    assert_eq!(health["status"], "stopping");
    let late = exchange.ended(&exchange.ring(listener())).await;
    assert_eq!(late.status, Status::Busy);
    let body = serde_json::json!({ "to_number": "+15555550101" });
    assert_eq!(exchange.post("/outbound", body).await.0, 503);
    let call = exchange.ended(&sid).await;
    assert_eq!((call.heard().last(), call.status), (Some(&"Bye!"), Status::Completed), "{}", story(&call));
    assert_eq!(asked(&call, "/voice/after"), 1, "it was still there to answer");
    let (status, log) = exchange.server.gone().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn calls_that_take_too_long_hear_an_apology() {
    let setup = Setup::brief().toml("[server]\ndrain = 0.1\n\n[speech]\napology = \"Sorry, we close.\"\n");
    let mut exchange = Exchange::with(Config::new(), setup).await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    exchange.server.terminate().await;
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard().last(), Some(&"Sorry, we close."), "{}", story(&call));
    assert!(exchange.server.gone().await.0.success());
}

#[tokio::test]
async fn asked_a_second_time_it_stops_at_once() {
    let mut exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    exchange.server.terminate().await;
    exchange.server.logged("stopping: no new calls").await;
    exchange.server.terminate().await;
    let (status, log) = exchange.server.gone().await;
    assert!(status.success(), "{log}");
    assert!(log.contains("the call is cut off") && log.contains("call ended"), "{log}");
    // nobody could say it any more but Twilio
    let call = exchange.ended(&sid).await;
    assert!(matches!(call.said()[..], [said] if said.starts_with("I am sorry")), "{}", story(&call));
}

#[tokio::test]
async fn whoever_picks_up_while_the_host_leaves_is_talked_to_and_who_does_not_is_not_rung_for_ever() {
    let after = std::time::Duration::from_secs(60);
    let config = Config { callee: Callee::NoAnswer { after }, ..Config::new() };
    let mut exchange = Exchange::with(config, Setup::brief().toml("[server]\ndrain = 0.2\n")).await;
    let (status, placed) =
        exchange.post("/outbound", serde_json::json!({ "to_number": "+15555550101" })).await;
    assert_eq!(status, 200, "{placed}");
    let sid = placed["call_sid"].as_str().unwrap().to_owned();
    exchange.until(&sid, |call| call.status == Status::Ringing).await;
    exchange.server.terminate().await;
    let call = exchange.ended(&sid).await;
    assert_eq!(call.status, Status::Canceled, "{}", story(&call));
    assert!(exchange.server.gone().await.0.success());
}
