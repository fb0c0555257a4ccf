//! Supabase's REST interface to a database: PostgREST, and the gateway in front of it.
//!
//! - `POST /rest/v1/TABLE`, with `columns`, `on_conflict` and what `Prefer` says of duplicates
//! - `GET`, with `select` (and casts to `text`), filters, `order`, `limit`, `offset`
//! - `PATCH` and `DELETE`, with filters
//!
//! Which tables there are, the test says; they are kept in memory, in a [`Database`] that outlives its
//! server. Values have types, rows have keys, and what belongs to another row needs it.
//!
//! The gateway wants the key in `apikey`. A bearer's token has to be a JWT, which a key of the new kind
//! (`sb_secret_…`) is not; and such a key is refused to whoever looks like a browser.
//!
//! A [`Fault`](crate::Fault) strikes a request:
//!
//! | fault | what it does |
//! |---|---|
//! | `Refuse` | an error of that status; nothing is done |
//! | `Silent` | nothing is done, and there is no response at all |
//! | `CloseMidWord` | it is done, and the connection breaks before the end of the response |
//! | `Nothing` | it is done, and the response has no body |
//! | `Slow` | it is done later |
//! | `Garbage` | nothing is done; 200 with a body that is something else |
//!
//! The others have no effect. A table that is missing is one that was not given, or dropped since.
//!
//! Sources: PostgREST 12 and 13 (its documentation and `Error.hs`), postgrest-js 2.109, Supabase's "API
//! keys".
//!
//! Deliberately not here: row level security, functions, embedded resources, logical operators, other
//! filters than `eq neq lt lte gt gte ilike in is.null` and their `not`, defaults of columns, CSV, schemas.

mod cell;
mod database;
mod query;
mod refusal;
mod rest;
mod schema;

pub use cell::Type;
pub use database::Database;
pub use schema::{Column, Parent, Table};

use crate::fault::{Fault, GARBAGE_BYTES, GARBAGE_TEXTS, retry_after};
use crate::serving::{self, Kept, Record};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use refusal::Refusal;
use rest::{Asking, Prefer};
use serde_json::Value;
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use url::form_urlencoded;

/// How many rows are answered at once, where a project leaves it as it was.
pub const MAX_ROWS: usize = 1000;

#[derive(Clone, Debug)]
pub struct Config {
    /// On 127.0.0.1; 0 (the default) is any free port.
    pub port: u16,
    /// Of one kind, `eyJ…`, or the other, `sb_secret_…`.
    pub key: String,
    pub database: Database,
    /// Default: [`MAX_ROWS`].
    pub max_rows: usize,
    /// The key may do nothing to these tables. Default: none.
    pub forbidden: Vec<String>,
    /// From the start. Default: none.
    pub fault: Option<Fault>,
}

impl Config {
    pub fn new(key: impl Into<String>, database: Database) -> Self {
        Self { port: 0, key: key.into(), database, max_rows: MAX_ROWS, forbidden: Vec::new(), fault: None }
    }
}

/// A request with the right key.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub method: String,
    pub table: String,
    /// As it stood in the URL.
    pub query: String,
    /// The same, read.
    pub parameters: Vec<(String, String)>,
    /// What `Prefer` says, one by one.
    pub prefer: Vec<String>,
    /// Whether the key came as a bearer's token too.
    pub bearer: bool,
    /// Null: there was none.
    pub body: Value,
    /// None until it is answered, and where it is not.
    pub status: Option<u16>,
}

/// What happened at the server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub requests: Vec<Request>,
    /// Every breach of the protocol.
    pub violations: Vec<String>,
    /// Requests that a fault refused.
    pub refused: usize,
}

impl Record for Seen {
    const VENDOR: &'static str = "supabase";

    fn violations(&self) -> &[String] {
        &self.violations
    }

    fn add_violation(&mut self, text: String) {
        self.violations.push(text);
    }
}

/// A stand-in at work, until it is dropped.
pub struct Server {
    serving: serving::Server<Seen>,
    database: Database,
}

impl Deref for Server {
    type Target = serving::Server<Seen>;

    fn deref(&self) -> &Self::Target {
        &self.serving
    }
}

impl Server {
    /// Serves as soon as it returns.
    pub async fn start(config: Config) -> io::Result<Self> {
        let (port, fault, database) = (config.port, config.fault.clone(), config.database.clone());
        let serving = serving::Server::serve(port, fault, |kept| async move {
            let shared = Arc::new(Shared { config, kept });
            Ok(axum::Router::new().fallback(serve).with_state(shared))
        });
        Ok(Self { serving: serving.await?, database })
    }

    /// What stands for `https://REF.supabase.co`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr())
    }

    pub fn database(&self) -> &Database {
        &self.database
    }
}

struct Shared {
    config: Config,
    kept: Kept<Seen>,
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let refused = |refusal: &Refusal| {
        let Refusal { status, code, message, .. } = refusal;
        format!("{method} {} refused with {status} {code}: {message}", uri.path())
    };
    let bearer = match admit(&shared.config, &headers) {
        Ok(bearer) => bearer,
        Err(refusal) => {
            shared.kept.violation(refused(&refusal));
            return refusal.response();
        }
    };
    let Some(table) = uri.path().strip_prefix("/rest/v1/").filter(|table| !table.contains('/')) else {
        let refusal = Refusal::new("PGRST125", "Invalid path specified in request URL");
        shared.kept.violation(refused(&refusal));
        return refusal.with_status(StatusCode::NOT_FOUND).response();
    };
    let query = uri.query().unwrap_or_default().to_owned();
    let parameters: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let prefer = preferences(&shared, &headers);
    let json: Result<Value, _> =
        if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    let request = Request {
        method: method.to_string(),
        table: table.to_owned(),
        query,
        parameters: parameters.clone(),
        prefer: prefer.0.clone(),
        bearer,
        body: json.as_ref().ok().cloned().unwrap_or_default(),
        status: None,
    };
    // settled before anybody sees that the request is there
    let fault = shared.kept.condition().fault();
    let mut number = 0;
    shared.kept.note(|seen| {
        number = seen.requests.len();
        seen.requests.push(request);
    });
    if let Some(response) = trouble(&shared, fault.as_ref()).await {
        return shared.answered(number, response);
    }
    let done = match json {
        Ok(body) if !shared.config.forbidden.iter().any(|name| name == table) => {
            let Config { database, max_rows, .. } = &shared.config;
            let (parameters, prefer, max_rows) = (parameters.as_slice(), &prefer, *max_rows);
            Asking { database, table, parameters, prefer, body: &body, max_rows }.serve(&method)
        }
        Ok(_) => Err(Refusal::forbidden(table)),
        Err(_) => Err(Refusal::new("PGRST102", "Empty or invalid json")),
    };
    let response = match done {
        Ok(response) => cut(response, fault.as_ref()).await,
        Err(refusal) => {
            // what is not there, or there already, is no breach
            let is_breach = !matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::CONFLICT);
            if is_breach && refusal.code != "42703" {
                shared.kept.violation(refused(&refusal));
            }
            refusal.response()
        }
    };
    shared.answered(number, response)
}

impl Shared {
    fn answered(&self, number: usize, response: Response) -> Response {
        self.kept.note(|seen| {
            if let Some(request) = seen.requests.get_mut(number) {
                request.status = Some(response.status().as_u16());
            }
        });
        response
    }
}

/// Whether the key came as a bearer's token too.
fn admit(config: &Config, headers: &HeaderMap) -> Result<bool, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match header("apikey") {
        None => return Err(Refusal::key("No API key found in request")),
        Some(key) if key != config.key => return Err(Refusal::key("Invalid API key")),
        Some(_) => {}
    }
    let is_jwt = |key: &str| key.starts_with("eyJ");
    if !is_jwt(&config.key) && header(USER_AGENT.as_str()).is_some_and(|agent| agent.contains("Mozilla/")) {
        return Err(Refusal::key("Forbidden use of secret API key in browser"));
    }
    match header(AUTHORIZATION.as_str()).map(|value| value.strip_prefix("Bearer ").unwrap_or(value)) {
        None => Ok(false),
        // the gateway says no more than that
        Some(token) if !is_jwt(token) => Err(Refusal::key("")),
        Some(token) if token != config.key => {
            let refusal = Refusal::new("PGRST301", "No suitable key or wrong key type");
            Err(refusal.with_status(StatusCode::UNAUTHORIZED))
        }
        Some(_) => Ok(true),
    }
}

/// PostgREST passes over what it does not know; whoever sends it has misspelled something.
fn preferences(shared: &Shared, headers: &HeaderMap) -> Prefer {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences: Vec<String> =
        values.flat_map(|value| value.split(',')).map(|one| one.trim().to_owned()).collect();
    for unknown in preferences.iter().filter(|one| !Prefer::KNOWN.contains(&one.as_str())) {
        shared.kept.violation(format!("Prefer: {unknown}, which PostgREST does not have"));
    }
    Prefer(preferences)
}

/// What a fault does in place of what was asked for.
async fn trouble(shared: &Shared, fault: Option<&Fault>) -> Option<Response> {
    match fault? {
        Fault::Silent => std::future::pending().await,
        Fault::Slow(time) => {
            tokio::time::sleep(*time).await;
            None
        }
        Fault::Refuse { status, retry_after: after } => {
            shared.kept.note(|seen| seen.refused += 1);
            let mut response = Refusal::of_status(*status).response();
            response.headers_mut().extend(after.map(|time| (RETRY_AFTER, retry_after(time))));
            Some(response)
        }
        Fault::Garbage => {
            let body = [GARBAGE_TEXTS.concat().as_bytes(), GARBAGE_BYTES].concat();
            Some(([(CONTENT_TYPE, "text/html")], body).into_response())
        }
        _ => None,
    }
}

/// What was done, answered as far as the fault lets it.
async fn cut(response: Response, fault: Option<&Fault>) -> Response {
    match fault {
        Some(Fault::Nothing) => response.status().into_response(),
        Some(Fault::CloseMidWord) => {
            let (mut head, _) = response.into_parts();
            // a body is announced that never comes
            head.status = StatusCode::OK;
            head.headers.remove(CONTENT_LENGTH);
            let broken =
                futures_util::stream::iter([Err::<Bytes, _>(io::Error::other("the machine is down"))]);
            Response::from_parts(head, Body::from_stream(broken))
        }
        _ => response,
    }
}
