//! Whether this host is well, and whether it takes calls.

use super::webhooks;
use crate::access::FromTwilio;
use crate::app::Shared;
use crate::vitals::{Service, Trouble};
use axum::Json;
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `healthy`; `degraded` where a service failed when it was last needed; `stopping`
    status: &'static str,
    timestamp: String,
    version: &'static str,
    /// live ones
    calls: usize,
    /// by their kinds; those that other routes than the default have, as `kind:name`
    services: BTreeMap<String, Service>,
}

#[derive(Serialize, ToSchema)]
pub struct Ready {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

/// How this host is, and what serves its calls
#[utoipa::path(get, path = "/health", tag = "host", responses((status = 200, body = Health)))]
pub async fn health(State(app): State<Shared>) -> Json<Health> {
    let twilio = app.twilio.as_ref().map(|_| "rest");
    let mut services = app.services.vitals.report(app.services.routes.providers(), twilio);
    let (state, trouble) = app.services.recorder().map_or(("off", None), |recorder| recorder.vital().state());
    let component = app.services.recorder().map(|_| "wav".to_owned());
    services.insert("recordings".into(), Service { component, state, trouble });
    if let Some(journals) = app.services.journals() {
        let (state, trouble) = journals.vital().state();
        services.insert("journals".into(), Service { component: None, state, trouble });
    }
    if let Some(store) = app.records.store() {
        services.insert("store".into(), records(&store.health()));
    }
    if let Some(nodes) = &app.nodes {
        let (state, trouble) = nodes.state();
        services.insert("registry".into(), Service { component: Some("redis".to_owned()), state, trouble });
    }
    let degraded = services.values().any(|service| service.state == "failing");
    Json(Health {
        status: match (app.is_open(), degraded) {
            (false, _) => "stopping",
            (true, true) => "degraded",
            (true, false) => "healthy",
        },
        timestamp: jiff::Timestamp::now().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        calls: app.registry.live(),
        services,
    })
}

/// What is kept while the database is away waits on the disk, so calls go on.
fn records(health: &store::Health) -> Service {
    let trouble = health.away.as_ref().map(|(since, reason)| Trouble {
        since: since.to_string(),
        reason: format!("{reason}; {} rows wait on the disk", health.spooled),
        failures: 1,
    });
    let state = if trouble.is_some() { "failing" } else { "ok" };
    Service { component: Some(health.kind.to_owned()), state, trouble }
}

/// Whether this host takes new calls
#[utoipa::path(
    get, path = "/ready", tag = "host",
    responses((status = 200, body = Ready), (status = 503, description = "It is about to stop", body = Ready))
)]
pub async fn ready(State(app): State<Shared>) -> Response {
    match app.is_open() {
        true => Json(Ready { ready: true, detail: None }).into_response(),
        false => {
            let ready = Ready { ready: false, detail: Some("about to stop; live calls go on") };
            (StatusCode::SERVICE_UNAVAILABLE, Json(ready)).into_response()
        }
    }
}

/// Twilio, which asks about a call; a person with a browser, who is shown the console; or anybody, who wants to
/// know how we are.
pub async fn front(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    if !url::form_urlencoded::parse(query).any(|(name, _)| name == "CallSid") {
        let accepted = request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
        if accepted.is_some_and(|accepted| accepted.contains("text/html")) {
            // a proxy may have us below a path of its own
            return Redirect::to("console").into_response();
        }
        return match app.access.count_request(peer, request.headers(), "/") {
            Ok(()) => health(State(app)).await.into_response(),
            Err(flood) => flood.into_response(),
        };
    }
    match FromTwilio::from_request(request, &app).await {
        Ok(told) => webhooks::incoming(State(app), told).await,
        Err(refused) => refused,
    }
}
