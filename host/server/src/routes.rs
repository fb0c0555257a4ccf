//! What answers HTTP: Twilio's webhook, the media stream's socket, and health.

use crate::calls;
use crate::local::{is_local, is_local_host};
use crate::logging::masked;
use crate::services::Services;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{ConnectInfo, Form, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// So much is read at once, and is cleared before it is read into: a frame of audio is far smaller.
const READ: usize = 8 * 1024;
/// A message of the stream may be so long: the longest that is understood is a good deal shorter.
const LONGEST_MESSAGE: usize = 4 << 20;

#[derive(Clone)]
pub struct Shared {
    pub services: Arc<Services>,
    /// becomes true when the host stops
    pub stopping: watch::Receiver<bool>,
}

pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", post(incoming))
        .route("/ws", any(stream))
        .route("/health", get(health))
        .fallback(async || detail(StatusCode::NOT_FOUND, "there is nothing here; see /health"))
        .with_state(shared)
}

/// Twilio's webhook for an incoming call: connects it to our stream.
async fn incoming(
    State(shared): State<Shared>,
    headers: HeaderMap,
    form: Result<Form<BTreeMap<String, String>>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Form(form) = match form {
        Ok(form) => form,
        Err(rejection) => {
            let problem = format!("a form is needed, as Twilio sends it: {rejection}");
            return detail(rejection.status(), &problem);
        }
    };
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let Some(url) = stream_url(&shared.services, &headers) else {
        let problem = "the address of this server is not known: send a Host header, or set PUBLIC_URL";
        return detail(StatusCode::BAD_REQUEST, problem);
    };
    tracing::info!(
        call_sid = field("CallSid"),
        caller = masked(field("From")),
        called = masked(field("To")),
        "incoming call"
    );
    let parameters = [("direction", "inbound"), ("caller", field("From")), ("called", field("To"))];
    let twiml = twilio::twiml::connect_stream(&url, parameters);
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], twiml).into_response()
}

/// Where Twilio reaches our stream: `PUBLIC_URL`, or the host that it asked for. Twilio takes
/// nothing but `wss`, so only this machine itself gets `ws`.
fn stream_url(services: &Services, headers: &HeaderMap) -> Option<String> {
    let public = services.config.server.public_url.as_deref().map(|url| url.trim_end_matches('/'));
    let (secure, rest) = match public.and_then(|url| url.split_once("://")) {
        Some((scheme, rest)) => (matches!(scheme, "https" | "wss"), rest),
        None => (false, public.or_else(|| headers.get(HOST)?.to_str().ok())?),
    };
    let host = rest.split('/').next().unwrap_or_default();
    let scheme = if secure || !is_local_host(host) { "wss" } else { "ws" };
    (!host.is_empty()).then(|| format!("{scheme}://{rest}/ws"))
}

/// The media stream.
async fn stream(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return detail(rejection.status(), &format!("a media stream connects by WebSocket: {rejection}"));
        }
    };
    let most = shared.services.config.server.calls as usize;
    if shared.services.live.load(Ordering::Relaxed) >= most {
        tracing::warn!(most, "a call was turned away: there are as many as the host may carry");
        return detail(StatusCode::SERVICE_UNAVAILABLE, "there are as many calls as this host may carry");
    }
    let local = is_local(peer, &headers);
    upgrade
        .read_buffer_size(READ)
        .max_message_size(LONGEST_MESSAGE)
        .max_frame_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| calls::serve(socket, local, shared.services, shared.stopping))
}

/// What serves the calls, and how many there are.
async fn health(State(shared): State<Shared>) -> Json<serde_json::Value> {
    let services: serde_json::Map<String, serde_json::Value> =
        shared.services.names().map(|(kind, id)| (kind.to_owned(), serde_json::json!(id))).collect();
    Json(serde_json::json!({
        "status": "healthy",
        "timestamp": jiff::Timestamp::now().to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "calls": shared.services.live.load(Ordering::Relaxed),
        "services": services,
    }))
}

/// An error, as every route gives it.
fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(serde_json::json!({ "detail": text }))).into_response()
}
