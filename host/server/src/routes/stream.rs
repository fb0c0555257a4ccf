//! The sockets of media streams and of ConversationRelay: who may open one.
//!
//! Twilio may, whose signature says so; whoever has a token that we gave out; and, where Twilio cannot
//! be told from others, this machine itself.

use super::webhooks::{RELAY, STREAM};
use crate::access::{Problem, is_local, is_welcome, target};
use crate::app::Shared;
use crate::calls::{self, Admission};
use crate::figures::TurnedAway;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{ConnectInfo, OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// So much is read at once, and is cleared before it is read into: a frame of audio is far smaller.
const READ: usize = 8 * 1024;
/// A message of the stream may be so long: the longest that is understood is a good deal shorter.
const LONGEST_MESSAGE: usize = 4 << 20;

pub async fn open(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    OriginalUri(uri): OriginalUri,
    Path(token): Path<BTreeMap<String, String>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let text = format!("a media stream connects by WebSocket: {rejection}");
            return Problem::new(rejection.status(), text).into_response();
        }
    };
    let token = token.get("token").map(String::as_str);
    let route = ["/media", RELAY].into_iter().find(|route| target(&uri).starts_with(route));
    let route = route.unwrap_or(STREAM);
    let admission = match admit(&app, peer, &headers, target(&uri), route, token) {
        Ok(admission) => admission,
        Err(problem) => {
            tracing::warn!(%peer, "a stream was refused: {}", problem.detail);
            return problem.into_response();
        }
    };
    let address = app.access.address(peer, &headers).ok();
    let upgrade =
        upgrade.read_buffer_size(READ).max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
    match route {
        RELAY => upgrade.on_upgrade(move |socket| calls::serve_relay(socket, admission, address, app)),
        _ => upgrade.on_upgrade(move |socket| calls::serve_stream(socket, admission, address, app)),
    }
}

fn admit(
    app: &Shared,
    peer: SocketAddr,
    headers: &HeaderMap,
    target: &str,
    route: &'static str,
    token: Option<&str>,
) -> Result<Admission, Problem> {
    let local = is_local(peer, headers);
    if !is_welcome(app, peer, headers) {
        return Err(Problem::forbidden("a page of this origin may not open a stream (`server.origins`)"));
    }
    let admission = match token {
        Some(token) => {
            let call = app.access.tokens.redeem(token, route).map_err(|e| {
                let counted = app.access.count_request(peer, headers, route);
                counted.err().unwrap_or_else(|| Problem::forbidden(e))
            })?;
            let known = app.registry.find(&call);
            if known.as_ref().is_some_and(|known| known.is_live() && !known.is_returning()) {
                return Err(Problem::conflict("this call has a stream already; there is one for each call"));
            }
            // whoever has the console may bring words, wherever they are
            let local = local || known.is_some_and(|known| known.is_console());
            Admission { local, call: Some(call), account: false }
        }
        None if !app.access.knows_twilio() && local => Admission { local, call: None, account: false },
        None => {
            app.access
                .check_socket(peer, headers, target)
                .map_err(|refused| app.access.count_request(peer, headers, route).err().unwrap_or(refused))?;
            Admission { local, call: None, account: true }
        }
    };
    // one that was announced has its place
    let announced = admission.call.as_deref().and_then(|call| app.registry.find(call)).is_some();
    if !announced && app.is_full() {
        tracing::warn!("a call was turned away: there are as many as the host may carry");
        app.figures.turned_away(TurnedAway::Full);
        let text = "there are as many calls as this host may carry";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    if !announced && !app.is_open() {
        app.figures.turned_away(TurnedAway::Draining);
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this host is about to stop"));
    }
    Ok(admission)
}
