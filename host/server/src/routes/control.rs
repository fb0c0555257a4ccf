//! Taking a hand in calls.

use super::body::Body;
use super::outbound::number;
use super::watching::unknown;
use crate::access::{Controller, Problem};
use crate::app::{App, Shared};
use crate::outbound::{no_credentials, refused};
use crate::registry::{Control, Known, NotLive, Order};
use axum::Json;
use axum::extract::{Path, State};
use call::persona::Departure;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::oneshot;
use utoipa::ToSchema;

/// In characters.
const LONGEST_TEXT: usize = 4000;
const MOST_KEYS: usize = 64;

/// It was done, or is being done.
#[derive(Serialize, ToSchema)]
pub struct Done {
    success: bool,
    call_sid: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    #[schema(pattern = r"\S", max_length = 4000)]
    text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// 0-9, *, #, A-D, and w for a pause of half a second
    #[schema(example = "1w42#", pattern = "^[0-9*#A-Da-dw,]+$", max_length = 64)]
    digits: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// E.164, or a name from `route.transfers`
    #[schema(example = "+15555550101")]
    to: String,
    /// said to whoever picks up, before the caller is put through
    brief: Option<String>,
    /// the caller stays with the agent until somebody has picked up and heard the brief; without it: if
    /// there is a brief
    warm: Option<bool>,
}

/// Stops what is being spoken
#[utoipa::path(
    post, path = "/interrupt-call/{sid}", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)),
    responses((status = 200, body = Done))
)]
pub async fn interrupt_call(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
) -> Result<Json<Done>, Problem> {
    tell(&app, &sid, Control::Interrupt).await
}

/// Stops what is being spoken (the other name of `/interrupt-call/{sid}`)
#[utoipa::path(
    post, path = "/calls/{sid}/interrupt", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)),
    responses((status = 200, body = Done))
)]
pub async fn interrupt(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
) -> Result<Json<Done>, Problem> {
    tell(&app, &sid, Control::Interrupt).await
}

/// Ends a call, at once; also one that still rings
#[utoipa::path(
    post, path = "/calls/{sid}/hangup", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)),
    responses(
        (status = 200, body = Done),
        (status = 409, description = "It is over: `detail` says how it ended", body = super::description::Refusal),
        (status = 502, description = "It still rings, and Twilio cannot be reached", body = super::description::Refusal),
    )
)]
pub async fn hang_up(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
) -> Result<Json<Done>, Problem> {
    let known = find(&app, &sid)?;
    match known.control(Control::HangUp).await {
        Ok(()) => Ok(done(&known)),
        Err(NotLive::NotYet) if known.is_console() => {
            known.stop_expecting();
            Ok(done(&known))
        }
        Err(NotLive::NotYet) => {
            // it rings, and only Twilio can stop that
            let twilio = app.twilio.as_ref().ok_or_else(no_credentials)?;
            let call = known.view().call_sid.ok_or_else(|| {
                Problem::conflict("Twilio has not said yet how it calls this call; try again in a moment")
            })?;
            let ended = app.services.vitals.twilio.note(twilio.end_call(&call).await);
            let ended = ended.map_err(|error| refused(&error, "Failed to end the call"))?;
            known.asked(&ended.status);
            Ok(done(&known))
        }
        // with us it is over; whoever was put through still talks to somebody
        Err(NotLive::Over(how, since)) if known.departure() == Some(Departure::Transferred) => {
            let (Some(twilio), Some(call)) = (&app.twilio, known.view().call_sid) else {
                return Err(refusal(NotLive::Over(how, since)));
            };
            let ended = app.services.vitals.twilio.note(twilio.end_call(&call).await);
            let ended = ended.map_err(|error| refused(&error, "Failed to end the call"))?;
            known.asked(&ended.status);
            Ok(done(&known))
        }
        Err(not_live) => Err(refusal(not_live)),
    }
}

/// Puts the caller through to somebody
///
/// Blind: at once, and whoever picks up hears the brief first. Warm: the caller stays with the agent
/// until somebody has picked up and heard the brief. A warm transfer that reaches nobody leaves the call
/// as it was.
#[utoipa::path(
    post, path = "/calls/{sid}/transfer", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)), request_body = Transfer,
    responses(
        (status = 200, description = "Under way; what becomes of a warm one is among the call's events", body = Done),
        (status = 409, description = "Not answered yet, over, or not possible: `detail` says why", body = super::description::Refusal),
    )
)]
pub async fn transfer(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
    Body(wanted): Body<Transfer>,
) -> Result<Json<Done>, Problem> {
    let known = find(&app, &sid)?;
    let route = known.route().unwrap_or_else(|| app.services.routes.default().clone());
    let names = &route.config.transfers;
    if !names.contains_key(&wanted.to) {
        number("to", &wanted.to).map_err(|problem| {
            let known: Vec<&str> = names.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Problem::invalid(
                "to",
                format!("no name in `{}.transfers` ({known}), and no number: {}", route.key, problem.detail),
            )
        })?;
    }
    let brief = wanted.brief.filter(|brief| !brief.trim().is_empty());
    check_length("brief", brief.as_deref().unwrap_or_default())?;
    let warm = wanted.warm.unwrap_or(brief.is_some());
    let (answer, answered) = oneshot::channel();
    let order = Order { to: wanted.to, brief, warm };
    known.control(Control::Transfer(order, answer)).await.map_err(refusal)?;
    match answered.await {
        Ok(Ok(())) => Ok(done(&known)),
        Ok(Err(why)) => Err(Problem::conflict(format!("Failed to transfer the call: {why}"))),
        Err(_) => Err(Problem::conflict("the call ended meanwhile")),
    }
}

/// Says something in the agent's voice
///
/// Behind what is being spoken; the caller cannot interrupt it.
#[utoipa::path(
    post, path = "/calls/{sid}/say", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)), request_body = Text,
    responses((status = 200, body = Done))
)]
pub async fn say(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
    Body(Text { text }): Body<Text>,
) -> Result<Json<Done>, Problem> {
    check_text(&text)?;
    tell(&app, &sid, Control::Say(text)).await
}

/// Presses keys
#[utoipa::path(
    post, path = "/calls/{sid}/dtmf", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)), request_body = Digits,
    responses((status = 200, body = Done))
)]
pub async fn dtmf(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
    Body(Digits { digits }): Body<Digits>,
) -> Result<Json<Done>, Problem> {
    if digits.chars().count() > MOST_KEYS {
        return Err(Problem::invalid("digits", format!("at most {MOST_KEYS} at once")));
    }
    let presses = audio::dtmf::parse(&digits).map_err(|e| Problem::invalid("digits", e))?;
    if presses.is_empty() {
        return Err(Problem::invalid("digits", "there are none"));
    }
    tell(&app, &sid, Control::Digits(presses)).await
}

/// Tells the persona something
///
/// The caller does not hear it; what becomes of it is the persona's.
#[utoipa::path(
    post, path = "/calls/{sid}/operator", tag = "control", security(("key" = [])),
    params(("sid" = String, Path)), request_body = Text,
    responses((status = 200, body = Done))
)]
pub async fn operator(
    State(app): State<Shared>,
    _: Controller,
    Path(sid): Path<String>,
    Body(Text { text }): Body<Text>,
) -> Result<Json<Done>, Problem> {
    check_text(&text)?;
    tell(&app, &sid, Control::Operator(text)).await
}

async fn tell(app: &App, sid: &str, control: Control) -> Result<Json<Done>, Problem> {
    let known = find(app, sid)?;
    known.control(control).await.map_err(refusal)?;
    Ok(done(&known))
}

fn find(app: &App, sid: &str) -> Result<Arc<Known>, Problem> {
    app.registry.find(sid).ok_or_else(|| unknown(sid))
}

fn done(known: &Known) -> Json<Done> {
    let view = known.view();
    Json(Done { success: true, call_sid: view.call_sid.unwrap_or(view.id) })
}

fn refusal(not_live: NotLive) -> Problem {
    match not_live {
        NotLive::NotYet => Problem::conflict("nobody has answered this call yet"),
        NotLive::Over(how, since) => {
            let end = since.to_string();
            Problem::conflict(format!("this call has ended ({how})"))
                .with("end_time", end)
                .with("ended_by", how)
        }
    }
}

fn check_text(text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid("text", "there is none"));
    }
    check_length("text", text)
}

fn check_length(field: &str, text: &str) -> Result<(), Problem> {
    match text.chars().count() > LONGEST_TEXT {
        true => Err(Problem::invalid(field, format!("longer than {LONGEST_TEXT} characters"))),
        false => Ok(()),
    }
}
