//! Cartesia's speech over a WebSocket: `WS {any prefix}/tts/websocket`, with a real voice.
//!
//! Strict about the handshake (key, version), about every field of a request and about the life of
//! a context; a breach is answered as the vendor answers it and kept in the server's `violations`,
//! and so is a context that its client never ends. Text that is to be continued waits for the end
//! of its sentence, but no longer than the request's `max_buffer_delay_ms`; then its audio comes at
//! once, in chunks, much faster than it sounds. What was said before, on any connection, is not
//! made again: a benchmark in which everybody says the same costs next to nothing.
//!
//! Sources: cartesia 4.2.0 (`GenerationRequest`, `WebsocketResponse`) and the vendor's pages on
//! WebSocket contexts and buffering.
//!
//! Deliberately not here: speech over HTTP (`/tts/bytes`, `/tts/sse`), recognition (`/stt`), other
//! formats than the telephone's (µ-law and 16 bit, 8000 Hz), phonemes, other voices and languages
//! than the one there is, access tokens and keys in the query, limits of concurrency. What is asked
//! of these is refused, not ignored; `generation_config` and `speed` are checked and change nothing.

mod context;
mod messages;
mod request;
mod session;

use crate::fault::{Fault, retry_after};
use crate::serving::{self, Kept, Record};
use crate::voice::Voice;
use axum::extract::State;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use messages::Messages;
use request::Problem;
use serde_json::Value;
use std::{io, sync::Arc, time::Duration};

#[derive(Clone, Debug)]
pub struct Config {
    /// On 127.0.0.1; 0 (the default) is any free port.
    pub port: u16,
    /// What `X-API-Key: …` or `Authorization: Bearer …` must carry.
    pub key: String,
    /// Between a text and the first audio of it. Default: 0.
    pub first_audio_delay: Duration,
    /// How much audio one message holds. Default: 100 ms.
    pub chunk: Duration,
    /// How long a context takes more text after its last audio went out. Default: 1 s, as the vendor's.
    pub context_lifetime: Duration,
    /// How long the client may send nothing. Default: 5 minutes, as the vendor's.
    pub idle_limit: Duration,
    /// Letters in place of a voice, so that what is heard can be read: see [`crate::read`]. Default: no.
    pub spells: bool,
    /// From the start. Default: none.
    pub fault: Option<Fault>,
}

impl Config {
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            port: 0,
            key: key.into(),
            first_audio_delay: Duration::ZERO,
            chunk: Duration::from_millis(100),
            context_lifetime: Duration::from_secs(1),
            idle_limit: Duration::from_secs(300),
            spells: false,
            fault: None,
        }
    }
}

/// What happened at the server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Accepted handshakes.
    pub connections: usize,
    /// Handshakes that a fault refused.
    pub refused: usize,
    /// Connections that have ended since.
    pub closed: usize,
    /// In the order of their first requests.
    pub contexts: Vec<Spoken>,
    /// Every breach of the protocol.
    pub violations: Vec<String>,
}

/// What happened in one context.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spoken {
    /// Connections are counted from 1.
    pub connection: usize,
    pub id: String,
    /// All transcripts, one after the other.
    pub text: String,
    /// Requests with a transcript, also an empty one.
    pub requests: usize,
    /// The fields that all its requests have in common.
    pub terms: Value,
    /// There was a `continue: false`.
    pub ended: bool,
    pub cancelled: bool,
    /// Bytes of audio that were made for it.
    pub audio_bytes: u64,
}

impl Record for Seen {
    const VENDOR: &'static str = "cartesia";

    fn violations(&self) -> &[String] {
        &self.violations
    }

    fn add_violation(&mut self, text: String) {
        self.violations.push(text);
    }
}

pub type Server = serving::Server<Seen>;

impl Server {
    /// Serves as soon as it returns.
    pub async fn start(config: Config) -> io::Result<Self> {
        let (port, fault) = (config.port, config.fault.clone());
        Self::serve(port, fault, |kept| async move {
            let shared = Shared { config: Arc::new(config), voice: Voice::new()?, kept };
            Ok(axum::Router::new().fallback(connect).with_state(shared))
        })
        .await
    }

    /// What stands for `https://api.cartesia.ai`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub fn contexts(&self) -> Vec<Spoken> {
        self.look(|seen| seen.contexts.clone())
    }

    /// What was to be said, context by context.
    pub fn texts(&self) -> Vec<String> {
        self.look(|seen| seen.contexts.iter().map(|context| context.text.clone()).collect())
    }
}

#[derive(Clone)]
struct Shared {
    config: Arc<Config>,
    voice: Arc<Voice>,
    kept: Kept<Seen>,
}

async fn connect(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let version = headers.get("cartesia-version").and_then(|v| v.to_str().ok());
    let messages = version.and_then(Messages::of_version);
    match accept(&shared, &uri, &headers, messages, upgrade) {
        Ok((messages, upgrade)) => {
            let condition = shared.kept.condition();
            if let Some(Fault::Refuse { status, retry_after: after }) = condition.fault() {
                let mut response = refusal(messages, &refused(status));
                response.headers_mut().extend(after.map(|time| (RETRY_AFTER, retry_after(time))));
                shared.kept.note(|seen| seen.refused += 1);
                return response;
            }
            let mut number = 0;
            shared.kept.note(|seen| {
                seen.connections += 1;
                number = seen.connections;
            });
            upgrade.on_upgrade(move |socket| async move {
                session::serve(socket, messages, &shared, number, condition).await;
                shared.kept.note(|seen| seen.closed += 1);
            })
        }
        Err(problem) => {
            shared.kept.violation(format!("refused with {}: {}", problem.status, problem.message));
            refusal(messages.unwrap_or(Messages::newest()), &problem)
        }
    }
}

fn accept(
    shared: &Shared,
    uri: &Uri,
    headers: &HeaderMap,
    messages: Option<Messages>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<(Messages, WebSocketUpgrade), Problem> {
    if !uri.path().ends_with("/tts/websocket") {
        let message = format!("No {} here.", uri.path());
        return Err(Problem { status: 404, code: "not_found", title: "Not found", message });
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    if header("x-api-key").or(bearer) != Some(shared.config.key.as_str()) {
        let message = "The API key is missing or invalid.".into();
        return Err(Problem { status: 401, code: "unauthorized", title: "Unauthorized", message });
    }
    let messages = messages.ok_or_else(|| {
        Problem::invalid("the header `Cartesia-Version` is missing or no date (YYYY-MM-DD)")
    })?;
    let upgrade = upgrade.map_err(|e| Problem {
        status: e.status().as_u16(),
        ..Problem::invalid(format!("Not a WebSocket handshake: {e}"))
    })?;
    Ok((messages, upgrade))
}

fn refusal(messages: Messages, problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    (status, [(CONTENT_TYPE, "application/json")], messages.body(problem).to_string()).into_response()
}

/// What a fault refuses with.
fn refused(status: u16) -> Problem {
    let (code, title) = match status {
        429 => ("concurrency_limited", "Too many requests"),
        500.. => ("internal_error", "Internal server error"),
        _ => ("refused", "Refused"),
    };
    Problem { status, code, title, message: "The request was refused.".into() }
}
