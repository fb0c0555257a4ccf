//! What is known of a call before it begins: from the line's parameters, from what Twilio's webhook
//! said, and, where neither tells, from a look-up.

use super::lines::{self, Begun};
use crate::app::App;
use crate::config::{Facts, LineKind};
use crate::registry::{Known, direction_of};
use crate::routing::Route;
use call::persona::Direction;
use components::Scene;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;
use twilio::stream::OWN_PARAMETER;

/// The caller waits for the greeting meanwhile.
const LOOK_UP: Duration = Duration::from_millis(1500);

/// A call, its route, and the persona that is to hold it, if that is not the route's.
pub struct Set {
    pub scene: Scene,
    pub route: Arc<Route>,
    pub persona: Option<String>,
}

/// All that the persona may know before the call begins.
pub async fn set(begun: &Begun, line: LineKind, known: &Known, app: &App) -> Set {
    // what a page says of itself is not believed: it was asked before
    let mut parameters = if known.is_console() { BTreeMap::new() } else { begun.parameters.clone() };
    parameters.remove(OWN_PARAMETER);
    let details = known.call_details();
    for (name, value) in &details.parameters {
        parameters.entry(name.clone()).or_insert_with(|| value.clone());
    }
    // what decides the route, whoever it is for besides
    let told_in_all = parameters.clone();
    let mut take = |name: &str| parameters.remove(name).filter(|value| !value.trim().is_empty());
    let told = (take("direction"), take("caller"), take("called"));
    let direction = told.0.as_deref().map(|word| direction_of(word.starts_with("outbound")));
    let own = (details.from, details.to);
    let known_numbers = |one: String, other: String| {
        (Some(one).filter(|n| !n.is_empty()), Some(other).filter(|n| !n.is_empty()))
    };
    let (from, to) = match direction.unwrap_or_else(|| known.direction()) {
        // the caller is whoever we talk to
        Direction::Inbound => known_numbers(told.1.unwrap_or(own.0), told.2.unwrap_or(own.1)),
        Direction::Outbound => known_numbers(told.2.unwrap_or(own.0), told.1.unwrap_or(own.1)),
    };
    known.set_details(direction, from.as_deref(), to.as_deref());
    // a document that somebody wrote by hand may say nothing
    if direction.is_none() && from.is_none() && !known.is_console() {
        look_up(known, app).await;
    }
    let details = known.call_details();
    let direction = known.direction();
    let (caller, called) = match direction {
        Direction::Inbound => known_numbers(details.from, details.to),
        Direction::Outbound => known_numbers(details.to, details.from),
    };
    // the number called is ours also where we call
    let facts = Facts { direction, number: called.as_deref(), parameters: &told_in_all };
    let route = known.route().unwrap_or_else(|| app.services.route(facts).clone());
    known.set_route(&route);
    let persona = take("persona").or(details.persona);
    let scene = Scene {
        seed: RandomState::new().hash_one(&known.id),
        timezone: route.config.timezone.clone(),
        language: take("language").unwrap_or_else(|| route.config.language.clone()),
        call: known.sid().unwrap_or_else(|| known.id.clone()),
        direction,
        caller,
        called,
        initial_message: take("initial_message").or(details.initial_message),
        answered_by: known.answerer(),
        line: lines::abilities(line, app.twilio.is_some()),
        parameters: parameters.into_iter().collect(),
    };
    Set { scene, route, persona }
}

async fn look_up(known: &Known, app: &App) {
    let (Some(twilio), Some(sid)) = (&app.twilio, known.view().call_sid) else { return };
    let asked = tokio::time::timeout(LOOK_UP, twilio.call(&sid)).await;
    match asked.map(|asked| app.services.vitals.twilio.note(asked)) {
        Ok(Ok(call)) => {
            let direction = call.direction.as_ref().map(|direction| direction_of(direction.is_outbound()));
            known.set_details(direction, call.from.as_deref(), call.to.as_deref());
        }
        Ok(Err(error)) => tracing::warn!(call_sid = sid, "Twilio does not say who calls: {error}"),
        Err(_) => tracing::warn!(call_sid = sid, "Twilio does not say in time who calls"),
    }
}

/// As far as the stream tells.
pub fn direction(begun: &Begun) -> Direction {
    direction_of(begun.parameters.get("direction").is_some_and(|word| word.starts_with("outbound")))
}

/// A name for a call that brings none.
pub fn nameless() -> String {
    format!("call-{:016x}", RandomState::new().hash_one(std::time::Instant::now()))
}
