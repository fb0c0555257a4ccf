//! Deepgram's client in these tests: a line that streams audio and reads what comes.

use crate::{KEY, within};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use standins::deepgram;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

/// What a call asks for.
pub const TURNS: &str =
    "interim_results=true&endpointing=300&utterance_end_ms=1000&vad_events=true&smart_format=true";

pub type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub async fn connect(server: &deepgram::Server, path: &str, key: &str) -> Result<Socket, tungstenite::Error> {
    let url = format!("{}{path}", server.base_url().replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Authorization", format!("Token {key}").parse().unwrap());
    Ok(within(tokio_tungstenite::connect_async(request)).await?.0)
}

pub struct Line(pub Socket);

/// What came until the connection was closed.
pub struct Ended {
    pub messages: Vec<Value>,
    pub closed_with: u16,
    pub reason: String,
}

impl Line {
    /// With telephone audio.
    pub async fn open(server: &deepgram::Server, more: &str) -> Self {
        Self::open_with(server, &format!("model=nova-3&encoding=mulaw&sample_rate=8000&channels=1&{more}"))
            .await
    }

    pub async fn open_with(server: &deepgram::Server, query: &str) -> Self {
        Self(connect(server, &format!("/v1/listen?{query}"), KEY).await.unwrap())
    }

    pub async fn send(&mut self, message: Message) {
        within(self.0.send(message)).await.unwrap();
    }

    pub async fn text(&mut self, json: Value) {
        self.send(Message::text(json.to_string())).await;
    }

    /// In frames of 20 ms, faster than it sounds.
    pub async fn speak(&mut self, samples: &[i16]) {
        for frame in audio::g711::encode_all(samples).chunks(160) {
            self.send(Message::binary(frame.to_vec())).await;
        }
    }

    pub async fn next_of(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if wanted(&message) {
                        return message;
                    }
                }
                other => panic!("closed before it came: {other:?}"),
            }
        }
    }

    pub async fn close_stream(&mut self) -> Ended {
        self.text(json!({"type": "CloseStream"})).await;
        self.rest().await
    }

    pub async fn rest(&mut self) -> Ended {
        let mut messages = Vec::new();
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) => messages.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    let (closed_with, reason) = (frame.code.into(), frame.reason.to_string());
                    return Ended { messages, closed_with, reason };
                }
                other => panic!("{other:?} after {messages:?}"),
            }
        }
    }
}

impl Line {
    /// What came before the connection broke, which is no end.
    pub async fn until_broken(&mut self) -> Vec<String> {
        let mut kinds = Vec::new();
        loop {
            match within(self.0.next()).await {
                Some(Ok(Message::Text(text))) => kinds.push(kind(&serde_json::from_str(&text).unwrap())),
                Some(Err(_)) | None => return kinds,
                other => panic!("{other:?} after {kinds:?}"),
            }
        }
    }
}

impl Ended {
    pub fn transcripts(&self) -> Vec<String> {
        let finals = self.messages.iter().filter(|m| m["is_final"] == true);
        let texts =
            finals.map(|m| m["channel"]["alternatives"][0]["transcript"].as_str().unwrap().to_owned());
        texts.filter(|text| !text.is_empty()).collect()
    }
}

pub fn kind(message: &Value) -> String {
    match (message["type"].as_str().unwrap(), &message["is_final"], &message["speech_final"]) {
        ("Results", Value::Bool(true), Value::Bool(true)) => "final at endpoint".into(),
        ("Results", Value::Bool(true), _) => "final".into(),
        ("Results", ..) => "interim".into(),
        (other, ..) => other.into(),
    }
}
