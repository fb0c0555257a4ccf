//! What answers HTTP.
//!
//! - `webhooks.rs`: what Twilio asks and tells about calls
//! - `transfers.rs`: what Twilio asks about callers who are put through
//! - `stream.rs`: the sockets of media streams
//! - `outbound.rs`: placing calls
//! - `watching.rs`: seeing calls
//! - `conversations.rs`: what was kept of calls
//! - `control.rs`: taking a hand in them
//! - `console/`: the page on which all this is seen and done
//! - `components.rs`: what is plugged in, and exchanging it
//! - `figures.rs`: its figures of the last hours
//! - `health.rs`: whether this host is well
//! - `metrics.rs`: its figures
//! - `description.rs`: the description of all this, as OpenAPI and as a page
//! - `body.rs`: a request's JSON, and what is said where it is none

mod body;
mod components;
mod console;
mod control;
mod conversations;
mod description;
mod figures;
mod health;
mod metrics;
mod outbound;
mod stream;
mod transfers;
mod watching;
mod webhooks;

pub use transfers::{OPERATOR, OPERATOR_STATUS, own_number, put_through, transfer_url};

use crate::access::{Problem, count};
use crate::app::Shared;
use crate::nodes::pass_on;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Nothing that is sent here is longer, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

pub fn router(app: Shared) -> Router {
    let webhooks = Router::new()
        .route("/voice/incoming", get(webhooks::incoming).post(webhooks::incoming))
        .route("/outbound-twiml", get(webhooks::answered).post(webhooks::answered))
        .route("/voice/outbound", get(webhooks::answered).post(webhooks::answered))
        .route("/voice/after", get(webhooks::after).post(webhooks::after))
        .route("/voice/answered-by", post(webhooks::told))
        .route("/voice/turn", get(webhooks::turn).post(webhooks::turn))
        .route("/voice/partial", post(webhooks::partial))
        .route("/voice/stream-status", post(webhooks::stream_status))
        .route("/voice/transferred", get(transfers::transferred).post(transfers::transferred))
        .route("/voice/brief", get(transfers::brief).post(transfers::brief))
        .route("/voice/operator", get(transfers::operator).post(transfers::operator))
        .route("/voice/operator-status", post(transfers::operator_status));
    let sockets = Router::new()
        .route("/ws", any(stream::open))
        .route("/media", any(stream::open))
        .route("/relay", any(stream::open))
        .route("/relay/{token}", any(stream::open))
        .route("/ws/{token}", any(stream::open))
        .route("/media/{token}", any(stream::open));
    let (described, description) = OpenApiRouter::with_openapi(description::base())
        .routes(routes!(outbound::place))
        .routes(routes!(outbound::make_call))
        .routes(routes!(watching::status,))
        .routes(routes!(watching::calls))
        .routes(routes!(watching::call))
        .routes(routes!(watching::events))
        .routes(routes!(control::interrupt_call))
        .routes(routes!(control::interrupt))
        .routes(routes!(control::hang_up))
        .routes(routes!(control::transfer))
        .routes(routes!(control::say))
        .routes(routes!(control::dtmf))
        .routes(routes!(control::operator))
        .routes(routes!(conversations::conversations, conversations::forget_caller))
        .routes(routes!(conversations::as_csv))
        .routes(routes!(conversations::as_json))
        .routes(routes!(conversations::conversation, conversations::forget))
        .routes(routes!(conversations::recording))
        .routes(routes!(components::components))
        .routes(routes!(components::promote))
        .routes(routes!(components::roll_back))
        .routes(routes!(figures::figures))
        .routes(routes!(console::access))
        .routes(routes!(console::choices))
        .routes(routes!(console::begin))
        .routes(routes!(console::return_to))
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(components::exchange))
                .layer(DefaultBodyLimit::max(components::LONGEST_COMPONENT)),
        )
        .split_for_parts();
    // whoever asks too often is refused here, and not passed on
    let passing = from_fn_with_state(app.clone(), pass_on);
    let described = described
        .layer(passing.clone())
        .merge(description::pages(description))
        .layer(from_fn_with_state(app.clone(), count));
    // `/` is Twilio's where it asks about a call, and everybody's otherwise
    let front = Router::new().route("/", get(health::front).post(webhooks::incoming));
    let status = Router::new().route("/call-status", post(webhooks::told));
    let console = Router::new()
        .route("/console", get(console::page))
        .route("/console/", get(async || Redirect::to("../console")))
        .route("/console/{*path}", get(console::asset));
    Router::new()
        .merge(webhooks.merge(sockets).merge(status).layer(passing))
        .merge(described)
        .merge(front)
        .merge(console)
        .fallback(async || Problem::not_found("there is nothing here; /docs says what there is"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "not by this method; /docs says what there is")
        })
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(cors(&app.services.config.server.origins))
        .layer(from_fn(in_our_words))
        .with_state(app)
}

/// Pages of these origins may ask from a browser.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| origin.trim_end_matches('/').parse().ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE])
}

/// An error of a library, in plain text, is said as all others are.
async fn in_our_words(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !(status.is_client_error() || status.is_server_error()) || !kind.starts_with("text/plain") {
        return response;
    }
    let text = axum::body::to_bytes(response.into_body(), LONGEST_BODY).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let reason = status.canonical_reason().unwrap_or("this did not go well");
    Problem::new(status, if text.is_empty() { reason } else { &text }).into_response()
}
