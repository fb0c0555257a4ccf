//! Conversations that were kept: reading them back, taking them away, forgetting them.

use super::description::Refusal;
use crate::access::{Controller, Problem, Reader};
use crate::app::{App, Shared};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{Filter, Store, Table};
use tower::ServiceExt;
use tower_http::services::ServeFile;
use utoipa::{IntoParams, ToSchema};

/// On one page.
const MOST: u32 = 500;
/// What is searched for, in characters.
const LONGEST_TEXT: usize = 200;
/// On one page, where nobody says.
const USUAL: u32 = 50;

/// Which conversations. Every condition that is named has to hold.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// begun then or later: RFC 3339
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// begun before: RFC 3339
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    caller: Option<String>,
    called: Option<String>,
    call_sid: Option<String>,
    claim_id: Option<String>,
    /// only those about a claim
    claims: bool,
    persona: Option<String>,
    /// `inbound` or `outbound`
    direction: Option<String>,
    /// as the persona keeps it
    state: Option<String>,
    outcome: Option<String>,
    /// why it is over
    departure: Option<String>,
    /// words that were said in one turn, of either side; of very many conversations, the 100 that said them last
    #[param(max_length = 200)]
    text: Option<String>,
    /// at most so many, and never more than 500; where it is not said: 50, or, in one file, all
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// where the page before this one ended: its `next`
    after: Option<String>,
}

impl Wanted {
    fn limit(&self) -> Result<Option<u32>, Problem> {
        match self.limit {
            Some(limit) if !(1..=MOST).contains(&limit) => {
                Err(Problem::invalid("limit", format!("1 to {MOST}")))
            }
            limit => Ok(limit),
        }
    }

    fn filter(&self) -> Result<Filter, Problem> {
        if self.text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_TEXT) {
            return Err(Problem::invalid("text", format!("longer than {LONGEST_TEXT} characters")));
        }
        Ok(Filter {
            from: self.from,
            to: self.to,
            caller: self.caller.clone(),
            called: self.called.clone(),
            call_sid: self.call_sid.clone(),
            claim_id: self.claim_id.clone(),
            persona: self.persona.clone(),
            direction: self.direction.clone(),
            state: self.state.clone(),
            outcome: self.outcome.clone(),
            departure: self.departure.clone(),
            claims: self.claims,
            text: self.text.clone().filter(|text| !text.trim().is_empty()),
        })
    }
}

/// Conversations, the newest first
#[derive(Serialize, ToSchema)]
pub struct Page {
    #[schema(value_type = Vec<Object>)]
    conversations: Vec<Map<String, Value>>,
    /// for `after`; null: there are no more
    next: Option<String>,
    /// more conversations may hold the `text` than were found by it: ask for a shorter time
    incomplete: bool,
}

/// Everything that is kept of one conversation.
#[derive(Serialize, ToSchema)]
pub struct Conversation {
    #[schema(value_type = Object)]
    conversation: Map<String, Value>,
    /// what was said, in order
    #[schema(value_type = Vec<Object>)]
    turns: Vec<Map<String, Value>>,
    /// what happened besides
    #[schema(value_type = Vec<Object>)]
    events: Vec<Map<String, Value>>,
    /// how quick it was, in milliseconds; null while it goes on
    #[schema(value_type = Option<Object>)]
    metrics: Option<Map<String, Value>>,
    /// where its recording is to be had; null: there is none here
    recording: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Deleted {
    conversations: u64,
    recordings: usize,
}

/// Conversations that are kept
#[utoipa::path(
    get, path = "/conversations", tag = "conversations", security(("key" = [])), params(Wanted),
    responses(
        (status = 200, body = Page),
        (status = 404, description = "There is no such place in the list (`after`)", body = Refusal),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn conversations(
    State(app): State<Shared>,
    _: Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page>, Problem> {
    let limit = wanted.limit()?.unwrap_or(USUAL);
    let page = store(&app)?.conversations(&wanted.filter()?, limit, wanted.after.as_deref()).await;
    let page = page.map_err(|error| no_page(error, &wanted))?;
    Ok(Json(Page { conversations: page.items, next: page.next, incomplete: page.incomplete }))
}

/// All of them in one file: CSV
#[utoipa::path(
    get, path = "/conversations.csv", tag = "conversations", security(("key" = [])), params(Wanted),
    responses(
        (status = 200, body = String, content_type = "text/csv"),
        (status = 404, description = "There is no such place in the list (`after`)", body = Refusal),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn as_csv(
    State(app): State<Shared>,
    _: Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let pages = Pages::first(&app, &wanted).await?;
    let lines = |page: &[Map<String, Value>], first: bool| {
        let text = store::csv(page, Table::Conversations)?;
        // the names of the columns stand on top of each
        let lines = text.split_once('\n').filter(|_| !first).map(|(_, lines)| lines.to_owned());
        Ok(lines.unwrap_or(text))
    };
    Ok(file("text/csv; charset=utf-8", "conversations.csv", pages.written(lines)))
}

/// All of them in one file: JSON, one in a line
#[utoipa::path(
    get, path = "/conversations.jsonl", tag = "conversations", security(("key" = [])), params(Wanted),
    responses(
        (status = 200, body = String, content_type = "application/jsonl"),
        (status = 404, description = "There is no such place in the list (`after`)", body = Refusal),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn as_json(
    State(app): State<Shared>,
    _: Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let pages = Pages::first(&app, &wanted).await?;
    let lines = |page: &[Map<String, Value>], _| {
        Ok(page.iter().filter_map(|row| serde_json::to_string(row).ok()).map(|line| line + "\n").collect())
    };
    Ok(file("application/jsonl", "conversations.jsonl", pages.written(lines)))
}

/// A conversation with all that was said
#[utoipa::path(
    get, path = "/conversations/{id}", tag = "conversations", security(("key" = [])),
    params(("id" = String, Path, description = "its id, Twilio's CallSid, or a claim number")),
    responses(
        (status = 200, body = Conversation),
        (status = 404, description = "Nothing is kept under this name", body = Refusal),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn conversation(
    State(app): State<Shared>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Json<Conversation>, Problem> {
    let whole = find(&app, &id).await?;
    let text = |name: &str| whole.conversation.get(name).and_then(Value::as_str);
    let recording = text("recording")
        .filter(|name| app.records.recording(name).is_some())
        .zip(text("id"))
        .map(|(_, id)| format!("/conversations/{id}/recording"));
    Ok(Json(Conversation {
        conversation: whole.conversation,
        turns: whole.turns,
        events: whole.events,
        metrics: whole.metrics,
        recording,
    }))
}

/// The recording of a conversation
///
/// A WAV file: the caller left, the agent right. Ranges can be asked for.
#[utoipa::path(
    get, path = "/conversations/{id}/recording", tag = "conversations", security(("key" = [])),
    params(("id" = String, Path, description = "the conversation's id, Twilio's CallSid, or a claim number")),
    responses(
        (status = 200, description = "The whole of it", content_type = "audio/wav"),
        (status = 206, description = "A range of it", content_type = "audio/wav"),
        (status = 404, description = "There is none, or it is on another host", body = Refusal),
        (status = 416, description = "It is not that long"),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn recording(
    State(app): State<Shared>,
    _: Reader,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let whole = find(&app, &id).await?;
    let text = |name: &str| whole.conversation.get(name).and_then(Value::as_str);
    let name = text("recording")
        .ok_or_else(|| Problem::not_found("this conversation has no recording, or has it no more"))?;
    let path = app.records.recording(name).ok_or_else(|| {
        Problem::not_found(format!(
            "{name} is not here; the call was held by {}",
            text("node").unwrap_or("?")
        ))
    })?;
    let served = ServeFile::new(path).oneshot(request).await;
    // it cannot fail: what cannot be read is a status
    served.map(IntoResponse::into_response).map_err(|never| match never {})
}

/// Forgets a conversation, with its recording
#[utoipa::path(
    delete, path = "/conversations/{id}", tag = "conversations", security(("key" = [])),
    params(("id" = String, Path, description = "its id")),
    responses(
        (status = 200, body = Deleted),
        (status = 409, description = "The call goes on", body = Refusal),
        (status = 404, description = "Nothing is kept under this name", body = Refusal),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn forget(
    State(app): State<Shared>,
    _: Controller,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, Problem> {
    if uuid::Uuid::parse_str(&id).is_err() {
        return Err(Problem::not_found(format!("a conversation is forgotten by its own id; {id:?} is none")));
    }
    let whole = find(&app, &id).await?;
    is_over(&whole.conversation)?;
    let deleted = store(&app)?.delete(&id).await.map_err(failed)?;
    Ok(Json(gone(&app, &deleted)))
}

/// What is forgotten while it goes on would come back with the next word.
fn is_over(conversation: &Map<String, Value>) -> Result<(), Problem> {
    match conversation.get("departure") {
        Some(Value::String(_)) => Ok(()),
        _ => Err(Problem::conflict("the call goes on; end it first, or wait for its end")),
    }
}

/// Whose conversations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Whose {
    /// the number of the person, E.164
    #[param(example = "+15555550101", pattern = r"^\+[1-9][0-9]{6,14}$")]
    caller: String,
}

/// Forgets everything of a person: every conversation with this number, with its recordings
#[utoipa::path(
    delete, path = "/conversations", tag = "conversations", security(("key" = [])), params(Whose),
    responses(
        (status = 200, body = Deleted),
        (status = 409, description = "The call goes on", body = Refusal),
        (status = 503, description = "Nothing is kept, or the database is away", body = Refusal),
    )
)]
pub async fn forget_caller(
    State(app): State<Shared>,
    _: Controller,
    Query(whose): Query<Whose>,
) -> Result<Json<Deleted>, Problem> {
    let number: twilio::number::Number =
        whose.caller.parse().map_err(|error| Problem::invalid("caller", error))?;
    let store = store(&app)?;
    let filter = Filter { caller: Some(number.as_str().to_owned()), ..Filter::default() };
    let newest = store.conversations(&filter, MOST, None).await.map_err(failed)?;
    newest.items.iter().try_for_each(is_over)?;
    let deleted = store.delete_by_caller(number.as_str()).await.map_err(failed)?;
    Ok(Json(gone(&app, &deleted)))
}

fn gone(app: &App, deleted: &store::Deleted) -> Deleted {
    tracing::info!(conversations = deleted.conversations, "conversations were forgotten, as somebody asked");
    app.records.delete_journals(&deleted.calls);
    Deleted {
        conversations: deleted.conversations,
        recordings: app.records.delete_recordings(&deleted.recordings),
    }
}

async fn find(app: &App, name: &str) -> Result<store::Whole, Problem> {
    let found = store(app)?.conversation(name).await.map_err(failed)?;
    found.ok_or_else(|| Problem::not_found(format!("nothing is kept under {name:?}")))
}

fn store(app: &App) -> Result<&Store, Problem> {
    app.records.store().ok_or_else(|| {
        let nothing = "nothing is kept here: `store.database` is \"none\"";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, nothing)
    })
}

fn failed(error: store::Error) -> Problem {
    match error {
        store::Error::Away(why) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the database is away, and what is kept cannot be read: {why}"),
        ),
        store::Error::Refused(why) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why),
    }
}

/// What is refused is the place where the page before is said to have ended.
fn no_page(error: store::Error, wanted: &Wanted) -> Problem {
    match error {
        store::Error::Refused(why) if wanted.after.is_some() => Problem::not_found(why),
        error => failed(error),
    }
}

/// All pages, one after the other.
struct Pages {
    store: Store,
    filter: Filter,
    /// read, and not given away yet
    page: Option<store::Page>,
}

impl Pages {
    /// Reads the first, so that what is wrong is said by a status.
    async fn first(app: &App, wanted: &Wanted) -> Result<Self, Problem> {
        let (store, filter) = (store(app)?.clone(), wanted.filter()?);
        let limit = wanted.limit()?;
        let page = store.conversations(&filter, limit.unwrap_or(MOST), wanted.after.as_deref()).await;
        let mut page = page.map_err(|error| no_page(error, wanted))?;
        // who wants so many does not want the rest
        page.next = page.next.filter(|_| limit.is_none());
        Ok(Self { store, filter, page: Some(page) })
    }

    /// The file, page by page. A database that goes away in the middle breaks the connection off, so
    /// that nobody takes half a file for a whole one.
    fn written(
        self,
        lines: impl Fn(&[Map<String, Value>], bool) -> Result<String, store::Error> + Send + 'static,
    ) -> impl Stream<Item = Result<String, store::Error>> + Send {
        stream::try_unfold((self, lines, true), async |(mut pages, lines, first)| {
            let Some(page) = pages.page.take() else { return Ok(None) };
            let text = lines(&page.items, first)?;
            if let Some(after) = &page.next {
                pages.page = Some(pages.store.conversations(&pages.filter, MOST, Some(after)).await?);
            }
            Ok(Some((text, (pages, lines, false))))
        })
    }
}

fn file(
    kind: &'static str,
    name: &str,
    pages: impl Stream<Item = Result<String, store::Error>> + Send + 'static,
) -> Response {
    let headers =
        [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, format!("attachment; filename={name}"))];
    (headers, Body::from_stream(pages)).into_response()
}
