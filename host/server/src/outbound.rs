//! Calls that this host places.
//!
//! Each has a name of ours before Twilio knows of it: it stands in the URL that Twilio asks when the
//! call is answered, and in those of its callbacks, which may come before Twilio has answered us.

use crate::access::{CALL, Problem, PublicAddress, random};
use crate::app::Shared;
use crate::config::{self, MachineDetection as Detect};
use crate::figures::TurnedAway;
use crate::registry::Dialled;
use axum::http::StatusCode;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;
use twilio::number::Number;
use twilio::rest::{DetectionMode, Instructions, MachineDetection, NewCall, RestError};

/// The webhook of a call that was answered.
pub const ANSWERED: &str = "/outbound-twiml";
pub const STATUS: &str = "/call-status";
pub const VERDICT: &str = "/voice/answered-by";

/// What calls may cost.
pub struct Limits {
    prefixes: Vec<String>,
    per_minute: DefaultDirectRateLimiter,
    concurrent: usize,
}

/// A call that somebody wants.
pub struct Wanted {
    pub to: Number,
    pub from: Option<Number>,
    pub details: Dialled,
}

pub struct Placed {
    pub sid: String,
    pub status: String,
    pub from: Number,
    pub webhook_url: String,
}

impl Limits {
    pub fn new(config: &config::Outbound) -> Self {
        let per_minute = NonZeroU32::new(config.per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            prefixes: config.prefixes.clone(),
            per_minute: RateLimiter::direct(Quota::per_minute(per_minute)),
            concurrent: config.concurrent as usize,
        }
    }

    /// Whether this number may be called now.
    pub fn check(&self, field: &str, to: &Number, placed: usize) -> Result<(), Problem> {
        let allowed =
            self.prefixes.is_empty() || self.prefixes.iter().any(|p| to.as_str().starts_with(p.as_str()));
        if !allowed {
            let prefixes = self.prefixes.join(", ");
            let why =
                format!("this server calls only numbers that begin with {prefixes} (`outbound.prefixes`)");
            return Err(Problem::new(StatusCode::FORBIDDEN, format!("{field}: {why}")));
        }
        let too_many = |text: String| Problem::new(StatusCode::TOO_MANY_REQUESTS, text);
        if placed >= self.concurrent {
            let text = format!("{placed} calls are being placed or live already (`outbound.concurrent`)");
            return Err(too_many(text).retry_after(Duration::from_secs(10)));
        }
        self.per_minute.check().map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            too_many("so many calls a minute are placed already (`outbound.per_minute`)".into())
                .retry_after(wait.max(Duration::from_secs(1)))
        })
    }
}

/// A name for a call that Twilio has not named yet.
pub fn own_name() -> Result<String, Problem> {
    let bytes = random::<16>().map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, e))?;
    Ok(format!("out-{:032x}", u128::from_be_bytes(bytes)))
}

/// Places a call. The error says what was wrong, and whether it is of use to try again.
pub async fn place(
    app: &Shared,
    address: Result<PublicAddress, Problem>,
    wanted: Wanted,
) -> Result<Placed, Problem> {
    let twilio = app.twilio.as_ref().ok_or_else(no_credentials)?;
    let address = address?;
    if !app.is_open() {
        app.figures.turned_away(TurnedAway::Draining);
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this server is about to stop"));
    }
    if app.is_full() {
        app.figures.turned_away(TurnedAway::Full);
        let text = "there are as many calls as this server may carry (`server.calls`)";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(Duration::from_secs(10)));
    }
    let own = app.services.config.twilio.phone_number.as_deref().map(str::parse::<Number>).transpose();
    let own = own.map_err(|e| {
        let text = format!("`twilio.phone_number`, or TWILIO_PHONE_NUMBER: {e}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, text)
    })?;
    let from = wanted.from.or(own).ok_or_else(|| {
        Problem::invalid("from_number", "needed, as there is no TWILIO_PHONE_NUMBER to call from")
    })?;
    let route = app.services.routes.default();
    let persona = app.services.persona(route, wanted.details.persona.as_deref()).await;
    persona.map_err(|e| Problem::invalid("persona", e))?;
    app.limits.check("to_number", &wanted.to, app.registry.placed())?;

    let name = own_name()?;
    let url = |path: &str| address.http(&format!("{path}?{CALL}={name}"));
    let webhook_url = url(ANSWERED);
    let config = &app.services.config.outbound;
    let detection = |asynchronous: Option<String>| MachineDetection {
        asynchronous,
        ..MachineDetection::new(DetectionMode::DetectMessageEnd)
    };
    let call = NewCall {
        status_callback: Some(url(STATUS)),
        timeout: Some(config.ring.0),
        machine_detection: match config.machine_detection {
            Detect::Async => Some(detection(Some(url(VERDICT)))),
            Detect::Sync => Some(detection(None)),
            Detect::Off => None,
        },
        ..NewCall::new(wanted.to.clone(), from.clone(), Instructions::Url(webhook_url.clone()))
    };
    // before Twilio can ask about it
    let details = Dialled { from: from.to_string(), to: wanted.to.to_string(), ..wanted.details };
    let known = app.registry.dial(&name, details);
    // also if whoever asked goes away meanwhile
    let (asked, asking) = (app.clone(), twilio.clone());
    let placed = tokio::spawn(async move {
        let placed = asked.services.vitals.twilio.note(asking.create_call(&call).await);
        match &placed {
            Ok(call) => {
                asked.registry.bind(&known, &call.sid);
                known.asked(&call.status);
            }
            // one that Twilio may have begun is not forgotten
            Err(error) if !error.may_have_been_done() => known.not_placed(),
            Err(_) => {}
        }
        placed
    });
    let placed = placed.await.map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, e))?;
    match placed {
        Ok(call) => {
            tracing::info!(call_sid = call.sid, call = name, to = wanted.to.masked(), "call placed");
            Ok(Placed { sid: call.sid, status: call.status.to_string(), from, webhook_url })
        }
        Err(error) => {
            tracing::warn!(call = name, to = wanted.to.masked(), "a call could not be placed: {error}");
            let problem = refused(&error, "Failed to initiate call");
            Err(if error.may_have_been_done() { problem.with("id", name) } else { problem })
        }
    }
}

pub fn no_credentials() -> Problem {
    let text = "Twilio's credentials are not set: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY \
                and TWILIO_API_SECRET";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, text)
}

/// What Twilio's refusal is to whoever asked us; `doing`: what failed.
pub fn refused(error: &RestError, doing: &str) -> Problem {
    let status = match error {
        RestError::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        RestError::Refused { status: 429, .. } => StatusCode::TOO_MANY_REQUESTS,
        _ if error.is_not_found() => StatusCode::NOT_FOUND,
        _ if error.is_over() => StatusCode::CONFLICT,
        // ours to set right, not theirs
        _ if error.is_authentication() => StatusCode::BAD_GATEWAY,
        RestError::Refused { status: 400..=499, .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut problem = Problem::new(status, format!("{doing}: {error}"));
    if let Some(code) = error.code() {
        problem = problem.with("twilio_code", code);
    }
    if let RestError::Refused { status: 429, retry_after, .. } = error {
        problem = problem.retry_after(retry_after.unwrap_or(Duration::from_secs(1)));
    }
    problem
}
