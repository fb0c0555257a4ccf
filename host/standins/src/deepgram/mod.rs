//! Deepgram's live transcription, version 1: `WS {any prefix}/v1/listen?model=…`, with real speech
//! recognition behind it.
//!
//! Strict about the handshake (key, parameters), about the client's messages and about silence on
//! the socket; a breach is answered as the vendor answers it and kept in
//! [`Server::violations`]. Everything that concerns speech is measured in the time of the audio, so
//! audio may be sent faster than it sounds.
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
mod session;

pub use crate::speech::{Grammar, available as recogniser_available};

use crate::serving::Serving;
use crate::speech::Recogniser;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header::AUTHORIZATION};
use axum::response::{IntoResponse, Response};
use parameters::Parameters;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

#[derive(Clone, Debug)]
pub struct Config {
    /// On 127.0.0.1; 0 (the default) is any free port.
    pub port: u16,
    /// What `Authorization: Token …` must carry.
    pub key: String,
    /// What can be recognised.
    pub grammar: Grammar,
    /// How long a final takes once the endpoint is detected, in real time. Default: 0.
    pub final_delay: Duration,
    /// How often an interim comes while somebody speaks, in audio time. Default: 200 ms.
    pub interim_every: Duration,
    /// How long the client may send nothing, in real time. Default: 10 s, as the vendor's.
    pub idle_limit: Duration,
}

impl Config {
    pub fn new(key: impl Into<String>, grammar: Grammar) -> Self {
        Self {
            port: 0,
            key: key.into(),
            grammar,
            final_delay: Duration::ZERO,
            interim_every: Duration::from_millis(200),
            idle_limit: Duration::from_secs(10),
        }
    }
}

/// What happened at the server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Accepted handshakes.
    pub connections: usize,
    /// Connections that have ended since.
    pub closed: usize,
    /// Bytes of audio as received.
    pub audio_bytes: u64,
    /// Every final that was not empty, in plain lower-case words.
    pub finals: Vec<String>,
    /// Every breach of the protocol.
    pub violations: Vec<String>,
}

pub struct Server {
    serving: Serving,
    seen: Arc<watch::Sender<Seen>>,
}

impl Server {
    /// Serves as soon as it returns. Fails when there is no recogniser or it does not take the
    /// grammar, and says what to do about it.
    pub async fn start(config: Config) -> io::Result<Self> {
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let port = config.port;
        let state = Shared { config: Arc::new(config), seen: seen.clone() };
        let router = async move {
            // a grammar with a fault is found now, not in the first call
            Recogniser::start(&state.config.grammar).await.map_err(io::Error::other)?;
            Ok(axum::Router::new().fallback(listen).with_state(state))
        };
        let serving = Serving::start("deepgram", port, router).await?;
        Ok(Self { serving, seen })
    }

    pub fn addr(&self) -> SocketAddr {
        self.serving.addr()
    }

    /// What stands for `https://api.deepgram.com`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub fn violations(&self) -> Vec<String> {
        self.seen.borrow().violations.clone()
    }

    pub fn finals(&self) -> Vec<String> {
        self.seen.borrow().finals.clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.borrow().connections
    }

    pub fn audio_bytes(&self) -> u64 {
        self.seen.borrow().audio_bytes
    }

    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits for something to happen; the caller bounds it in time.
    pub async fn until(&self, condition: impl Fn(&Seen) -> bool) {
        // the sender is ours: waiting cannot fail
        let _ = self.seen.subscribe().wait_for(|seen| condition(seen)).await;
    }
}

#[derive(Clone)]
struct Shared {
    config: Arc<Config>,
    seen: Arc<watch::Sender<Seen>>,
}

impl Shared {
    fn violation(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!(violation = text, "deepgram stand-in");
        self.seen.send_modify(|seen| seen.violations.push(text));
    }
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
            let mut number = 0;
            shared.seen.send_modify(|seen| {
                seen.connections += 1;
                number = seen.connections;
            });
            upgrade.on_upgrade(move |socket| async move {
                session::serve(socket, parameters, &shared, number).await;
                shared.seen.send_modify(|seen| seen.closed += 1);
            })
        }
        Err(Refusal { status, reason }) => {
            shared.violation(format!("refused with {status}: {reason}"));
            let mut response = (status, reason.clone()).into_response();
            let error = HeaderValue::from_str(&reason).unwrap_or(HeaderValue::from_static("Bad Request."));
            response.headers_mut().insert("dg-error", error);
            response.headers_mut().insert("dg-request-id", HeaderValue::from_static(NO_REQUEST));
            response
        }
    }
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
        shared.violation(format!("the parameter `{name}` does not exist and has no effect"));
    }
    let upgrade = upgrade
        .map_err(|e| Refusal { status: e.status(), reason: format!("Not a WebSocket handshake: {e}") })?;
    Ok((parameters, upgrade))
}
