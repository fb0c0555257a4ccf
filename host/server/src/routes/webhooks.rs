//! What Twilio asks and tells about calls.
//!
//! A call that is answered with a stream goes on with [`after`] when the stream is over, for whatever
//! reason: there it is decided, by what is known of the conversation, whether the line comes back, the
//! caller is put through, or that was all.

use crate::access::{CALL, FromTwilio, PublicAddress};
use crate::app::{App, Shared};
use crate::figures::TurnedAway;
use crate::registry::{Control, Dialled, Known};
use crate::routes::transfers;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use call::persona::{Departure, Direction};
use std::sync::Arc;
use twilio::number::masked;
use twilio::twiml::{Address, Parameter, Reason, Response as TwiML, Stream};
use twilio::webhook::{StreamEvent, Webhook};

/// What follows on a stream.
pub const AFTER: &str = "/voice/after";
const STREAM_STATUS: &str = "/voice/stream-status";
/// The route of the streams that we announce.
pub const STREAM: &str = "/ws";

pub fn twiml(response: &TwiML) -> Response {
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], response.to_string()).into_response()
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
    connect(&app, &told)
}

/// A call that we placed was answered.
pub async fn answered(State(app): State<Shared>, told: FromTwilio) -> Response {
    tracing::info!(call_sid = told.webhook.call_sid, call = told.call, "call answered");
    connect(&app, &told)
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

/// Announces the stream of this call.
fn connect(app: &App, told: &FromTwilio) -> Response {
    let FromTwilio { webhook, address, call, .. } = told;
    match app.registry.told(webhook, call.as_deref()) {
        Some(known) => twiml(&stream(app, &known, address, TwiML::new())),
        // a request that names no call, from our own machine: it is connected all the same
        None => twiml(&TwiML::new().connect(Stream::new(address.socket(STREAM)))),
    }
}

/// The stream of a call, behind what is said `before`, and what follows on it.
fn stream(app: &App, known: &Arc<Known>, address: &PublicAddress, before: TwiML) -> TwiML {
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
    // where Twilio cannot be told from others nobody could be believed who asks what follows
    if !knows_twilio {
        return before.connect(Stream { parameters, ..Stream::new(address.socket(STREAM)) });
    }
    let token = app.access.tokens.issue(&known.id, STREAM);
    let url = |path: &str| own_url(address, path, known);
    before
        .connect(Stream {
            parameters,
            status_callback: Some(Address::from(url(STREAM_STATUS))),
            ..Stream::new(address.socket(&format!("{STREAM}/{token}")))
        })
        .redirect(url(AFTER))
}

/// A route of ours, with the call in it.
pub fn own_url(address: &PublicAddress, path: &str, known: &Known) -> String {
    address.http(&format!("{path}?{CALL}={}", known.id))
}

/// The stream is over: what now?
pub async fn after(State(app): State<Shared>, told: FromTwilio) -> Response {
    let FromTwilio { webhook, address, call, .. } = &told;
    let names = [call.as_deref(), webhook.call_sid.as_deref()];
    let is_known = names.into_iter().flatten().any(|name| app.registry.find(name).is_some());
    let Some(known) = app.registry.told(webhook, call.as_deref()) else {
        return twiml(&TwiML::new().hangup());
    };
    known.set_asked();
    let call_sid = known.id.as_str();
    let apology = || TwiML::new().say(app.services.config.speech.apology.as_str()).hangup();
    let next = match known.departure() {
        Some(Departure::Transferred) => match known.next() {
            Some(next) => {
                tracing::info!(call_sid, "the caller is put through");
                transfers::put_through(&app, &known, &next, address)
            }
            None => TwiML::new().hangup(),
        },
        // the line was given up, and the caller is still there
        Some(Departure::Caller) => apology(),
        Some(_) if known.was_cut() => apology(),
        // all was said
        Some(_) => TwiML::new().hangup(),
        None if known.is_live() && known.announce_return() => {
            tracing::warn!(call_sid, "the line was lost; it comes back");
            stream(&app, &known, address, TwiML::new())
        }
        None if known.is_live() => {
            tracing::warn!(call_sid, "the line was lost too often; the caller hears an apology");
            known.control_now(Control::Gone);
            apology()
        }
        // it was held by a node that is not there any more
        None if known.is_lost() && known.begin_anew() => {
            tracing::warn!(call_sid, "the node that held the call is gone; the conversation begins anew");
            let sorry = TwiML::new().say(app.services.config.speech.cut_off.as_str());
            stream(&app, &known, address, sorry)
        }
        None if known.is_lost() => apology(),
        // it was announced by a host that is not there any more
        None if !is_known => {
            tracing::warn!(call_sid, "the call's conversation is not known here; it begins anew");
            stream(&app, &known, address, TwiML::new())
        }
        None => {
            tracing::warn!(call_sid, "the stream was never opened; the caller hears an apology");
            known.ended(Departure::Failed);
            apology()
        }
    };
    twiml(&next)
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
