//! Seeing calls: which there are, how one goes, and what happens in it while it happens.

use crate::access::{Problem, Reader};
use crate::app::Shared;
use crate::outbound::refused;
use crate::registry::{Event, Known, View, What};
use axum::Json;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::UPGRADE;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

/// Nothing is wanted from those who watch.
const LONGEST_MESSAGE: usize = 4096;
const SEND: Duration = Duration::from_secs(5);
/// For what is known here Twilio is not waited for longer.
const COMPLETED: Duration = Duration::from_secs(2);

/// A call's status, as the server that this one replaces gave it.
#[derive(Serialize, ToSchema)]
pub struct Status {
    call_sid: String,
    /// in Twilio's words
    status: String,
    direction: String,
    to: Option<String>,
    from_: Option<String>,
    /// in seconds
    duration: Option<u64>,
    /// ISO 8601
    start_time: Option<String>,
    end_time: Option<String>,
    answered_by: Option<String>,
}

/// The status of a call
///
/// What is known here, completed by what Twilio says.
#[utoipa::path(
    get, path = "/call-status/{sid}", tag = "calls", security(("key" = [])),
    params(("sid" = String, Path, description = "Twilio's CallSid, or the name that a placed call has here")),
    responses(
        (status = 200, body = Status),
        (status = 404, description = "Neither this server nor Twilio knows the call", body = super::description::Refusal),
        (status = 502, description = "Not known here, and Twilio cannot be reached", body = super::description::Refusal),
    )
)]
pub async fn status(
    State(app): State<Shared>,
    _: Reader,
    Path(sid): Path<String>,
) -> Result<Json<Status>, Problem> {
    let known = app.registry.find(&sid);
    let name = known.as_ref().and_then(|known| known.view().call_sid).unwrap_or_else(|| sid.clone());
    let twilios = match &app.twilio {
        Some(twilio) if is_sid(&name) => {
            let asking = async { app.services.vitals.twilio.note(twilio.call(&name).await) };
            match &known {
                // what is known here is good enough
                Some(_) => match timeout(COMPLETED, asking).await {
                    Ok(Ok(call)) => Some(call),
                    Ok(Err(error)) => {
                        tracing::warn!(call_sid = name, "Twilio does not tell the call's status: {error}");
                        None
                    }
                    Err(_) => None,
                },
                None => match asking.await {
                    Ok(call) => Some(call),
                    Err(error) => return Err(refused(&error, "Failed to fetch call status")),
                },
            }
        }
        _ => None,
    };
    if let (Some(known), Some(call)) = (&known, &twilios) {
        known.asked(&call.status);
    }
    let view = known.map(|known| known.view());
    if view.is_none() && twilios.is_none() {
        return Err(unknown(&sid));
    }
    let twilios = twilios.as_ref();
    let told = |here: Option<String>, there: Option<String>| here.or(there);
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    Ok(Json(Status {
        call_sid: name,
        status: view
            .as_ref()
            .map(|view| view.status.clone())
            .or_else(|| twilios.map(|call| call.status.to_string()))
            .unwrap_or_default(),
        direction: twilios
            .and_then(|call| Some(call.direction.as_ref()?.to_string()))
            .or_else(|| view.as_ref().map(|view| view.direction.clone()))
            .unwrap_or_default(),
        to: told(view.as_ref().and_then(|view| view.to.clone()), twilios.and_then(|call| call.to.clone())),
        from_: told(
            view.as_ref().and_then(|view| view.from.clone()),
            twilios.and_then(|call| call.from.clone()),
        ),
        duration: twilios
            .and_then(|call| Some(call.duration?.as_secs()))
            .or_else(|| view.as_ref().and_then(|view| view.duration)),
        start_time: told(
            time(twilios.and_then(|call| call.start_time)),
            view.as_ref().and_then(|view| view.start_time.clone()),
        ),
        end_time: told(
            time(twilios.and_then(|call| call.end_time)),
            view.as_ref().and_then(|view| view.end_time.clone()),
        ),
        answered_by: told(
            view.as_ref().and_then(|view| view.answered_by.clone()),
            twilios.and_then(|call| Some(call.answered_by.as_ref()?.to_string())),
        ),
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// also those that are over, as far as they are still known (an hour)
    #[serde(default)]
    all: bool,
    /// without what was said and kept
    #[serde(default)]
    brief: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// also how loud both sides are, five times a second: `levels`
    #[serde(default)]
    levels: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Calls {
    calls: Vec<View>,
}

/// The calls that there are
///
/// Live ones and those that are about to be, with their conversations so far. Where several servers share
/// their calls: those of all of them, each with its `node`; what is said in the calls of another one is
/// told by `/calls/{sid}`.
#[utoipa::path(
    get, path = "/calls", tag = "calls", security(("key" = [])), params(Which),
    responses((status = 200, body = Calls))
)]
pub async fn calls(State(app): State<Shared>, _: Reader, Query(which): Query<Which>) -> Json<Calls> {
    let known = app.registry.all();
    let calls = match &app.nodes {
        Some(nodes) => nodes.calls(known, which.all, which.brief).await,
        None => known.iter().map(|known| known.seen(which.brief)).collect(),
    };
    let wanted = calls.into_iter().filter(|call| which.all || call.end_time.is_none());
    Json(Calls { calls: wanted.collect() })
}

/// A call, with its conversation so far
#[utoipa::path(
    get, path = "/calls/{sid}", tag = "calls", security(("key" = [])),
    params(("sid" = String, Path, description = "Twilio's CallSid, or the name that a placed call has here")),
    responses((status = 200, body = View))
)]
pub async fn call(
    State(app): State<Shared>,
    _: Reader,
    Path(sid): Path<String>,
) -> Result<Json<View>, Problem> {
    let known = app.registry.find(&sid).ok_or_else(|| unknown(&sid))?;
    Ok(Json(known.view()))
}

/// What happens in a call, while it happens
///
/// As server-sent events, or over a WebSocket where one is asked for. The first event, `call`, is the
/// call as it is; the stream ends with the call.
#[utoipa::path(
    get, path = "/calls/{sid}/events", tag = "calls", security(("key" = [])),
    params(("sid" = String, Path, description = "Twilio's CallSid, or the name that a placed call has here"), Whole),
    responses(
        (status = 200, description = "One `Event` after the other", body = super::description::Sent, content_type = "text/event-stream")
    )
)]
pub async fn events(
    State(app): State<Shared>,
    _: Reader,
    Path(sid): Path<String>,
    Query(Whole { levels }): Query<Whole>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let known = app.registry.find(&sid).ok_or_else(|| unknown(&sid))?;
    if headers.contains_key(UPGRADE) {
        let upgrade = upgrade.map_err(|e| Problem::new(e.status(), e.body_text()))?;
        let upgrade = upgrade.max_message_size(LONGEST_MESSAGE).max_frame_size(LONGEST_MESSAGE);
        return Ok(upgrade.on_upgrade(move |socket| send(socket, known, levels)));
    }
    let events = watch(known, levels).map(|event| {
        let name = name(&event);
        // a struct of strings and numbers: it can be written
        let data = serde_json::to_string(&event).unwrap_or_default();
        Ok::<_, Infallible>(sse::Event::default().event(name).data(data))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

async fn send(mut socket: WebSocket, known: Arc<Known>, levels: bool) {
    let mut events = std::pin::pin!(watch(known, levels));
    loop {
        tokio::select! {
            event = events.next() => {
                let Some(event) = event else { break };
                let text = serde_json::to_string(&event).unwrap_or_default();
                // whoever does not read any more has gone
                if !matches!(timeout(SEND, socket.send(Message::text(text))).await, Ok(Ok(()))) {
                    return;
                }
            }
            // nothing is wanted from there but that it stays
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    let frame = CloseFrame { code: 1000, reason: "the call is over".into() };
    let _ = timeout(SEND, socket.send(Message::Close(Some(frame)))).await;
}

/// The call as it is, and what happens in it, until it is over; `levels`: also how loud it is.
fn watch(known: Arc<Known>, levels: bool) -> impl Stream<Item = Event> {
    struct Watching {
        known: Arc<Known>,
        events: broadcast::Receiver<Event>,
        levels: Option<broadcast::Receiver<Event>>,
        first: VecDeque<Event>,
        over: bool,
    }
    let (view, events) = known.watch();
    let levels = levels.then(|| known.watch_levels());
    let over = view.end_time.is_some();
    let first = VecDeque::from([as_it_is(view)]);
    stream::unfold(Watching { known, events, levels, first, over }, async |mut watching| {
        if let Some(event) = watching.first.pop_front() {
            return Some((event, watching));
        }
        if watching.over {
            return None;
        }
        let received = tokio::select! {
            biased;
            event = watching.events.recv() => event,
            level = next(&mut watching.levels) => return Some((level, watching)),
        };
        let event = match received {
            Ok(event) => event,
            // so much was missed that it is told from the beginning
            Err(RecvError::Lagged(_)) => {
                let (view, events) = watching.known.watch();
                watching.events = events;
                watching.over = view.end_time.is_some();
                return Some((as_it_is(view), watching));
            }
            Err(RecvError::Closed) => return None,
        };
        watching.over = match event.what {
            What::End { .. } => true,
            // nobody picked up: there is no conversation that could end
            What::Status { .. } => {
                watching.known.over_since().is_some() && watching.known.departure().is_none()
            }
            _ => false,
        };
        Some((event, watching))
    })
}

/// How loud it is; never, where nobody wants to know.
async fn next(levels: &mut Option<broadcast::Receiver<Event>>) -> Event {
    while let Some(receiver) = levels {
        match receiver.recv().await {
            Ok(event) => return event,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => *levels = None,
        }
    }
    std::future::pending().await
}

fn as_it_is(view: View) -> Event {
    Event { at: Timestamp::now().to_string(), what: What::Call(Box::new(view)) }
}

fn name(event: &Event) -> &'static str {
    match event.what {
        What::Call(_) => "call",
        What::Status { .. } => "status",
        What::Line { .. } => "line",
        What::AnsweredBy { .. } => "answered_by",
        What::Caller { .. } => "caller",
        What::Partial { .. } => "partial",
        What::Turn { .. } => "turn",
        What::Speaks { .. } => "speaks",
        What::Spoke { .. } => "spoke",
        What::Tool { .. } => "tool",
        What::Metrics { .. } => "metrics",
        What::Kept { .. } => "kept",
        What::Outcome { .. } => "outcome",
        What::Exchanged { .. } => "exchanged",
        What::FailedOver { .. } => "failed_over",
        What::Levels { .. } => "levels",
        What::Interrupt {} => "interrupt",
        What::Operator { .. } => "operator",
        What::Transfer { .. } => "transfer",
        What::Transferred {} => "transferred",
        What::Trouble { .. } => "trouble",
        What::End { .. } => "end",
    }
}

/// Only what can be a call of Twilio's is asked for.
fn is_sid(name: &str) -> bool {
    name.strip_prefix("CA")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

pub fn unknown(sid: &str) -> Problem {
    let sid: String = sid.chars().take(64).collect();
    Problem::not_found(format!("there is no call {sid:?} here"))
}
