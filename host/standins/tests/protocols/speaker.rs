//! Cartesia's client in these tests: it sends requests and collects what comes.

use crate::{KEY, within};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use standins::cartesia::Server;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

pub type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub const VERSION: (&str, &str) = ("Cartesia-Version", "2026-08-14");

pub async fn connect(
    server: &Server,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, tungstenite::Error> {
    let url = format!("{}{path}", server.base_url().replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Ok(within(tokio_tungstenite::connect_async(request)).await?.0)
}

/// In telephone audio, and no more to follow.
pub fn request(context: &str, transcript: &str) -> Value {
    json!({
        "context_id": context,
        "model_id": "sonic-3",
        "transcript": transcript,
        "voice": {"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
    })
}

pub struct Speaker(pub Socket);

/// What came, up to some message.
pub struct Heard {
    pub messages: Vec<Value>,
    /// Of the context that was waited for.
    pub audio: Vec<u8>,
}

impl Speaker {
    pub async fn open(server: &Server) -> Self {
        let socket = connect(server, "/tts/websocket", &[("X-API-Key", KEY), VERSION]).await;
        Self(socket.unwrap())
    }

    pub async fn send(&mut self, json: Value) {
        within(self.0.send(Message::text(json.to_string()))).await.unwrap();
    }

    /// A request with these fields changed.
    pub async fn ask(&mut self, context: &str, transcript: &str, change: Value) {
        let mut asking = request(context, transcript);
        for (name, value) in change.as_object().unwrap() {
            asking[name] = value.clone();
        }
        self.send(asking).await;
    }

    /// None when the connection has ended, in whatever way.
    pub async fn next(&mut self) -> Option<Result<Value, Message>> {
        match within(self.0.next()).await {
            Some(Ok(Message::Text(text))) => {
                Some(serde_json::from_str(&text).map_err(|_| Message::Text(text)))
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => None,
            Some(Ok(other)) => Some(Err(other)),
        }
    }

    pub async fn next_of(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.next().await {
                Some(Ok(message)) if wanted(&message) => return message,
                Some(Ok(_)) => {}
                other => panic!("{other:?} before it came"),
            }
        }
    }

    pub async fn until_done(&mut self, context: &str) -> Heard {
        let mut messages = Vec::new();
        loop {
            let message = self.next_of(|_| true).await;
            assert_ne!(message["type"], "error", "{message}");
            let is_last = message["type"] == "done" && message["context_id"] == context;
            messages.push(message);
            if is_last {
                let audio = audio_of(&messages, context);
                return Heard { messages, audio };
            }
        }
    }

    pub async fn closed_with(&mut self) -> u16 {
        match within(self.0.next()).await {
            Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
            other => panic!("{other:?}"),
        }
    }
}

impl Heard {
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.messages.iter().filter(|message| message["type"] == kind).collect()
    }

    pub fn audio_of(&self, context: &str) -> Vec<u8> {
        audio_of(&self.messages, context)
    }
}

fn audio_of(messages: &[Value], context: &str) -> Vec<u8> {
    let chunks = messages.iter().filter(|m| m["type"] == "chunk" && m["context_id"] == context);
    chunks.flat_map(|m| STANDARD.decode(m["data"].as_str().unwrap()).unwrap()).collect()
}
