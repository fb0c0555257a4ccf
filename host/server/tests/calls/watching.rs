//! Those who watch a call, over either protocol.

use crate::exchange::*;
use crate::house::*;
use futures_util::StreamExt;
use serde_json::{Value, json};
use standins::twilio::Person;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Reads a call's server-sent events.
pub struct Watching {
    response: reqwest::Response,
    text: String,
    pub events: Vec<Value>,
}

impl Watching {
    pub async fn open(exchange: &Exchange, sid: &str) -> Self {
        Self::at(&exchange.server, sid).await
    }

    /// By this server.
    pub async fn at(server: &Server, sid: &str) -> Self {
        let url = server.url(&format!("/calls/{sid}/events"));
        let response = client().get(url).bearer_auth(KEY).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new(), events: Vec::new() }
    }

    /// The next event; none: the stream is over.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.lines().find_map(|line| line.strip_prefix("data:"));
                let event = data.map(|data| serde_json::from_str::<Value>(data).unwrap());
                self.text = rest.to_owned();
                if let Some(event) = event {
                    self.events.push(event.clone());
                    return Some(event);
                }
                continue;
            }
            let piece = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("no event came");
            self.text.push_str(std::str::from_utf8(&piece.unwrap()?).unwrap());
        }
    }

    /// The agent is being heard.
    pub async fn until_it_speaks(&mut self) {
        let call = self.next().await.unwrap();
        if call["speaking"].is_null() {
            self.until("speaks").await;
        }
    }

    /// The next event of this name.
    pub async fn until(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await;
            let event = event.unwrap_or_else(|| panic!("it ended without {name:?}: {:#?}", self.events));
            if event["event"] == name {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn a_watcher_sees_the_call_as_it_is_and_then_what_happens_until_its_end() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(Person::who_says(["My soup was cold today.", "Thank you, goodbye."]));
    exchange.server.logged("call started").await;
    let mut watching = Watching::open(&exchange, &sid).await;
    let first = watching.next().await.unwrap();
    assert_eq!((first["event"].as_str(), first["live"].as_bool()), (Some("call"), Some(true)));
    while watching.next().await.is_some() {}
    let names: Vec<&str> = watching.events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    for name in ["speaks", "spoke", "turn", "metrics", "kept"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let end = watching.events.last().unwrap();
    assert_eq!((end["event"].as_str(), end["departure"].as_str()), (Some("end"), Some("script")));
    let said: Vec<&str> =
        watching.events.iter().filter(|e| e["event"] == "turn").filter_map(|e| e["text"].as_str()).collect();
    assert_eq!(said, ["My soup was cold today.", "Thank you, goodbye."]);
    exchange.ended(&sid).await;
}

#[tokio::test]
async fn the_same_comes_over_a_websocket_and_ends_with_a_close() {
    let exchange = Exchange::new().await;
    let sid = exchange.ring(Person::who_says(["Goodbye."]));
    exchange.server.logged("call started").await;
    let url = format!("ws://{}/calls/{sid}/events", exchange.server.address);
    let mut request = url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {KEY}").parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let mut names = Vec::new();
    let closed = loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => {
                let event: Value = serde_json::from_str(&text).unwrap();
                names.push(event["event"].as_str().unwrap().to_owned());
            }
            Message::Close(frame) => break frame,
            _ => {}
        }
    };
    assert_eq!(closed.map(|frame| u16::from(frame.code)), Some(1000));
    assert_eq!(
        (names.first().map(String::as_str), names.last().map(String::as_str)),
        (Some("call"), Some("end"))
    );
    // without the key nobody watches
    let refused = tokio_tungstenite::connect_async(url).await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    exchange.ended(&sid).await;
}

#[tokio::test]
async fn the_calls_that_there_are_come_with_their_conversations() {
    let exchange = Exchange::new().await;
    assert_eq!(exchange.get("/calls").await, json!({ "calls": [] }));
    let sid = exchange.ring(listener());
    exchange.hears(&sid, "Hello!").await;
    let calls =
        until_told(&exchange, "/calls", |calls| calls["calls"][0]["conversation"][0]["text"] == "Hello!")
            .await;
    assert_eq!(calls["calls"].as_array().unwrap().len(), 1);
    assert_eq!(calls["calls"][0]["call_sid"], sid.as_str());
    exchange.twilio.hang_up(&sid);
    exchange.ended(&sid).await;
    until_told(&exchange, "/calls", |calls| calls["calls"] == json!([])).await;
    let all = exchange.get("/calls?all=true").await;
    assert_eq!(all["calls"][0]["departure"], "caller");
    let (status, answer) = exchange.ask(reqwest::Method::GET, "/calls?al=true", None).await;
    assert_eq!(status, 400, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("al"), "{answer}");
}
