//! OpenAI's chat completions, streaming and whole: `POST {any prefix}/chat/completions`.
//!
//! The answers come from a [`Script`]; the protocol around them is the vendor's: chunks, fragments
//! of tool calls, the usage chunk, `[DONE]`, errors. Requests that the vendor would refuse are
//! refused with its words and kept in [`Server::violations`].
//!
//! Sources: openai 3.52.0 (`chat/completions`) and the service's error texts.
//!
//! Deliberately not here: other endpoints, more than one choice, log probabilities, length limits,
//! real token counts.

mod completion;
mod request;
mod script;

pub use script::{Reply, Rule, Script, ToolCall, When};

use crate::serving::Serving;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use completion::Completion;
use request::{Refusal, Request};
use serde_json::Value;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;

#[derive(Clone, Debug)]
pub struct Config {
    /// On 127.0.0.1; 0 (the default) is any free port.
    pub port: u16,
    /// What `Authorization: Bearer …` must carry.
    pub key: String,
    /// What is answered. Default: [`Script::echo`].
    pub script: Script,
    /// Between the request and the first chunk; the headers come at once. Default: 0.
    pub first_token_delay: Duration,
    /// Between two chunks. Default: 0.
    pub token_delay: Duration,
}

impl Config {
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            port: 0,
            key: key.into(),
            script: Script::echo(),
            first_token_delay: Duration::ZERO,
            token_delay: Duration::ZERO,
        }
    }
}

/// What happened at the server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The bodies of all requests with the right key, in the order of their arrival.
    pub requests: Vec<Value>,
    /// Every breach of the protocol.
    pub violations: Vec<String>,
    /// Answers whose client went away before their end.
    pub cancelled: usize,
    /// Answers that were sent to their end, also those that the script makes break off.
    pub completed: usize,
}

pub struct Server {
    serving: Serving,
    seen: Arc<watch::Sender<Seen>>,
}

impl Server {
    /// Serves as soon as it returns.
    pub async fn start(config: Config) -> io::Result<Self> {
        let seen = Arc::new(watch::Sender::new(Seen::default()));
        let port = config.port;
        let state = Shared { config: Arc::new(config), seen: seen.clone() };
        let router = async move { Ok(axum::Router::new().fallback(complete).with_state(state)) };
        let serving = Serving::start("openai", port, router).await?;
        Ok(Self { serving, seen })
    }

    pub fn addr(&self) -> SocketAddr {
        self.serving.addr()
    }

    /// What stands for `https://api.openai.com/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr())
    }

    pub fn requests(&self) -> Vec<Value> {
        self.seen.borrow().requests.clone()
    }

    pub fn violations(&self) -> Vec<String> {
        self.seen.borrow().violations.clone()
    }

    pub fn cancelled(&self) -> usize {
        self.seen.borrow().cancelled
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

async fn complete(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Response {
    let mut response = match answer(&shared, &method, &uri, &headers, &body) {
        Ok(Answer::Completion(completion)) => completion.respond(&shared).await,
        Ok(Answer::HttpError { status, headers, body }) => http_error(status, &headers, &body),
        Err(refusal) => {
            let text = format!("refused with {}: {}", refusal.status, refusal.message);
            tracing::warn!(violation = text, "openai stand-in");
            shared.seen.send_modify(|seen| seen.violations.push(text));
            let body = refusal.body().to_string();
            (refusal.status, [(CONTENT_TYPE, "application/json")], body).into_response()
        }
    };
    let number = shared.seen.borrow().requests.len();
    if let Ok(id) = HeaderValue::from_str(&format!("req_{number:032x}")) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

enum Answer {
    Completion(Completion),
    HttpError { status: u16, headers: Vec<(String, String)>, body: Value },
}

fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, Refusal> {
    if method != Method::POST || !uri.path().ends_with("/chat/completions") {
        let message = format!("Invalid URL ({method} {})", uri.path());
        return Err(Refusal { status: StatusCode::NOT_FOUND, ..Refusal::invalid(message) });
    }
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let key = header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    if key != Some(shared.config.key.as_str()) {
        return Err(Refusal {
            status: StatusCode::UNAUTHORIZED,
            code: Some("invalid_api_key"),
            ..Refusal::invalid("Incorrect API key provided.")
        });
    }
    let body: Value = serde_json::from_slice(body)
        .map_err(|e| Refusal::invalid(format!("We could not parse the JSON body of your request: {e}")))?;
    let mut number = 0;
    shared.seen.send_modify(|seen| {
        seen.requests.push(body.clone());
        number = seen.requests.len();
    });
    if !header(CONTENT_TYPE).is_some_and(|value| value.starts_with("application/json")) {
        return Err(Refusal::invalid("The content type of the request must be application/json."));
    }
    let request = Request::check(body)?;
    match shared.config.script.reply(&request) {
        Some(Reply::HttpError { status, headers, body }) => Ok(Answer::HttpError { status, headers, body }),
        Some(reply) => Ok(Answer::Completion(Completion::new(number, &request, reply))),
        None => Err(Refusal {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Refusal::invalid(format!("The script has no rule for {:?}.", request.last_user_message()))
        }),
    }
}

fn http_error(status: u16, headers: &[(String, String)], body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response();
    for (name, value) in headers {
        match (name.parse::<axum::http::HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                response.headers_mut().insert(name, value);
            }
            _ => tracing::error!(name, value, "the script's header is no HTTP header"),
        }
    }
    response
}
