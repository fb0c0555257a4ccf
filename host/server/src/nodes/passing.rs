//! Requests about a call that another node holds: they are passed on to it as they came, and its answer
//! is passed back, a stream of events or a socket too.
//!
//! No node is trusted with more than anybody else: the one that holds the call checks Twilio's signature,
//! the key or the token again. It only has to know what was asked for, and by whom, as it does behind a
//! proxy. A request is passed on once.

use super::naming::{About, Named};
use super::{Node, Nodes, Whereabouts};
use crate::access::{FromTwilio, Problem, target};
use crate::app::Shared;
use crate::calls::lines::TURN;
use crate::registry::{Entry, Phase};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, FORWARDED, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use twilio::twiml::{Address, Response as TwiML};

/// The node that passed a request on.
const PASSED: HeaderName = HeaderName::from_static("x-cordboard-node");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// They are about one connection.
const OF_THE_CONNECTION: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"];
/// The longest that an answer takes to begin: a node that asks Twilio's REST interface meanwhile.
const ANSWER: Duration = Duration::from_secs(30);
/// Where Twilio asks what follows: on a stream, and at every turn of a line of webhooks.
const FOLLOWS: [&str; 2] = ["/voice/after", TURN];

/// Why another node did not answer.
enum Unanswered {
    /// it was not asked: nobody is there
    NobodyThere,
    /// it was, and the connection broke
    Broke(String),
    Late(String),
}

/// Answers here what this node, or nobody, holds; and has other nodes answer the rest.
pub async fn pass_on(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let Some(nodes) = app.nodes.clone() else { return next.run(request).await };
    let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() else {
        return next.run(request).await;
    };
    let passed = request.headers().contains_key(PASSED);
    if passed {
        nodes.meet(&app, peer).await;
    }
    let named = match Named::read(request, &app).await {
        Ok(named) => named,
        Err(problem) => return problem.into_response(),
    };
    let (names, given_out) = match &named.about {
        About::Nothing => return next.run(named.into_request()).await,
        About::Call(name) => (vec![name.clone()], false),
        About::Told { names, given_out } => (names.clone(), *given_out),
        About::Stream { call, .. } => (vec![call.clone()], true),
    };
    let here = names.iter().find_map(|name| app.registry.find(name));
    let found = match &here {
        Some(known) if known.is_settled() && !known.is_lost() => Whereabouts::Here,
        _ if passed => Whereabouts::Here,
        _ => nodes.whereabouts(&names, given_out && here.is_none()).await,
    };
    match found {
        Whereabouts::Here | Whereabouts::Nowhere => {}
        Whereabouts::Lost(entry) => take_lost(&app, &named, *entry),
        Whereabouts::At(at) => {
            let (node, entry) = *at;
            if !may_take(&app, &named, &entry) {
                return elsewhere(&nodes, &app, peer, named, next, node, entry).await;
            }
            if let Err(used) = redeem(&nodes, &named).await {
                return used.into_response();
            }
            tracing::info!(call_sid = entry.view.id, node = node.name, "the stream of a call comes here");
            app.registry.take_over(&entry);
            return next.run(named.into_request()).await;
        }
    }
    match redeem(&nodes, &named).await {
        Ok(()) => next.run(named.into_request()).await,
        Err(used) => used.into_response(),
    }
}

/// The first stream of a call is held where it comes, if there is a place; one that comes in place of
/// another is for whoever has the conversation.
fn may_take(app: &Shared, named: &Named, entry: &Entry) -> bool {
    let first = matches!(entry.stage, Phase::Told | Phase::Announced);
    // what a call from the console is served with is known where it was begun
    let anybodys = first && !entry.view.console;
    matches!(named.about, About::Stream { .. }) && anybodys && app.is_open() && !app.is_full()
}

/// A call whose node is gone is this node's from now on.
fn take_lost(app: &Shared, named: &Named, mut entry: Entry) {
    // a stream that was announced may still come; what Twilio says of it comes when it has not
    let is_told = matches!(named.about, About::Told { .. });
    let is_lost = match entry.stage {
        Phase::Live => true,
        Phase::Announced => is_told,
        Phase::Told => FOLLOWS.contains(&named.parts.uri.path()),
        Phase::Over => false,
    };
    if is_lost {
        if let Some(nodes) = &app.nodes {
            nodes.tell_lost(&entry.node, &[entry.name()]);
        }
        entry.lose();
    }
    app.registry.take_over(&entry);
}

/// One token admits one stream, to whichever node.
async fn redeem(nodes: &Nodes, named: &Named) -> Result<(), Problem> {
    match &named.about {
        About::Stream { token, .. } if !nodes.redeem(token).await => {
            Err(Problem::forbidden("this token was used before; one token admits one stream"))
        }
        _ => Ok(()),
    }
}

/// The node that holds the call answers; if nobody is there any more and Twilio asks, this one does.
async fn elsewhere(
    nodes: &Nodes,
    app: &Shared,
    peer: SocketAddr,
    mut named: Named,
    next: Next,
    node: Node,
    entry: Entry,
) -> Response {
    let upgrade = named.parts.extensions.remove::<OnUpgrade>();
    let mut answered = pass(nodes, app, peer, &named, &node).await;
    if matches!((&answered, &named.about), (Err(Unanswered::Broke(_)), About::Told { .. })) {
        // a node that dies may take a connection and answer nothing; what Twilio says may come twice
        answered = pass(nodes, app, peer, &named, &node).await;
    }
    let unanswered = match answered {
        Ok(answer) => return passed_back(answer, upgrade),
        Err(unanswered) => unanswered,
    };
    if let Some(upgrade) = upgrade {
        named.parts.extensions.insert(upgrade);
    }
    let call_sid = entry.view.id.clone();
    if let Unanswered::Broke(why) | Unanswered::Late(why) = unanswered {
        tracing::warn!(call_sid, node = node.name, "the node that holds a call does not answer: {why}");
        return gone(&node, &why);
    }
    tracing::warn!(call_sid, node = node.name, "the node that holds a call is not there");
    let may_answer = match &named.about {
        // it has signed out
        _ if nodes.is_gone(&entry.node).await => Ok(()),
        // the conversation goes on there, and may be reached again in a moment
        About::Told { .. } if entry.stage == Phase::Live && named.parts.uri.path() == TURN => {
            Err(come_again(&named.parts.uri))
        }
        About::Call(_) | About::Nothing => Err(gone(&node, "it is not there")),
        About::Stream { .. } => Ok(()),
        // only what follows on a line tells that the conversation there is over
        About::Told { .. } if entry.stage == Phase::Live && !FOLLOWS.contains(&named.parts.uri.path()) => {
            Err(gone(&node, "it is not there"))
        }
        // it may still be heard by others: only Twilio itself makes the call ours
        About::Told { .. } => {
            let asked = Request::from_parts(named.parts.clone(), Body::from(named.body.clone()));
            FromTwilio::from_request(asked, app).await.map(drop)
        }
    };
    if let Err(refused) = may_answer {
        return refused;
    }
    if let Err(used) = redeem(nodes, &named).await {
        return used.into_response();
    }
    take_lost(app, &named, entry);
    next.run(named.into_request()).await
}

/// Has Twilio ask the same once more.
fn come_again(uri: &Uri) -> Response {
    let again = TwiML::new().pause(Duration::from_secs(1)).redirect(Address::post(target(uri)));
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], again.to_string()).into_response()
}

fn gone(node: &Node, why: &str) -> Response {
    let text = format!("the node {:?} holds this call, and cannot be asked: {why}", node.name);
    Problem::new(StatusCode::BAD_GATEWAY, text).retry_after(Duration::from_secs(3)).into_response()
}

async fn pass(
    nodes: &Nodes,
    app: &Shared,
    peer: SocketAddr,
    named: &Named,
    node: &Node,
) -> Result<reqwest::Response, Unanswered> {
    let Parts { method, uri, headers, .. } = &named.parts;
    let request = nodes
        .http
        .request(method.clone(), format!("{}{}", node.address, target(uri)))
        .headers(headers_for(nodes, app, peer, headers))
        .body(named.body.clone());
    match tokio::time::timeout(ANSWER, request.send()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.is_connect() => Err(Unanswered::NobodyThere),
        Ok(Err(error)) => Err(Unanswered::Broke(error.without_url().to_string())),
        Err(_) => Err(Unanswered::Late("it does not answer in time".into())),
    }
}

/// As they came; but what they say of what was asked for, and by whom, is what this node believes.
fn headers_for(nodes: &Nodes, app: &Shared, peer: SocketAddr, headers: &HeaderMap) -> HeaderMap {
    let mut passed = headers.clone();
    for name in OF_THE_CONNECTION {
        passed.remove(name);
    }
    passed.remove(CONTENT_LENGTH);
    if headers.contains_key(UPGRADE) {
        passed.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    for name in [FORWARDED, FORWARDED_HOST, FORWARDED_PROTO] {
        passed.remove(name);
    }
    if let Ok(address) = app.access.address(peer, headers) {
        if let Ok(host) = HeaderValue::from_str(address.host()) {
            passed.insert(FORWARDED_HOST, host);
        }
        passed.insert(FORWARDED_PROTO, HeaderValue::from_static(address.scheme()));
    }
    let client = app.access.client(peer, headers).to_string();
    if let Ok(client) = HeaderValue::from_str(&client) {
        passed.insert(FORWARDED_FOR, client);
    }
    if let Ok(id) = HeaderValue::from_str(&nodes.id) {
        passed.insert(PASSED, id);
    }
    passed
}

fn passed_back(answer: reqwest::Response, upgrade: Option<OnUpgrade>) -> Response {
    let status = answer.status();
    let mut headers = answer.headers().clone();
    let switches = status == StatusCode::SWITCHING_PROTOCOLS;
    if !switches {
        for name in OF_THE_CONNECTION {
            headers.remove(name);
        }
    }
    headers.remove(TRANSFER_ENCODING);
    // this node says that itself
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in own {
        headers.remove(name);
    }
    let body = match switches {
        true => {
            tokio::spawn(join(answer, upgrade));
            Body::from(Bytes::new())
        }
        false => Body::from_stream(answer.bytes_stream()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A socket: what comes from one side goes to the other, until one of them ends it.
async fn join(answer: reqwest::Response, upgrade: Option<OnUpgrade>) {
    let Some(upgrade) = upgrade else { return };
    let (Ok(mut there), Ok(here)) = (answer.upgrade().await, upgrade.await) else { return };
    // one that breaks is noticed by both ends
    let _ = copy_bidirectional(&mut TokioIo::new(here), &mut there).await;
}
