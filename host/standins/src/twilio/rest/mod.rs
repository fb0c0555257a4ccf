//! The REST interface: calls, the account, its numbers.
//!
//! `/2010-04-01/Accounts/{AC}/…`, with the auth token or an API key by HTTP Basic, forms in, JSON out.

mod create;
mod resources;
mod update;

use super::network::Network;
use super::refusal::{Refusal, respond};
use super::seen::{Asked, Request, value};
use crate::fault::{Fault, GARBAGE_BYTES, GARBAGE_TEXTS, retry_after};
use axum::body::Body;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use tokio::sync::oneshot;
use url::form_urlencoded;

pub(super) fn router(network: Arc<Network>) -> axum::Router {
    axum::Router::new().fallback(serve).with_state(network)
}

/// What is answered, and what begins once it is.
struct Done {
    status: StatusCode,
    body: Value,
    begins: Option<oneshot::Sender<()>>,
}

impl Done {
    fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, begins: None }
    }
}

/// A request whose sender is who it says, and its place in the record.
struct Asking {
    network: Arc<Network>,
    number: usize,
    what: Asked,
    /// The path below the account.
    path: Vec<String>,
    parameters: Vec<(String, String)>,
    fault: Option<Fault>,
}

async fn serve(
    State(network): State<Arc<Network>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let asking = match admit(&network, &method, &uri, &headers, body) {
        Ok(asking) => asking,
        Err(refusal) => {
            network.kept.violation(format!("{method} {}: {}", uri.path(), refusal.message));
            return refusal.response();
        }
    };
    if let Some(response) = asking.trouble().await {
        return response;
    }
    let done = match asking.what {
        Asked::Create => create::create(&asking).await,
        Asked::Update => update::update(&asking),
        Asked::Fetch | Asked::List | Asked::Account | Asked::Numbers => resources::read(&asking),
        Asked::Other => Err(Refusal::not_found(uri.path())),
    };
    match done {
        Ok(done) => {
            asking.answered(done.status, None);
            finish(done, asking.fault.as_ref())
        }
        Err(refusal) => {
            asking.answered(refusal.status, Some(refusal.code));
            if refusal.is_breach() {
                let Refusal { code, message, .. } = &refusal;
                network.kept.violation(format!("{method} {} refused with {code}: {message}", uri.path()));
            }
            refusal.response()
        }
    }
}

/// Reads the request and keeps it, if it is one of the customer's.
fn admit(
    network: &Arc<Network>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Asking, Refusal> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if !is_customer(network, header(AUTHORIZATION)) {
        return Err(Refusal::unauthorised());
    }
    let body = body.map_err(|error| Refusal::invalid(20001, error.body_text()))?;
    let prefix = format!("/2010-04-01/Accounts/{}", network.config.account_sid);
    let path = uri.path().strip_prefix(&prefix).and_then(|path| path.strip_suffix(".json"));
    // what does not end in .json is answered in XML there, which nobody here reads
    let path = path.ok_or_else(|| Refusal::not_found(uri.path()))?;
    let path: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    let (post, get) = (method == Method::POST, method == Method::GET);
    let (what, sid) = match steps.as_slice() {
        [] if get => (Asked::Account, None),
        ["Calls"] if post => (Asked::Create, None),
        ["Calls"] if get => (Asked::List, None),
        ["Calls", sid] if post => (Asked::Update, Some(*sid)),
        ["Calls", sid] if get => (Asked::Fetch, Some(*sid)),
        ["IncomingPhoneNumbers"] if get => (Asked::Numbers, None),
        _ => (Asked::Other, None),
    };
    let form = header(CONTENT_TYPE).unwrap_or_default();
    if post && !form.starts_with("application/x-www-form-urlencoded") {
        return Err(Refusal::invalid(20001, format!("a form is needed, not {form:?}")));
    }
    let text: &[u8] = if post { &body } else { uri.query().unwrap_or_default().as_bytes() };
    let parameters: Vec<_> = form_urlencoded::parse(text).into_owned().collect();
    let sid = sid.map(str::to_owned);
    let request = Request { what, parameters: parameters.clone(), sid, status: None, code: None };
    // settled before anybody sees that the request is there
    let fault = network.kept.condition().fault();
    let mut number = 0;
    network.kept.note(|seen| {
        number = seen.requests.len();
        seen.requests.push(request);
    });
    Ok(Asking { network: network.clone(), number, what, path, parameters, fault })
}

fn is_customer(network: &Network, authorization: Option<&str>) -> bool {
    let config = &network.config;
    let given = authorization.and_then(|value| value.strip_prefix("Basic "));
    let given = given.and_then(|text| STANDARD.decode(text).ok());
    let own = format!("{}:{}", config.account_sid, config.auth_token);
    let key = config.api_key.as_ref().map(|(sid, secret)| format!("{sid}:{secret}"));
    given.is_some_and(|given| given == own.as_bytes() || key.is_some_and(|key| given == key.as_bytes()))
}

impl Asking {
    fn parameter(&self, name: &str) -> Option<&str> {
        value(&self.parameters, name).filter(|value| !value.is_empty())
    }

    /// The sid that the path names.
    fn sid(&self) -> &str {
        self.path.get(1).map(String::as_str).unwrap_or_default()
    }

    fn not_found(&self) -> Refusal {
        Refusal::not_found(&format!("/{}", self.path.join("/")))
    }

    /// What Twilio does not know it does not mind; whoever sends it has misspelled something.
    fn check_names(&self, known: &[&str]) {
        for (name, _) in &self.parameters {
            if !known.contains(&name.as_str()) {
                let what = self.what;
                self.network.kept.violation(format!("{what:?} with {name}, which Twilio does not have"));
            }
        }
    }

    fn answered(&self, status: StatusCode, code: Option<u32>) {
        self.note(|request| {
            request.status = Some(status.as_u16());
            request.code = code;
        });
    }

    fn note(&self, note: impl FnOnce(&mut Request)) {
        self.network.kept.note(|seen| {
            if let Some(request) = seen.requests.get_mut(self.number) {
                note(request);
            }
        });
    }

    /// What a fault does in place of what was asked for.
    async fn trouble(&self) -> Option<Response> {
        match self.fault.as_ref()? {
            Fault::Silent => std::future::pending().await,
            Fault::Slow(time) => {
                tokio::time::sleep(*time).await;
                None
            }
            Fault::Refuse { status, retry_after: after } => {
                self.network.kept.note(|seen| seen.refused += 1);
                let refusal = Refusal::of_status(*status);
                self.answered(refusal.status, Some(refusal.code));
                let mut response = refusal.response();
                response.headers_mut().extend(after.map(|time| (RETRY_AFTER, retry_after(time))));
                Some(response)
            }
            Fault::Garbage => {
                let body = [GARBAGE_TEXTS.concat().as_bytes(), GARBAGE_BYTES].concat();
                Some(([(CONTENT_TYPE, "text/html")], body).into_response())
            }
            _ => None,
        }
    }
}

/// Answers, as far as the fault lets it.
fn finish(done: Done, fault: Option<&Fault>) -> Response {
    let Done { status, body, begins } = done;
    let body = body.to_string();
    let mut response = match fault {
        Some(Fault::Nothing) => return status.into_response(),
        Some(Fault::CloseMidWord) => {
            let half = body.get(..body.len() / 2).unwrap_or_default().to_owned();
            let mut response = respond(status, &Value::Null);
            *response.body_mut() = in_pieces(half, true, begins);
            response
        }
        _ => {
            let mut response = respond(status, &Value::Null);
            *response.body_mut() = in_pieces(body.clone(), false, begins);
            response
        }
    };
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    response
}

/// A body after which something begins; it may break off.
fn in_pieces(text: String, breaks: bool, begins: Option<oneshot::Sender<()>>) -> Body {
    let pieces = [Some(Ok(Bytes::from(text))), breaks.then(|| Err(io::Error::other("it breaks off here")))];
    let pieces = pieces.into_iter().flatten().collect::<std::collections::VecDeque<_>>();
    Body::from_stream(futures_util::stream::unfold((pieces, begins), async |(mut pieces, begins)| {
        // what was said before must be on the wire when the connection breaks, or the call begins
        tokio::task::yield_now().await;
        pieces.pop_front().map(|piece| (piece, (pieces, begins)))
    }))
}
