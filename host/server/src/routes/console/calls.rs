//! Calls that are held from the console: what they can be served with, and the socket of one.
//!
//! The page plays Twilio's part on it, in Twilio's own messages. It may bring words besides: whoever holds
//! the key is the caller.

use super::super::body::Body;
use super::super::description::Refusal;
use super::super::webhooks::{RELAY, STREAM};
use crate::access::{Caller, Problem, Reader, random};
use crate::app::{App, Shared};
use crate::calls::nameless;
use crate::config::{Facts, LineKind};
use crate::figures::TurnedAway;
use crate::registry::{ANNOUNCED, Dialled, Known};
use crate::routing::Route;
use crate::services::Offer;
use crate::slots::{Chain, Loader, Slot};
use anyhow::Context;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use call::persona::Direction;
use components::manifest::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a page can play the other side of: `<Gather>` is webhooks, which only Twilio may send.
const LINES: [LineKind; 2] = [LineKind::Stream, LineKind::Relay];
/// So many calls may wait for whoever began them.
const MOST_WAITING: usize = 16;
/// No language tag is longer, in bytes: they are letters and digits.
const LONGEST_TAG: usize = 35;

/// What a call can be served with
#[derive(Serialize, ToSchema)]
pub struct Choices {
    personas: Vec<Offer>,
    stt: Vec<Offer>,
    llm: Vec<Offer>,
    tts: Vec<Offer>,
    #[schema(example = json!(["stream", "relay"]))]
    lines: Vec<&'static str>,
    /// what it is where nothing is chosen
    route: Chosen,
}

#[derive(Serialize, ToSchema)]
pub struct Chosen {
    persona: String,
    /// in the order in which they are wanted; nobody: `[]`
    stt: Vec<String>,
    llm: Vec<String>,
    tts: Vec<String>,
    line: &'static str,
    language: String,
}

/// What is wanted of a call; what is left out is as for a call that comes in.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Wanted {
    persona: Option<String>,
    /// the id of a component; `none`: nobody recognises speech
    stt: Option<String>,
    llm: Option<String>,
    tts: Option<String>,
    /// `stream` or `relay`
    #[schema(pattern = "^(stream|relay)$")]
    line: Option<String>,
    /// BCP 47
    #[schema(example = "en-GB", max_length = 35)]
    language: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Begun {
    /// what the call goes by
    id: String,
    line: &'static str,
    /// where its socket is opened, once, within half a minute
    #[schema(example = "/ws/…")]
    socket: String,
    /// null: nobody recognises speech
    recogniser: Option<String>,
    /// whoever has it holds the call, and may come back to it
    ticket: String,
}

/// Who comes back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// that the call was begun with
    ticket: String,
}

#[derive(Serialize, ToSchema)]
pub struct Returned {
    /// where another socket of the call is opened, once, within a minute
    socket: String,
}

/// What a call from the console can be served with
#[utoipa::path(
    get, path = "/console/choices", tag = "console", security(("key" = [])),
    responses((status = 200, body = Choices))
)]
pub async fn choices(State(app): State<Shared>, _: Reader) -> Json<Choices> {
    let route = usual(&app);
    let names = |chain: &Chain| chain.slots().map(|slot| slot.id().to_owned()).collect();
    let offers = |kind| app.services.offers(kind);
    Json(Choices {
        personas: offers(Kind::Persona),
        stt: offers(Kind::Stt),
        llm: offers(Kind::Llm),
        tts: offers(Kind::Tts),
        lines: LINES.map(LineKind::name).to_vec(),
        route: Chosen {
            persona: route.persona.id().to_owned(),
            stt: names(&route.stt),
            llm: names(&route.llm),
            tts: names(&route.tts),
            line: line_of(&route).name(),
            language: route.config.language.clone(),
        },
    })
}

/// Begins a call that is held from the console
///
/// The socket takes Twilio's messages, of a media stream or of ConversationRelay, and `cordboard.said` besides.
#[utoipa::path(
    post, path = "/console/calls", tag = "console", security(("key" = [])), request_body = Option<Wanted>,
    responses(
        (status = 200, body = Begun),
        (status = 404, description = "There is nothing of that name", body = Refusal),
        (status = 409, description = "What was chosen cannot be used as things are: `detail` says why", body = Refusal),
        (status = 429, description = "Many were begun that nobody holds; `Retry-After` says when", body = Refusal),
        (status = 503, description = "There is no place for another call", body = Refusal),
    )
)]
pub async fn begin(
    State(app): State<Shared>,
    _: Caller,
    Body(wanted): Body<Wanted>,
) -> Result<Json<Begun>, Problem> {
    let usual = usual(&app);
    let line = match wanted.line.as_deref() {
        None => line_of(&usual),
        Some(name) => LINES.into_iter().find(|line| line.name() == name).ok_or_else(|| {
            Problem::invalid("line", format!("{name:?} cannot be held from the console: stream, or relay"))
        })?,
    };
    if wanted.language.as_deref().is_some_and(|tag| tag.len() > LONGEST_TAG) {
        return Err(Problem::invalid("language", format!("longer than {LONGEST_TAG} bytes")));
    }
    has_room(&app)?;
    let wanted = wanted.named();
    let chosen = [
        (Kind::Persona, &wanted.persona),
        (Kind::Stt, &wanted.stt),
        (Kind::Llm, &wanted.llm),
        (Kind::Tts, &wanted.tts),
    ];
    for (kind, id) in chosen {
        is_complete(&app, kind, id.as_deref())?;
    }
    let language = wanted.language.clone();
    let route = Arc::new(route(&app, &usual, wanted, line).await?);
    // it may have taken its time
    has_room(&app)?;
    let ticket = ticket()?;
    let known = app.registry.streamed(&nameless(), Direction::Inbound);
    known.set_console(&ticket);
    known.set_route(&route);
    known.set_line(line);
    if let Some(language) = language {
        known.bring(Dialled {
            parameters: BTreeMap::from([("language".to_owned(), language)]),
            ..Dialled::default()
        });
    }
    known.expect_stream();
    tokio::spawn({
        let known = known.clone();
        async move {
            tokio::time::sleep(ANNOUNCED).await;
            known.stop_expecting();
        }
    });
    tracing::info!(call_sid = known.id, line = line.name(), "a call is begun from the console");
    Ok(Json(Begun {
        id: known.id.clone(),
        line: line.name(),
        socket: socket(&app, &known, line),
        recogniser: route.stt.first().map(|slot| slot.id().to_owned()).filter(|_| !line.is_text()),
        ticket,
    }))
}

/// Another socket for a call whose line was lost
///
/// It waits for ten seconds, and goes on with the word that was cut off.
#[utoipa::path(
    post, path = "/console/calls/{sid}/return", tag = "console", security(("key" = [])),
    params(("sid" = String, Path)), request_body = Holder,
    responses(
        (status = 200, body = Returned),
        (status = 404, description = "No such call was begun from the console", body = Refusal),
        (status = 409, description = "It is over, or came back too often", body = Refusal),
    )
)]
pub async fn return_to(
    State(app): State<Shared>,
    _: Caller,
    Path(sid): Path<String>,
    Body(Holder { ticket }): Body<Holder>,
) -> Result<Json<Returned>, Problem> {
    let known = app.registry.find(&sid).filter(|known| known.is_console());
    let known = known.ok_or_else(|| super::super::watching::unknown(&sid))?;
    if !known.is_held_by(&ticket) {
        return Err(Problem::forbidden("somebody else holds this call"));
    }
    if !known.is_live() && !known.is_announced() {
        return Err(Problem::conflict("this call is over: begin another"));
    }
    if known.is_live() && !known.announce_return() {
        return Err(Problem::conflict("this call was lost too often: begin another"));
    }
    let line = known.line().unwrap_or_default();
    Ok(Json(Returned { socket: socket(&app, &known, line) }))
}

/// How a call is served that comes in, from nobody and to nobody that anything is known of.
fn usual(app: &App) -> Arc<Route> {
    let facts = Facts { direction: Direction::Inbound, number: None, parameters: &BTreeMap::new() };
    app.services.route(facts).clone()
}

fn line_of(route: &Route) -> LineKind {
    Some(route.config.line).filter(|line| LINES.contains(line)).unwrap_or_default()
}

/// What has all that it needs.
fn is_complete(app: &App, kind: Kind, id: Option<&str>) -> Result<(), Problem> {
    let offer = app.services.offers(kind).into_iter().find(|offer| Some(offer.id.as_str()) == id);
    match offer.and_then(|Offer { id, missing, .. }| Some((id, missing?))) {
        None => Ok(()),
        Some((id, missing)) => Err(Problem::conflict(format!("{id} cannot be used: {missing}"))),
    }
}

impl Wanted {
    /// What is named, where something is.
    fn named(self) -> Self {
        let named = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
        let Self { persona, stt, llm, tts, line, language } = self;
        let (persona, stt, llm, tts) = (named(persona), named(stt), named(llm), named(tts));
        Self { persona, stt, llm, tts, line, language: named(language) }
    }
}

/// Something that nobody guesses.
fn ticket() -> Result<String, Problem> {
    let bytes =
        random::<16>().map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{e:#}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn has_room(app: &App) -> Result<(), Problem> {
    if app.registry.waiting_in_console() >= MOST_WAITING {
        let text = format!("{MOST_WAITING} calls were begun that nobody holds: open their sockets, or wait");
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, text).retry_after(ANNOUNCED));
    }
    let (why, turned_away) = match (app.is_open(), app.is_full()) {
        (true, false) => return Ok(()),
        (false, _) => ("this server is about to stop", TurnedAway::Draining),
        (true, true) => ("there are as many calls as this host may carry", TurnedAway::Full),
    };
    app.figures.turned_away(turned_away);
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, why))
}

fn socket(app: &App, known: &Known, line: LineKind) -> String {
    let path = if line == LineKind::Relay { RELAY } else { STREAM };
    format!("{path}/{}", app.access.tokens.issue(&known.id, path))
}

/// The usual one, with what was chosen in its place. It may have to be compiled.
async fn route(app: &Shared, usual: &Arc<Route>, wanted: Wanted, line: LineKind) -> Result<Route, Problem> {
    let (app, usual) = (app.clone(), usual.clone());
    let choosing = move || {
        let loader = app.services.loader();
        let chain = |kind: Kind, id: &Option<String>, usual: &Chain| match id.as_deref() {
            None => Ok(usual.clone()),
            Some("none") if kind == Kind::Stt => Ok(Chain::default()),
            Some(id) => load(loader, kind, id).map(|slot| Chain::new(vec![slot])),
        };
        let mut config = usual.config.clone();
        config.line = line;
        Ok(Route {
            persona: match wanted.persona.as_deref().filter(|id| *id != usual.persona.id()) {
                Some(id) => load(loader, Kind::Persona, id)?,
                None => usual.persona.clone(),
            },
            stt: chain(Kind::Stt, &wanted.stt, &usual.stt)?,
            llm: chain(Kind::Llm, &wanted.llm, &usual.llm)?,
            tts: chain(Kind::Tts, &wanted.tts, &usual.tts)?,
            name: usual.name.clone(),
            key: usual.key.clone(),
            config,
        })
    };
    let given_up =
        |error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("it was given up: {error}"));
    tokio::task::spawn_blocking(choosing).await.map_err(given_up)?
}

fn load(loader: &Loader, kind: Kind, id: &str) -> Result<Arc<Slot>, Problem> {
    let is_there = match kind {
        Kind::Persona => loader.personas().iter().any(|(name, _)| name == id),
        _ => loader.catalogue().find(id, kind).is_ok(),
    };
    let slot = loader.load(kind, id, &BTreeMap::new()).with_context(|| format!("{id:?} cannot be used"));
    slot.map_err(|error| match is_there {
        true => Problem::conflict(format!("{error:#}")),
        false => Problem::not_found(format!("{error:#}")),
    })
}
