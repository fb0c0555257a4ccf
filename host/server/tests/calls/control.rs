//! Taking a hand in calls, and who may.

use crate::exchange::*;
use crate::house::*;
use crate::watching::Watching;
use reqwest::Method;
use serde_json::json;
use standins::twilio::{Config, Person, StreamOutcome};

const LONG: &str = "[component.guest-relations.settings]\n\
                    greeting = \"This is a greeting that goes on and on, so that somebody can stop it in its middle, \
                    which they do, or else it would go on for quite a while yet, and nobody would get to speak.\"\n\
                    goodbye = \"Bye!\"\n";

#[tokio::test]
async fn somebody_stops_the_agent_in_the_middle_of_a_sentence() {
    let exchange = Exchange::with(Config::new(), Setup::default().toml(LONG)).await;
    // a greeting of which nothing was heard is the answer to the first words
    let sid = exchange.ring(Person::who_says(["Hello?", "Goodbye."]));
    exchange.server.logged("call started").await;
    let mut watching = Watching::open(&exchange, &sid).await;
    watching.until_it_speaks().await;
    let (status, answer) = exchange.post(&format!("/interrupt-call/{sid}"), json!({})).await;
    assert_eq!((status, &answer), (200, &json!({ "success": true, "call_sid": sid })));
    let spoke = watching.until("spoke").await;
    assert_eq!(spoke["ending"], "interrupted");
    assert!(!spoke["heard"].as_str().unwrap().contains("quite a while"), "{spoke}");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.heard().last(), Some(&"Bye!"), "the conversation goes on");
}

#[tokio::test]
async fn an_operator_speaks_presses_keys_and_hangs_up() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let mut watching = Watching::open(&exchange, &sid).await;
    let (status, answer) =
        exchange.post(&format!("/calls/{sid}/say"), json!({ "text": "We are open again." })).await;
    assert_eq!(status, 200, "{answer}");
    exchange.hears(&sid, "We are open again.").await;
    let (status, answer) = exchange.post(&format!("/calls/{sid}/dtmf"), json!({ "digits": "1w2#" })).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) =
        exchange.post(&format!("/calls/{sid}/operator"), json!({ "text": "They are VIPs." })).await;
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(watching.until("end").await["departure"], "operator");
    let call = exchange.ended(&sid).await;
    assert_eq!(call.streams(), [StreamOutcome::ClosedByServer]);
    // it is over, and says so
    let (status, answer) = exchange.post(&format!("/calls/{sid}/hangup"), json!({})).await;
    assert_eq!(status, 409, "{answer}");
    assert_eq!(answer["ended_by"], "operator");
    assert!(answer["end_time"].is_string(), "{answer}");
    exchange.is_clean();
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    for (path, body, field) in [
        ("say", json!({ "text": "  " }), "text"),
        ("say", json!({}), "text"),
        ("say", json!({ "text": "x".repeat(5000) }), "text"),
        ("dtmf", json!({ "digits": "12x" }), "digits"),
        ("dtmf", json!({ "digits": "" }), "digits"),
        ("transfer", json!({ "to": "the front desk" }), "to"),
        ("transfer", json!({}), "to"),
        ("operator", json!({ "text": "" }), "text"),
    ] {
        let (status, answer) = exchange.post(&format!("/calls/{sid}/{path}"), body.clone()).await;
        assert_eq!(status, 422, "{path} {body}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(field), "{path} {body}: {answer}");
    }
    for path in ["interrupt", "hangup", "say", "dtmf", "operator", "transfer"] {
        let body = json!({ "text": "x", "digits": "1", "to": "+15555550142" });
        let body = match path {
            "say" | "operator" => json!({ "text": body["text"] }),
            "dtmf" => json!({ "digits": body["digits"] }),
            "transfer" => json!({ "to": body["to"] }),
            _ => json!({}),
        };
        let (status, answer) = exchange.post(&format!("/calls/CA404/{path}"), body).await;
        assert_eq!(status, 404, "{path}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains("CA404"), "{answer}");
    }
    exchange.twilio.hang_up(&sid);
    exchange.ended(&sid).await;
}

#[tokio::test]
async fn each_key_opens_what_its_role_says_and_without_one_nothing_opens() {
    let twilio = standins::twilio::Server::start(Config::new()).await.unwrap();
    let server = Setup::brief()
        .twilio(&twilio)
        .variable("CORDBOARD_API_KEY_READ", "reader-0123456789abcdef")
        .variable("CORDBOARD_API_KEY_CONTROL", "steward-0123456789abcdef, deputy-0123456789abcdef")
        .variable("CORDBOARD_API_KEY_CALL", "dialler-0123456789abcdef")
        .start()
        .await;
    let (read, control, call) = ("/calls", "/calls/CA404/hangup", "/outbound");
    let empty = Some(json!({}));
    // what an allowed request is answered with
    let allowed = [(read, 200), (control, 404), (call, 422)];
    let may = |key: Option<&'static str>, open: &'static [&'static str], otherwise: u16| {
        let (server, empty) = (&server, &empty);
        async move {
            for (path, status) in allowed {
                let method = if path == read { Method::GET } else { Method::POST };
                let body = if path == read { None } else { empty.clone() };
                let expected = if open.contains(&path) { status } else { otherwise };
                let (status, answer) = ask(server, key, method, path, body).await;
                assert_eq!(status, expected, "{key:?} {path}: {answer}");
            }
        }
    };
    may(Some("reader-0123456789abcdef"), &["/calls"], 403).await;
    may(Some("steward-0123456789abcdef"), &["/calls", "/calls/CA404/hangup"], 403).await;
    may(Some("deputy-0123456789abcdef"), &["/calls", "/calls/CA404/hangup"], 403).await;
    may(Some("dialler-0123456789abcdef"), &["/calls", "/outbound"], 403).await;
    may(Some(KEY), &["/calls", "/calls/CA404/hangup", "/outbound"], 403).await;
    may(Some("somebody-0123456789abcdef"), &[], 401).await;
    // also from this machine: what stands before it may be a proxy
    may(None, &[], 401).await;
}
