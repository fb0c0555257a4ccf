//! Placing calls.

use super::body::Body;
use crate::access::{Caller, Problem};
use crate::app::Shared;
use crate::outbound::{self, Wanted};
use crate::registry::Dialled;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twilio::number::Number;
use utoipa::ToSchema;

/// So many parameters go with a call.
const MOST_PARAMETERS: usize = 50;
/// In characters.
const LONGEST_TEXT: usize = 4000;
/// Names that mean something to us.
const TAKEN: [&str; 6] = ["direction", "caller", "called", "persona", "initial_message", "cordboard"];

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// E.164
    #[schema(example = "+15555550101", pattern = r"^\+[1-9][0-9]{1,14}$")]
    to_number: String,
    /// E.164; without it `TWILIO_PHONE_NUMBER`
    #[schema(example = "+15555550100")]
    from_number: Option<String>,
    /// said in place of the persona's greeting
    initial_message: Option<String>,
    /// what the persona is to know
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// without it the route's
    persona: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Placed {
    success: bool,
    call_sid: String,
    /// in Twilio's words
    #[schema(example = "queued")]
    status: String,
    to: String,
    from: String,
    /// what Twilio asks when the call is answered
    webhook_url: String,
}

/// Places a call
///
/// Twilio calls the number, and the persona talks to whoever picks up.
#[utoipa::path(
    post, path = "/outbound", tag = "outbound", security(("key" = [])), request_body = NewCall,
    responses((status = 200, body = Placed))
)]
pub async fn place(
    State(app): State<Shared>,
    Caller(address): Caller,
    Body(new): Body<NewCall>,
) -> Result<Json<Placed>, Problem> {
    let to = number("to_number", &new.to_number)?;
    let from = new.from_number.as_deref().map(|from| number("from_number", from)).transpose()?;
    check_parameters(&new.parameters)?;
    let long = |text: &String| text.chars().count() > LONGEST_TEXT;
    if new.initial_message.as_ref().is_some_and(long) {
        return Err(Problem::invalid("initial_message", format!("longer than {LONGEST_TEXT} characters")));
    }
    let details = Dialled {
        persona: new.persona,
        initial_message: new.initial_message.filter(|text| !text.trim().is_empty()),
        parameters: new.parameters,
        ..Dialled::default()
    };
    let placed = outbound::place(&app, address, Wanted { to: to.clone(), from, details }).await?;
    Ok(Json(Placed {
        success: true,
        call_sid: placed.sid,
        status: placed.status,
        to: to.to_string(),
        from: placed.from.to_string(),
        webhook_url: placed.webhook_url,
    }))
}

/// Places a call (the other name of `/outbound`)
#[utoipa::path(
    post, path = "/make-call", tag = "outbound", security(("key" = [])), request_body = NewCall,
    responses((status = 200, body = Placed))
)]
pub async fn make_call(
    app: State<Shared>,
    caller: Caller,
    new: Body<NewCall>,
) -> Result<Json<Placed>, Problem> {
    place(app, caller, new).await
}

pub fn number(field: &str, text: &str) -> Result<Number, Problem> {
    text.parse().map_err(|e| Problem::invalid(field, e))
}

fn check_parameters(parameters: &BTreeMap<String, String>) -> Result<(), Problem> {
    if parameters.len() > MOST_PARAMETERS {
        return Err(Problem::invalid("parameters", format!("more than {MOST_PARAMETERS}")));
    }
    for (name, value) in parameters {
        let field = format!("parameters.{name}");
        if TAKEN.contains(&name.as_str()) || name.is_empty() {
            return Err(Problem::invalid(&field, "this name is taken; choose another"));
        }
        if name.chars().count() + value.chars().count() > 500 {
            return Err(Problem::invalid(&field, "name and value together have at most 500 characters"));
        }
    }
    Ok(())
}
