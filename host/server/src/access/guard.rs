//! The checks as routes name them: a handler that takes a [`Reader`] is reached by those who may read.

use super::address::{PublicAddress, is_welcome_origin};
use super::problem::Problem;
use super::roles::Role;
use crate::app::Shared;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Somebody who may see calls.
pub struct Reader;
/// Somebody who may take a hand in them.
pub struct Controller;
/// Somebody who may exchange components.
pub struct Exchanger;
/// Somebody with a key, and what it may do.
pub struct KeyHolder(pub BTreeSet<Role>);
/// Somebody who may place them, and where Twilio reaches us about it; or why it does not.
pub struct Caller(pub Result<PublicAddress, Problem>);

impl FromRequestParts<Shared> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        check(parts, app, Role::Read).map(|_| Self)
    }
}

impl FromRequestParts<Shared> for Controller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        check(parts, app, Role::Control).map(|_| Self)
    }
}

impl FromRequestParts<Shared> for Exchanger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        check(parts, app, Role::Exchange).map(|_| Self)
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let peer = check(parts, app, Role::Call)?;
        Ok(Self(app.access.reachable(peer, &parts.headers)))
    }
}

impl FromRequestParts<Shared> for KeyHolder {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        let peer = peer(parts.extensions.get::<ConnectInfo<SocketAddr>>())?;
        app.access.roles(peer, &parts.headers, Role::Read).map(Self)
    }
}

fn check(parts: &Parts, app: &Shared, role: Role) -> Result<SocketAddr, Problem> {
    let peer = peer(parts.extensions.get::<ConnectInfo<SocketAddr>>())?;
    app.access.check_role(peer, &parts.headers, role)?;
    Ok(peer)
}

fn peer(info: Option<&ConnectInfo<SocketAddr>>) -> Result<SocketAddr, Problem> {
    let nobody = || Problem::forbidden("nothing tells where this request is from");
    info.map(|ConnectInfo(peer)| *peer).ok_or_else(nobody)
}

/// A page in a browser may open a socket here only if it is ours, or listed.
pub fn is_welcome(app: &Shared, peer: SocketAddr, headers: &HeaderMap) -> bool {
    let address = app.access.address(peer, headers).ok();
    is_welcome_origin(headers, address.as_ref(), &app.access.origins)
}

/// Bounds how often one client may ask one route.
pub async fn count(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let counted = peer(request.extensions().get::<ConnectInfo<SocketAddr>>()).and_then(|peer| {
        app.access.count_request(peer, request.headers(), route.as_deref().unwrap_or("elsewhere"))
    });
    match counted {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
