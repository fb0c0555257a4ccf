//! Components that reach for what was not granted, or put into a request what is not theirs: addresses
//! in every spelling, names that lead elsewhere, redirects, headers, connections that are none. What
//! counts is what a server gets.

use crate::desk::*;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use call::llm::Effect;
use components::manifest::{Kind, Manifest};
use components::{Artifact, Generation};
use std::sync::{Arc, Mutex};

const KEY: &str = "sk-very-secret-key";

/// Answers whatever comes, and keeps it.
#[derive(Clone, Default)]
struct Server {
    came: Arc<Mutex<Vec<String>>>,
    /// where it sends those who ask for `/v1/away`
    away: Option<String>,
}

impl Server {
    async fn start(away: Option<String>) -> (Self, String) {
        let server = Self { away, ..Self::default() };
        let app = Router::new().fallback(answer).with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, format!("http://{address}/v1"))
    }

    fn came(&self) -> Vec<String> {
        self.came.lock().unwrap().clone()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    server.came.lock().unwrap().push(format!("{} {path} {:?}", request.method(), request.headers()));
    match (path.as_str(), server.away) {
        ("/v1/hang", _) => std::future::pending().await,
        ("/v1/away", Some(away)) => (StatusCode::TEMPORARY_REDIRECT, [("location", away)]).into_response(),
        _ => StatusCode::OK.into_response(),
    }
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

/// What it says, and that another call in the same engine does not notice.
async fn tried(mode: &str, base: &str) -> Vec<Effect> {
    let effects = reply(&hostile(mode, base), "CA-hostile", "Hello?").await;
    let offline = shipped("offline-llm", Kind::Llm, &Desk::default());
    assert!(text(&reply(&offline, "CA-other", "My soup was cold.").await).contains("sorry"));
    effects
}

#[tokio::test]
async fn no_address_but_the_granted_one_is_reached_however_it_is_written() {
    let (server, base) = Server::start(None).await;
    let said = text(&tried("addresses", &base).await);
    let reached = said.matches("Outcome::Head").count() + said.matches("Outcome::Opened").count();
    assert_eq!((server.came(), reached), (vec![], 0));
    // each was asked for twice, as a request and as a websocket
    assert_eq!(said.matches("Fault::Forbidden").count(), 2 * 52, "{said:.4000}");
    assert!(!said.contains("Fault::Unreachable") && !said.contains("Fault::Timeout"));
}

#[tokio::test]
async fn the_granted_address_in_another_spelling_is_the_granted_address() {
    let (server, base) = Server::start(None).await;
    let effects = tried("spellings", &base).await;
    let came = server.came();
    assert_eq!((came.len(), failure(&effects)), (6, None), "{}", text(&effects));
    assert!(came.iter().all(|it| it.contains("\"host\": \"127.0.0.1:")), "{came:?}");
}

#[tokio::test]
async fn an_address_that_only_a_manifest_names_is_not_reached_if_it_is_private() {
    let (server, granted) = Server::start(None).await;
    let port = granted.trim_end_matches("/v1").rsplit(':').next().unwrap();
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "10.0.0.1",
        "localhost",
    ] {
        let said = text(&by_manifest_alone(&format!("http://{host}:{port}/v1")).await);
        assert_eq!(said.matches("Fault::Forbidden").count(), 2, "{host}: {said}");
        assert!(said.contains("private address"), "{host}: {said}");
    }
    assert_eq!(server.came(), [""; 0]);
}

/// What it says of an address that its manifest wants, and that no operator wrote.
async fn by_manifest_alone(base: &str) -> Vec<Effect> {
    let path = guest("hostile-llm");
    let manifest = std::str::from_utf8(include_bytes!("../guests/hostile-llm/plugin.toml")).unwrap();
    let manifest = manifest
        .replace("default = \"https://api.example.com/v1\"", &format!("default = \"{base}\""))
        .replace("default = \"dump\"", "default = \"private\"");
    let shipped = Manifest::parse(&manifest).unwrap();
    let mut artifact = Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path)).unwrap();
    artifact.manifest = shipped.clone();
    let generation = Generation::load(host(), artifact, Some(&shipped), &Desk::default()).unwrap();
    reply(&Arc::new(generation), "CA-hostile", "Hello?").await
}

#[tokio::test]
async fn who_is_sent_elsewhere_does_not_go_there_and_takes_no_key_along() {
    let (elsewhere, forbidden) = Server::start(None).await;
    let (server, base) = Server::start(Some(format!("{forbidden}/loot"))).await;
    let said = text(&tried("away", &base).await);
    assert!(said.contains("307") && said.contains("Fault::Refused"), "{said}");
    assert_eq!((server.came().len(), elsewhere.came()), (2, vec![]));
}

#[tokio::test]
async fn no_header_that_is_not_its_own_gets_out() {
    let (server, base) = Server::start(None).await;
    let effects = tried("titles", &base).await;
    let said = text(&effects);
    assert_eq!(failure(&effects), None);
    let came = server.came();
    let key = format!("\"x-api-key\": \"Bearer {KEY}\"");
    for request in &came {
        assert!(!request.contains("mine"), "{request}");
        assert_eq!((request.matches("api-key").count(), request.matches(&key).count()), (1, 1), "{request}");
        assert!(request.contains("\"host\": \"127.0.0.1:"), "{request}");
    }
    // some are dropped, and the request goes out without them
    assert!(came.len() >= 15, "{} requests: {said:.4000}", came.len());
    for why in ["is no header", "are no header", "is no method", "no component may use", "may have 128"] {
        assert!(said.contains(why), "{why:?} was not said: {said:.4000}");
    }
}

#[tokio::test]
async fn what_it_sends_on_connections_that_are_none_gets_nowhere() {
    let (server, base) = Server::start(None).await;
    let effects = tried("unopened", &base).await;
    // the one that it opened and closed at once was refused: this server knows no websockets
    assert_eq!(failure(&effects), None, "{}", text(&effects));
    assert!(server.came().len() <= 1, "{:?}", server.came());
    let failed = failure(&tried("frame-on-request", &base).await).unwrap();
    assert!(failed.contains("it sent a frame on the request 1"), "{failed}");
}

#[tokio::test]
async fn one_that_logs_at_every_chance_fills_no_disk() {
    let generation = hostile("chatter", "https://api.example.com/v1");
    let (surroundings, _arrivals) = surroundings("CA-hostile");
    let now = |step: u64| call::Moment::since_start(std::time::Duration::from_millis(10 * step));
    let (_, log) = logged(async {
        let (mut session, _) = generation.open_llm(&surroundings, now(0)).unwrap();
        session.handle(now(0), call::llm::Event::Generate(prompt("Hello?")));
        for step in 1..=200 {
            session.timeout(now(step));
        }
    })
    .await;
    // two seconds: what it has to begin with, and fifty a second
    let lines = log.matches("chatter").count();
    assert!((1000..=1110).contains(&lines), "{lines} lines");
    assert!(log.contains("it logs too much"));
}
