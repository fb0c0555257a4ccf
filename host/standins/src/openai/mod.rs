//! OpenAI's HTTP interface, for whichever service has the same: under any prefix,
//!
//! - `POST …/chat/completions`, streaming and whole; the answers come from a [`Script`], the
//!   protocol around them is the vendor's: chunks, fragments of tool calls, the usage chunk, `[DONE]`
//! - `POST …/audio/speech`, as `pcm` with a real voice
//! - `POST …/audio/transcriptions` of WAV files, by whatever [`Ear`] there is
//!
//! Requests that the vendor would refuse are refused with its words and kept in the server's
//! `violations`.
//!
//! Sources: openai 3.52.0 (`chat/completions`, `audio/speech`, `audio/transcriptions`) and the
//! service's error texts.
//!
//! Deliberately not here: other endpoints, more than one choice, log probabilities, length limits of
//! a completion, real token counts, compressed audio, streams of transcriptions, other voices than
//! the one there is. What is asked of audio that is not here is refused; `speed` is checked and
//! changes nothing.

mod completion;
mod refusal;
mod request;
mod script;
mod sending;
mod speaking;
mod transcribing;

pub use crate::speech::Grammar;
pub use script::{Reply, Rule, Script, ToolCall, When};
pub use sending::Outcome;

use crate::fault::{Fault, GARBAGE_BYTES, GARBAGE_TEXTS, retry_after};
use crate::serving::{self, Kept, Record};
use crate::speech::Recogniser;
use crate::voice::Voice;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use completion::Completion;
use refusal::Refusal;
use request::Request;
use sending::{Answer, Kind};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::{io, time::Duration};
use tokio::sync::Mutex;

/// The largest body, in bytes.
const LARGEST: usize = 26_214_400;

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
    /// Between a text and the first audio of it; the headers come at once. Default: 0.
    pub first_audio_delay: Duration,
    /// Who listens to recordings. Default: nobody.
    pub ear: Ear,
    /// Between a recording and its text; the headers come at once. Default: 0.
    pub transcription_delay: Duration,
    /// From the start. Default: none.
    pub fault: Option<Fault>,
}

/// What recordings are understood by.
#[derive(Clone, Debug)]
pub enum Ear {
    /// Transcriptions are answered with an error.
    Deaf,
    /// PocketSphinx, which understands what is in the grammar.
    Recogniser(Grammar),
    /// The n-th recording in which there is a voice is taken for the n-th line, and after the last
    /// one it begins again.
    Script(Vec<String>),
}

impl Config {
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            port: 0,
            key: key.into(),
            script: Script::echo(),
            first_token_delay: Duration::ZERO,
            token_delay: Duration::ZERO,
            first_audio_delay: Duration::ZERO,
            ear: Ear::Deaf,
            transcription_delay: Duration::ZERO,
            fault: None,
        }
    }
}

/// What happened at the server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The bodies of all requests for completions with the right key, in their order.
    pub requests: Vec<Value>,
    /// All requests for speech with the right key.
    pub speeches: Vec<Speech>,
    /// All recordings that came with the right key.
    pub transcriptions: Vec<Transcription>,
    /// Every breach of the protocol.
    pub violations: Vec<String>,
    /// Requests that a fault refused.
    pub refused: usize,
    /// Completions whose client went away before their end.
    pub cancelled: usize,
    /// Completions that were sent to their end, also those that are made to break off.
    pub completed: usize,
}

/// A request for speech.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speech {
    /// The body.
    pub request: Value,
    /// The text; empty where the request was refused.
    pub input: String,
    /// Bytes of audio that were sent so far.
    pub audio_bytes: u64,
    /// None until it ends, and where there was no answer.
    pub outcome: Option<Outcome>,
}

/// A recording that was to be transcribed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcription {
    pub file_name: String,
    /// The size of the file.
    pub audio_bytes: u64,
    /// How long it sounds.
    pub duration: Duration,
    /// All other fields, in their order.
    pub fields: Vec<(String, String)>,
    /// What was understood.
    pub text: String,
    /// None until it ends, and where there was no answer.
    pub outcome: Option<Outcome>,
}

impl Record for Seen {
    const VENDOR: &'static str = "openai";

    fn violations(&self) -> &[String] {
        &self.violations
    }

    fn add_violation(&mut self, text: String) {
        self.violations.push(text);
    }
}

pub type Server = serving::Server<Seen>;

impl Server {
    /// Serves as soon as it returns. Fails when there is to be a recogniser and there is none, or it
    /// does not take the grammar, and says what to do about it.
    pub async fn start(config: Config) -> io::Result<Self> {
        let (port, fault) = (config.port, config.fault.clone());
        Self::serve(port, fault, |kept| async move {
            let recogniser = match &config.ear {
                Ear::Recogniser(grammar) => Some(Recogniser::start(grammar).await.map_err(io::Error::other)?),
                _ => None,
            };
            let shared = Shared {
                config: Arc::new(config),
                voice: Voice::new()?,
                recogniser: Arc::new(Mutex::new(recogniser)),
                voices: Arc::default(),
                kept,
            };
            let router = axum::Router::new().fallback(serve).with_state(shared);
            Ok(router.layer(DefaultBodyLimit::max(LARGEST)))
        })
        .await
    }

    /// What stands for `https://api.openai.com/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr())
    }

    pub fn requests(&self) -> Vec<Value> {
        self.look(|seen| seen.requests.clone())
    }

    pub fn cancelled(&self) -> usize {
        self.look(|seen| seen.cancelled)
    }
}

#[derive(Clone)]
struct Shared {
    config: Arc<Config>,
    voice: Arc<Voice>,
    /// One for all, because starting it takes a second. None while it works, and when it broke.
    recogniser: Arc<Mutex<Option<Recogniser>>>,
    /// Recordings with a voice in them so far.
    voices: Arc<AtomicUsize>,
    kept: Kept<Seen>,
}

async fn serve(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let answered = answer(&shared, &method, &uri, &headers, body).await;
    let mut response = answered.unwrap_or_else(|refusal| {
        shared.kept.violation(format!("refused with {}: {}", refusal.status, refusal.message));
        refusal.response()
    });
    let mut number = 0;
    shared.kept.note(|seen| {
        number = seen.requests.len() + seen.speeches.len() + seen.transcriptions.len();
    });
    if let Ok(id) = HeaderValue::from_str(&format!("req_{number:032x}")) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

async fn answer(
    shared: &Shared,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let is_at = |path: &str| method == Method::POST && uri.path().ends_with(path);
    let [chat, speech, transcription] =
        ["/chat/completions", "/audio/speech", "/audio/transcriptions"].map(is_at);
    if !(chat || speech || transcription) {
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
    let body = body.map_err(|e| Refusal { status: e.status(), ..Refusal::invalid(e.body_text()) })?;
    if transcription {
        return transcribing::respond(shared, headers, body).await;
    }
    let body: Value = serde_json::from_slice(&body)
        .map_err(|e| Refusal::invalid(format!("We could not parse the JSON body of your request: {e}")))?;
    if !header(CONTENT_TYPE).is_some_and(|value| value.starts_with("application/json")) {
        return Err(Refusal::invalid("The content type of the request must be application/json."));
    }
    if speech { speaking::respond(shared, body).await } else { complete(shared, body).await }
}

async fn complete(shared: &Shared, body: Value) -> Result<Response, Refusal> {
    let mut number = 0;
    shared.kept.note(|seen| {
        seen.requests.push(body.clone());
        number = seen.requests.len();
    });
    let request = Request::check(body)?;
    let fault = shared.kept.condition().fault();
    let mut answer = Answer::new(shared.kept.clone(), Kind::Completion);
    if let Some(response) = trouble(shared, fault.as_ref(), &mut answer).await {
        return Ok(response);
    }
    match shared.config.script.reply(&request) {
        Some(Reply::HttpError { status, headers, body }) => {
            answer.withhold();
            Ok(http_error(status, &headers, &body))
        }
        Some(reply) => {
            let completion = Completion::new(number, &request, reply, fault.as_ref());
            Ok(completion.respond(&shared.config, answer, fault.as_ref()))
        }
        None => {
            answer.withhold();
            Err(Refusal {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                ..Refusal::invalid(format!("The script has no rule for {:?}.", request.last_user_message()))
            })
        }
    }
}

/// What a fault does to any request: it waits, or it is the whole answer.
async fn trouble(shared: &Shared, fault: Option<&Fault>, answer: &mut Answer) -> Option<Response> {
    match fault? {
        Fault::Silent => std::future::pending().await,
        Fault::Slow(time) => {
            tokio::time::sleep(*time).await;
            None
        }
        Fault::Refuse { status, retry_after: after } => {
            answer.withhold();
            shared.kept.note(|seen| seen.refused += 1);
            let body = refusal::body_of(*status);
            let mut response = http_error(*status, &[], &body);
            response.headers_mut().extend(after.map(|time| (RETRY_AFTER, retry_after(time))));
            Some(response)
        }
        Fault::Garbage => {
            answer.withhold();
            let body = [GARBAGE_TEXTS.concat().as_bytes(), GARBAGE_BYTES].concat();
            Some(([(CONTENT_TYPE, "text/html")], body).into_response())
        }
        Fault::Error => {
            answer.withhold();
            let body = format!("data: {}\n\n", refusal::body_of(500));
            Some(([(CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response())
        }
        _ => None,
    }
}

fn http_error(status: u16, headers: &[(String, String)], body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = refusal::response(status, body);
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
