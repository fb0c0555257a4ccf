//! Deepgram's live transcription, version 1: `WS {any prefix}/v1/listen?model=…`, with real speech
//! recognition behind it, or a script.
//!
//! Strict about the handshake (key, parameters), about the client's messages and about silence on
//! the socket; a breach is answered as the vendor answers it and kept in the server's `violations`.
//! Everything that concerns speech is measured in the time of the audio, so audio may be sent
//! faster than it sounds.
//!
//! Sources: deepgram-sdk 7.17.0 (`listen/v1`) and the vendor's pages on endpointing, interim
//! results, utterance end, keep-alive and finalize.
//!
//! Deliberately not here: more than one channel, compressed audio, formatting of numbers, the
//! browser's authentication in `Sec-WebSocket-Protocol`, temporary tokens, version 2 ("Flux"),
//! recorded audio. What is asked of these is refused, not ignored.

mod hearing;
mod messages;
mod parameters;
mod scripted;
mod session;
mod stream;

pub use crate::speech::{Grammar, available as recogniser_available};
pub use scripted::ScriptedLine;

use crate::fault::{Fault, retry_after};
use crate::serving::{self, Kept, Record};
use crate::speech::Recogniser;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header::AUTHORIZATION, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use parameters::Parameters;
use std::{io, sync::Arc, time::Duration};

#[derive(Clone, Debug)]
pub struct Config {
    /// On 127.0.0.1; 0 (the default) is any free port.
    pub port: u16,
    /// What `Authorization: Token …` must carry.
    pub key: String,
    /// Who listens.
    pub ear: Ear,
    /// How long a final takes, in real time: once the endpoint is detected; with a script, once the
    /// last audio with a voice in it has arrived. Default: 0, with a script 100 ms.
    pub final_delay: Duration,
    /// How often an interim comes while somebody speaks, in audio time. Default: 200 ms.
    pub interim_every: Duration,
    /// How long the client may send nothing, in real time. Default: 10 s, as the vendor's.
    pub idle_limit: Duration,
    /// From the start. Default: none.
    pub fault: Option<Fault>,
}

/// What hears the streams.
#[derive(Clone, Debug)]
pub enum Ear {
    /// PocketSphinx, which understands what is in the grammar.
    Recogniser(Grammar),
    /// A level meter: the n-th utterance of a connection is taken for the n-th line, and after the
    /// last one it begins again.
    Script {
        lines: Vec<ScriptedLine>,
        /// Silence that ends an utterance, in the time of the audio; it goes on after a shorter
        /// one. Also, no final can come before so much silence was heard. Default: 100 ms, which is
        /// longer than what is silent inside words, and shorter than the pause at a comma.
        gap: Duration,
    },
}

impl Config {
    /// Real recognition.
    pub fn new(key: impl Into<String>, grammar: Grammar) -> Self {
        Self::with(key.into(), Ear::Recogniser(grammar), Duration::ZERO)
    }

    /// No recognition: the same lines on every connection, whatever is said. Needs no Python.
    pub fn scripted(key: impl Into<String>, lines: Vec<ScriptedLine>) -> Self {
        let delay = Duration::from_millis(100);
        Self::with(key.into(), Ear::Script { lines, gap: delay }, delay)
    }

    fn with(key: String, ear: Ear, final_delay: Duration) -> Self {
        Self {
            port: 0,
            key,
            ear,
            final_delay,
            interim_every: Duration::from_millis(200),
            idle_limit: Duration::from_secs(10),
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
    /// Bytes of audio as received.
    pub audio_bytes: u64,
    /// Times that something was said of words that may still change.
    pub interims: usize,
    /// Every final that was not empty, in plain lower-case words.
    pub finals: Vec<String>,
    /// Every breach of the protocol.
    pub violations: Vec<String>,
}

impl Record for Seen {
    const VENDOR: &'static str = "deepgram";

    fn violations(&self) -> &[String] {
        &self.violations
    }

    fn add_violation(&mut self, text: String) {
        self.violations.push(text);
    }
}

pub type Server = serving::Server<Seen>;

impl Server {
    /// Serves as soon as it returns. Fails when there is no recogniser or it does not take the
    /// grammar, and says what to do about it.
    pub async fn start(config: Config) -> io::Result<Self> {
        let (port, fault) = (config.port, config.fault.clone());
        Self::serve(port, fault, |kept| async move {
            let lines = match &config.ear {
                // a grammar with a fault is found now, not in the first call
                Ear::Recogniser(grammar) => {
                    Recogniser::start(grammar).await.map_err(io::Error::other)?;
                    Arc::default()
                }
                Ear::Script { lines, .. } => lines.as_slice().into(),
            };
            let shared = Shared { config: Arc::new(config), lines, kept };
            Ok(axum::Router::new().fallback(listen).with_state(shared))
        })
        .await
    }

    /// What stands for `https://api.deepgram.com`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub fn finals(&self) -> Vec<String> {
        self.look(|seen| seen.finals.clone())
    }

    pub fn connections(&self) -> usize {
        self.look(|seen| seen.connections)
    }

    pub fn audio_bytes(&self) -> u64 {
        self.look(|seen| seen.audio_bytes)
    }
}

#[derive(Clone)]
struct Shared {
    config: Arc<Config>,
    lines: Arc<[ScriptedLine]>,
    kept: Kept<Seen>,
}

/// Why a handshake is refused.
struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    fn bad_request(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason: reason.into() }
    }
}

async fn listen(
    State(shared): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match accept(&shared, &uri, &headers, upgrade) {
        Ok((parameters, upgrade)) => {
            let condition = shared.kept.condition();
            if let Some(Fault::Refuse { status, retry_after: after }) = condition.fault() {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                let mut response = refusal(status, status.canonical_reason().unwrap_or("Refused."));
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
                session::serve(socket, parameters, &shared, number, condition).await;
                shared.kept.note(|seen| seen.closed += 1);
            })
        }
        Err(Refusal { status, reason }) => {
            shared.kept.violation(format!("refused with {status}: {reason}"));
            refusal(status, &reason)
        }
    }
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    let mut response = (status, reason.to_owned()).into_response();
    let error = HeaderValue::from_str(reason).unwrap_or(HeaderValue::from_static("Bad Request."));
    response.headers_mut().insert("dg-error", error);
    response.headers_mut().insert("dg-request-id", HeaderValue::from_static(NO_REQUEST));
    response
}

/// The id of requests that never became a session.
const NO_REQUEST: &str = "00000000-0000-4000-8000-000000000000";

fn accept(
    shared: &Shared,
    uri: &Uri,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<(Parameters, WebSocketUpgrade), Refusal> {
    if !uri.path().ends_with("/v1/listen") {
        return Err(Refusal { status: StatusCode::NOT_FOUND, reason: format!("No {} here.", uri.path()) });
    }
    let key = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Token "));
    if key != Some(shared.config.key.as_str()) {
        return Err(Refusal { status: StatusCode::UNAUTHORIZED, reason: "Invalid credentials.".into() });
    }
    let query = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|e| Refusal::bad_request(format!("Bad query: {e}")))?;
    let (parameters, unknown) = Parameters::parse(&query)?;
    for name in unknown {
        shared.kept.violation(format!("the parameter `{name}` does not exist and has no effect"));
    }
    let upgrade = upgrade
        .map_err(|e| Refusal { status: e.status(), reason: format!("Not a WebSocket handshake: {e}") })?;
    Ok((parameters, upgrade))
}
