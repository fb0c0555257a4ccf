//! A request that is Twilio's, or that came from this machine where Twilio cannot be told from others.

use super::address::{PublicAddress, is_local, target};
use super::problem::Problem;
use super::{Access, Twilio};
use crate::app::Shared;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::time::Duration;
use twilio::signature::Body;
use twilio::webhook::Webhook;

/// A body is there by then.
const BODY: Duration = Duration::from_secs(10);

/// What Twilio says, and where it reached us.
pub struct FromTwilio {
    pub webhook: Webhook,
    pub address: PublicAddress,
    /// what we put into the URL: the call that we know it by
    pub call: Option<String>,
    /// and the attempt to put its caller through
    pub transfer: Option<String>,
    /// and which request of a line of webhooks this is
    pub step: Option<u32>,
    /// and that we have asked for it
    pub called: bool,
}

impl FromRequest<Shared> for FromTwilio {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let peer = ConnectInfo::<SocketAddr>::from_request_parts(&mut parts, app).await;
        let ConnectInfo(peer) = peer.map_err(IntoResponse::into_response)?;
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let target = target(&parts.uri).to_owned();
        let body =
            body_of(Request::from_parts(parts, body), app).await.map_err(IntoResponse::into_response)?;
        let read = read(&app.access, peer, &headers, &method, &target, &body);
        read.map_err(|problem| {
            app.figures.webhook_refused();
            // whoever is not Twilio is counted as anybody is
            let route = target.split('?').next().unwrap_or_default();
            match app.access.count_request(peer, &headers, route) {
                Ok(()) => {
                    tracing::warn!(%peer, route, "a webhook was refused: {}", problem.detail);
                    problem.into_response()
                }
                Err(flood) => flood.into_response(),
            }
        })
    }
}

/// The whole body, if it is not too long and does not take too long.
pub async fn body_of(request: Request, app: &Shared) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY, Bytes::from_request(request, app)).await {
        Ok(body) => body.map_err(|e| match e.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(e.status(), "the body is too long; what is taken here has at most 64 kB")
            }
            status => Problem::new(status, e.body_text()),
        }),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body of the request does not come")),
    }
}

fn read(
    access: &Access,
    peer: SocketAddr,
    headers: &HeaderMap,
    method: &Method,
    target: &str,
    body: &Bytes,
) -> Result<FromTwilio, Problem> {
    let address = access.address(peer, headers)?;
    let query = pairs(target.split_once('?').map_or("", |(_, query)| query).as_bytes());
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let form = kind == "application/x-www-form-urlencoded";
    let posted = match form {
        true => pairs(body),
        false => Vec::new(),
    };
    let signed = match (method == Method::POST, form) {
        (false, _) => Body::None,
        (true, true) => Body::Form(&posted),
        // a POST without anything is a form without anything
        (true, false) if body.is_empty() => Body::Form(&[]),
        (true, false) => Body::Raw(body),
    };
    let local = matches!(access.twilio, Twilio::Unknown) && is_local(peer, headers);
    if !local {
        access.check_signature(&urls(access, &address, target), signed, headers)?;
    }
    let told = match signed {
        Body::None => query.clone(),
        Body::Form(_) => posted,
        Body::Raw(json) if kind == "application/json" => members(json)?,
        Body::Raw(_) => {
            let text = "a form is needed, as Twilio sends it: application/x-www-form-urlencoded";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
    };
    let own = |wanted: &str| {
        let found = query.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let (call, transfer) = (own(CALL), own(TRANSFER));
    let (step, called) = (own(STEP).and_then(|step| step.parse().ok()), own(CALLED).is_some());
    let webhook = Webhook::parse(told);
    // a number that is ours is set to this address; of a call that was placed, whoever placed it chose it
    if webhook.direction.as_ref().is_some_and(twilio::status::Direction::is_inbound) && call.is_none() {
        access.learn(&address);
    }
    Ok(FromTwilio { webhook, address, call, transfer, step, called })
}

/// Our own name for the call, in the URLs that we give to Twilio.
pub const CALL: &str = "call";
/// And for one attempt to put its caller through.
pub const TRANSFER: &str = "transfer";
/// And for one request of a line of webhooks.
pub const STEP: &str = "step";
/// And that Twilio comes because we have called it.
pub const CALLED: &str = "called";

/// What Twilio may have asked for.
fn urls(access: &Access, address: &PublicAddress, target: &str) -> Vec<String> {
    let asked = address.http(target);
    let mut urls = vec![asked.clone()];
    if access.public().is_none() {
        // nothing tells whether the last mile before us was encrypted
        let other = asked.strip_prefix("https://").map(|rest| format!("http://{rest}"));
        urls.extend(other.or_else(|| Some(format!("https://{}", asked.strip_prefix("http://")?))));
    }
    // a webhook that was configured without a path asks for `/`
    let bare: Vec<String> =
        urls.iter().filter(|_| target == "/").map(|url| url.trim_end_matches('/').to_owned()).collect();
    urls.extend(bare);
    urls
}

fn pairs(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}

/// A JSON object, as a form: what is no text, number or truth is left out.
fn members(json: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(json)
        .map_err(|e| Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON object: {e}")))?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    Ok(object.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}
