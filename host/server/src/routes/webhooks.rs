//! What Twilio asks and tells about calls.
//!
//! Which line a call is held over its route says. A call that is answered with a stream, or with
//! ConversationRelay, goes on with [`after`] when that is over, for whatever reason: there it is decided, by
//! what is known of the conversation, whether the line comes back, the caller is put through, or that was
//! all. One that is held over webhooks goes on with [`turn`] at every turn.

use crate::access::{CALL, FromTwilio, PublicAddress, STEP};
use crate::app::{App, Shared};
use crate::calls::lines::{Asked, Heard, Reply, TURN};
use crate::calls::{begin_gather, route_of};
use crate::config::{self, Fallback, LineKind};
use crate::figures::TurnedAway;
use crate::registry::{Control, Dialled, Known};
use crate::routes::transfers;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use call::persona::{Departure, Direction};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use twilio::number::masked;
use twilio::twiml::{Address, Connect, Parameter, Reason, Relay, Response as TwiML, Stream};
use twilio::webhook::{Gathered, RelayResult, StreamEvent, Webhook};

/// What follows on a stream.
pub const AFTER: &str = "/voice/after";
const STREAM_STATUS: &str = "/voice/stream-status";
/// The route of the streams that we announce.
pub const STREAM: &str = "/ws";
/// And of ConversationRelay.
pub const RELAY: &str = "/relay";
/// Twilio waits for 15 s: what is not there by then has to come later.
const ANSWER: Duration = Duration::from_secs(8);

pub fn twiml(response: &TwiML) -> Response {
    xml(response.to_string())
}

fn xml(document: String) -> Response {
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response()
}

/// A call comes in: it is connected to our stream, or told that all lines are busy.
pub async fn incoming(State(app): State<Shared>, told: FromTwilio) -> Response {
    let webhook = &told.webhook;
    let number = |number: &Option<String>| number.as_deref().map(masked);
    tracing::info!(
        call_sid = webhook.call_sid,
        caller = number(&webhook.from),
        called = number(&webhook.to),
        "incoming call"
    );
    if let Some(busy) = busy(&app) {
        return busy;
    }
    connect(&app, &told).await
}

/// A call that we placed was answered.
pub async fn answered(State(app): State<Shared>, told: FromTwilio) -> Response {
    tracing::info!(call_sid = told.webhook.call_sid, call = told.call, "call answered");
    connect(&app, &told).await
}

/// No place for another call.
fn busy(app: &App) -> Option<Response> {
    let (why, turned_away) = match (app.is_open(), app.is_full()) {
        (false, _) => ("the host is about to stop", TurnedAway::Draining),
        (true, true) => ("there are as many as the host may carry", TurnedAway::Full),
        (true, false) => return None,
    };
    app.figures.turned_away(turned_away);
    tracing::warn!("a call was turned away: {why}");
    Some(twiml(&TwiML::new().reject(Reason::Busy)))
}

/// Opens the line of this call.
async fn connect(app: &Shared, told: &FromTwilio) -> Response {
    let FromTwilio { webhook, address, call, .. } = told;
    match app.registry.told(webhook, call.as_deref()) {
        Some(known) => open(app, &known, address, route_of(app, &known).config.line, None).await,
        // a request that names no call, from our own machine: it is connected all the same
        None => twiml(&TwiML::new().connect(Stream::new(address.socket(STREAM)))),
    }
}

/// Opens this line, behind what is said `before`.
async fn open(
    app: &Shared,
    known: &Arc<Known>,
    address: &PublicAddress,
    line: LineKind,
    before: Option<String>,
) -> Response {
    if line == LineKind::Gather {
        if !known.is_live() {
            known.announce(true, address.clone());
        }
        begin_gather(app, known, before);
        return ask(app, known, address, 0, Heard::Gathered(Gathered::default())).await;
    }
    let before = before.map_or_else(TwiML::new, |before| TwiML::new().say(before));
    twiml(&socket(app, known, address, line, before))
}

/// The stream of a call or its ConversationRelay, behind what is said `before`, and what follows on it.
fn socket(app: &App, known: &Arc<Known>, address: &PublicAddress, line: LineKind, before: TwiML) -> TwiML {
    let details = known.call_details();
    let Dialled { from, to, persona, initial_message, parameters } = &details;
    let outbound = known.direction() == Direction::Outbound;
    // the caller is whoever we talk to; the other number is ours
    let (caller, called) = if outbound { (to, from) } else { (from, to) };
    let direction = crate::registry::direction_name(known.direction());
    let own = [("direction", direction), ("caller", caller.as_str()), ("called", called.as_str())];
    let asked = [("persona", persona.as_deref()), ("initial_message", initial_message.as_deref())];
    let all = own
        .into_iter()
        .chain(asked.into_iter().filter_map(|(name, value)| Some((name, value?))))
        .chain(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    // one that is too long for Twilio is known here
    let parameters = all.filter_map(|(name, value)| Parameter::new(name, value).ok()).collect();
    let knows_twilio = app.access.knows_twilio();
    known.announce(knows_twilio, address.clone());
    let url = |path: &str| own_url(address, path, known);
    let is_relay = line == LineKind::Relay;
    let path = if is_relay { RELAY } else { STREAM };
    // where Twilio cannot be told from others nobody could be believed who asks what follows
    let socket = match knows_twilio {
        true => address.socket(&format!("{path}/{}", app.access.tokens.issue(&known.id, path))),
        false => address.socket(path),
    };
    if is_relay {
        let attributes = relay_attributes(&route_of(app, known).config);
        let action = knows_twilio.then(|| Address::from(url(AFTER)));
        let relay = Relay { url: socket, attributes, parameters };
        return before.connect(Connect { action, ..relay.into() });
    }
    let status_callback = knows_twilio.then(|| Address::from(url(STREAM_STATUS)));
    let before = before.connect(Stream { parameters, status_callback, ..Stream::new(socket) });
    if knows_twilio { before.redirect(url(AFTER)) } else { before }
}

/// What the route says of its ConversationRelay, and what the conversation needs of it.
fn relay_attributes(route: &config::Route) -> Vec<(String, String)> {
    let ours = [("dtmfDetection", "true"), ("partialPrompts", "true"), ("events", "speaker-events")];
    // words that are said over the agent are the caller's as well
    let usual = [("language", route.language.as_str()), ("reportInputDuringAgentSpeech", "any")];
    let chosen = route.relay.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let usual = usual.into_iter().filter(|(name, _)| !route.relay.contains_key(*name));
    let all = ours.into_iter().chain(usual).chain(chosen);
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A route of ours, with the call in it.
pub fn own_url(address: &PublicAddress, path: &str, known: &Known) -> String {
    address.http(&format!("{path}?{CALL}={}", known.id))
}

/// The stream is over: what now?
pub async fn after(State(app): State<Shared>, told: FromTwilio) -> Response {
    let call_sid = told.webhook.call_sid.as_deref();
    if let Some(relay) = &told.webhook.relay {
        let RelayResult { status, error_code, error, .. } = relay;
        match error_code {
            Some(code) => tracing::warn!(call_sid, code, error, "ConversationRelay failed"),
            None => tracing::debug!(call_sid, status, "ConversationRelay is over"),
        }
    }
    let is_known = is_known(&app, &told);
    let FromTwilio { webhook, address, call, .. } = &told;
    match app.registry.told(webhook, call.as_deref()) {
        Some(known) => follow(&app, &known, address, is_known).await,
        None => twiml(&TwiML::new().hangup()),
    }
}

/// On a line of webhooks: what the caller said, and what now?
pub async fn turn(State(app): State<Shared>, told: FromTwilio) -> Response {
    let is_known = is_known(&app, &told);
    let FromTwilio { webhook, address, call, step, called, .. } = &told;
    let Some(known) = app.registry.told(webhook, call.as_deref()) else {
        return twiml(&TwiML::new().hangup());
    };
    if !known.is_live() {
        return follow(&app, &known, address, is_known).await;
    }
    let heard = match called {
        true => Heard::Called,
        false => Heard::Gathered(webhook.gathered.clone().unwrap_or_default()),
    };
    ask(&app, &known, address, step.unwrap_or_default(), heard).await
}

/// What the caller is saying.
pub async fn partial(State(app): State<Shared>, told: FromTwilio) -> StatusCode {
    let FromTwilio { webhook, call, step, .. } = told;
    let names = [call.as_deref(), webhook.call_sid.as_deref()];
    let known = names.into_iter().flatten().find_map(|name| app.registry.find(name));
    if let (Some(known), Some(step), Some(gathered)) = (known, step, webhook.gathered) {
        known.control_now(Control::Partly(step, gathered));
    }
    StatusCode::NO_CONTENT
}

/// Asks the conversation what to answer.
async fn ask(app: &Shared, known: &Arc<Known>, address: &PublicAddress, step: u32, heard: Heard) -> Response {
    let (answer, answered) = oneshot::channel();
    let asked = Control::Asked(Box::new(Asked { step, heard, answer }));
    if known.control(asked).await.is_ok() {
        match timeout(ANSWER, answered).await {
            Ok(Ok(Reply::Document(document))) => return xml(document),
            // the line answers in time; a conversation that hangs is none of its business
            Err(_) => {
                tracing::warn!(call_sid = known.id, "the conversation gives no answer in time");
                let again = format!("{TURN}?{CALL}={}&{STEP}={step}", known.id);
                let pause = TwiML::new().pause(Duration::from_secs(1));
                return twiml(&pause.redirect(Address::post(address.http(&again))));
            }
            Ok(Ok(Reply::Over) | Err(_)) => {}
        }
    }
    twiml(&ended(app, known, address).unwrap_or_else(|| apology(app)))
}

fn apology(app: &App) -> TwiML {
    TwiML::new().say(app.services.config.speech.apology.as_str()).hangup()
}

/// Whether the call was heard of before this request.
fn is_known(app: &App, told: &FromTwilio) -> bool {
    let names = [told.call.as_deref(), told.webhook.call_sid.as_deref()];
    names.into_iter().flatten().any(|name| app.registry.find(name).is_some())
}

/// What follows on a conversation that is over; none: it is not.
fn ended(app: &Shared, known: &Arc<Known>, address: &PublicAddress) -> Option<TwiML> {
    known.set_asked();
    Some(match known.departure()? {
        Departure::Transferred => match known.next() {
            Some(next) => {
                tracing::info!(call_sid = known.id, "the caller is put through");
                transfers::put_through(app, known, &next, address)
            }
            None => TwiML::new().hangup(),
        },
        // the line was given up, and the caller is still there
        Departure::Caller => apology(app),
        _ if known.was_cut() => apology(app),
        // all was said
        _ => TwiML::new().hangup(),
    })
}

/// What follows, whatever became of the line. `is_known`: the call was heard of before.
async fn follow(app: &Shared, known: &Arc<Known>, address: &PublicAddress, is_known: bool) -> Response {
    if let Some(next) = ended(app, known, address) {
        return twiml(&next);
    }
    let call_sid = known.id.as_str();
    let route = known.route().unwrap_or_else(|| route_of(app, known));
    let line = route.config.line;
    if known.is_live() && known.line() == Some(LineKind::Gather) {
        // it has gone on meanwhile: the first request once more
        return ask(app, known, address, 0, Heard::Called).await;
    }
    if known.is_live() {
        if known.announce_return() {
            tracing::warn!(call_sid, "the line was lost; it comes back");
            return open(app, known, address, line, None).await;
        }
        tracing::warn!(call_sid, "the line was lost too often; the caller hears an apology");
        known.control_now(Control::Gone);
    } else if known.is_lost() {
        // it was held by a node that is not there any more
        if known.begin_anew() {
            tracing::warn!(call_sid, "the node that held the call is gone; the conversation begins anew");
            let sorry = app.services.config.speech.cut_off.clone();
            return open(app, known, address, line, Some(sorry)).await;
        }
    } else if !is_known {
        // it was announced by a host that is not there any more
        tracing::warn!(call_sid, "the call's conversation is not known here; it begins anew");
        return open(app, known, address, line, None).await;
    } else if line != LineKind::Gather && route.config.fallback == Fallback::Gather {
        tracing::warn!(call_sid, "the {line} was never opened; the call goes on with <Gather>");
        return open(app, known, address, LineKind::Gather, None).await;
    } else {
        tracing::warn!(call_sid, "the stream was never opened; the caller hears an apology");
        known.ended(Departure::Failed);
    }
    twiml(&apology(app))
}

/// A call's status, or who picked up. May come twice, late, or before anything else.
pub async fn told(State(app): State<Shared>, told: FromTwilio) -> StatusCode {
    app.registry.told(&told.webhook, told.call.as_deref());
    StatusCode::NO_CONTENT
}

/// How a stream fares.
pub async fn stream_status(State(app): State<Shared>, told: FromTwilio) -> StatusCode {
    let Webhook { call_sid, stream, .. } = &told.webhook;
    let known = [&told.call, call_sid].into_iter().flatten().find_map(|name| app.registry.find(name));
    let call_sid = known.as_ref().map(|known| known.id.as_str()).or(call_sid.as_deref());
    if let Some(stream) = stream {
        match &stream.event {
            Some(StreamEvent::Error) => {
                tracing::warn!(call_sid, error = stream.error, "Twilio reports an error of the stream");
            }
            event => tracing::debug!(call_sid, ?event, "stream"),
        }
    }
    StatusCode::NO_CONTENT
}
