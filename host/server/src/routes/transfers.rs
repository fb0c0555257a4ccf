//! What Twilio asks about callers who are put through to somebody.
//!
//! Blind: the caller's own call dials on; whoever picks up hears the brief first. Warm: a call of its
//! own goes to whoever it is while the caller stays with the agent; once they have heard the brief, both
//! meet in a conference.

use crate::access::{FromTwilio, PublicAddress, TRANSFER};
use crate::app::{App, Shared};
use crate::registry::{Control, Known, Next, Pending};
use crate::routes::webhooks::{own_url, twiml};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use call::persona::Direction;
use std::sync::Arc;
use tokio::sync::oneshot;
use twilio::number::Number;
use twilio::status::Status;
use twilio::twiml::{Address, Beep, Callee, Conference, Dial, Response as TwiML};

const TRANSFERRED: &str = "/voice/transferred";
const BRIEF: &str = "/voice/brief";
/// Asked when the one who was called picks up.
pub const OPERATOR: &str = "/voice/operator";
pub const OPERATOR_STATUS: &str = "/voice/operator-status";

/// The caller's call goes on to somebody else.
pub fn put_through(app: &App, known: &Known, next: &Next, address: &PublicAddress) -> TwiML {
    let action = Some(Address::from(own_url(address, TRANSFERRED, known)));
    let dial = match next {
        Next::Dial { number, brief } => {
            let whisper = brief.as_ref().map(|_| Address::from(own_url(address, BRIEF, known)));
            Dial {
                caller_id: own_number(app, known).filter(|_| known.direction() == Direction::Outbound),
                ..Dial::new(Callee { whisper, ..Callee::from(number.clone()) })
            }
        }
        Next::Conference { room } => Dial::new(conference(room)),
    };
    TwiML::new().dial(Dial { action, answer_on_bridge: false, ..dial })
}

/// Two people: it begins when both are there, and ends when one of them goes.
fn conference(room: &str) -> Conference {
    Conference {
        start_on_enter: Some(true),
        end_on_exit: Some(true),
        beep: Some(Beep::Never),
        ..Conference::new(room.to_owned())
    }
}

/// Our side of a call: whoever is dialled for it sees this number.
pub fn own_number(app: &App, known: &Known) -> Option<Number> {
    let details = known.call_details();
    let ours = match known.direction() {
        Direction::Outbound => details.from,
        Direction::Inbound => details.to,
    };
    let configured = || app.services.config.twilio.phone_number.as_deref()?.parse().ok();
    ours.parse().ok().or_else(configured)
}

/// A caller who was put through is back: it went well, or nobody was there.
pub async fn transferred(State(app): State<Shared>, told: FromTwilio) -> Response {
    let status = told.webhook.dial.as_ref().and_then(|dial| dial.status.as_ref());
    // a conference has no status: it is over
    let reached = status.is_none_or(twilio::status::DialStatus::was_answered);
    tracing::info!(call_sid = told.webhook.call_sid, reached, "the transfer is over");
    twiml(&match reached {
        true => TwiML::new().hangup(),
        false => TwiML::new().say(app.services.config.speech.not_reached.as_str()).hangup(),
    })
}

/// What is said to whoever picks up, before they are joined.
pub async fn brief(State(app): State<Shared>, told: FromTwilio) -> Response {
    let next = known(&app, &told).and_then(|known| known.next());
    twiml(&match next {
        Some(Next::Dial { brief: Some(brief), .. }) => TwiML::new().say(brief.as_str()),
        _ => TwiML::new().pause(std::time::Duration::from_secs(1)),
    })
}

/// The one who was called for a caller has picked up, or has heard the brief.
pub async fn operator(State(app): State<Shared>, told: FromTwilio) -> Response {
    let gone = || TwiML::new().say("The caller has hung up. Goodbye.").hangup();
    let Some((known, pending)) = pending(&app, &told) else { return twiml(&gone()) };
    if let Some(brief) = pending.brief.filter(|_| !known.set_briefed()) {
        let again = transfer_url(&told.address, OPERATOR, &known, &pending.name);
        return twiml(&TwiML::new().say(brief.as_str()).redirect(again));
    }
    let (needed, is_needed) = oneshot::channel();
    let transfer = Some(pending.name.clone());
    let reached = known.control(Control::Reached { transfer, outcome: Ok(()), needed: Some(needed) }).await;
    let is_needed = reached.is_ok() && is_needed.await.unwrap_or(false);
    twiml(&if is_needed { TwiML::new().dial(Dial::new(conference(&pending.name))) } else { gone() })
}

/// How the call to them fares: if it ends before they were joined, nobody was reached.
pub async fn operator_status(State(app): State<Shared>, told: FromTwilio) -> StatusCode {
    let over = told.webhook.status.as_ref().filter(|status| status.is_over());
    if let (Some(status), Some((known, pending))) = (over, pending(&app, &told)) {
        let why = match status {
            Status::Busy => "the line is busy".to_owned(),
            Status::NoAnswer => "nobody answers".to_owned(),
            Status::Completed => "they hung up".to_owned(),
            other => format!("the call to them ended: {other}"),
        };
        // a conversation that is over does not need it
        let transfer = Some(pending.name);
        let _ = known.control(Control::Reached { transfer, outcome: Err(why), needed: None }).await;
    }
    StatusCode::NO_CONTENT
}

/// A route of ours, with the call and the attempt in it.
pub fn transfer_url(address: &PublicAddress, path: &str, known: &Known, transfer: &str) -> String {
    format!("{}&{TRANSFER}={transfer}", own_url(address, path, known))
}

/// The call that somebody is being called for, if it is still this attempt.
fn pending(app: &App, told: &FromTwilio) -> Option<(Arc<Known>, Pending)> {
    let known = known(app, told)?;
    let pending = known.pending().filter(|pending| told.transfer.as_deref() == Some(&pending.name))?;
    Some((known, pending))
}

/// The caller's call; the CallSid here is that of the one who was called.
fn known(app: &App, told: &FromTwilio) -> Option<Arc<Known>> {
    app.registry.find(told.call.as_deref()?)
}
