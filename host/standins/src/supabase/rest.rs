//! `/rest/v1/TABLE`: what is asked, and what is answered.

use super::cell::Cell;
use super::database::{Conflict, Database, Rows};
use super::query::{Parameters, Query, names, parameter};
use super::refusal::Refusal;
use super::schema::Table;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

/// How a client wants it done: `Prefer`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Prefer(pub(super) Vec<String>);

impl Prefer {
    pub(super) const KNOWN: [&str; 10] = [
        "return=minimal",
        "return=headers-only",
        "return=representation",
        "resolution=merge-duplicates",
        "resolution=ignore-duplicates",
        "missing=default",
        "missing=null",
        "count=exact",
        "handling=strict",
        "handling=lenient",
    ];

    fn has(&self, preference: &str) -> bool {
        self.0.iter().any(|own| own == preference)
    }
}

/// One request, whose sender may.
pub(super) struct Asking<'a> {
    pub(super) database: &'a Database,
    pub(super) table: &'a str,
    pub(super) parameters: &'a Parameters,
    pub(super) prefer: &'a Prefer,
    pub(super) body: &'a Value,
    /// More rows are not answered at once, whatever the limit is.
    pub(super) max_rows: usize,
}

impl Asking<'_> {
    pub(super) fn serve(&self, method: &Method) -> Result<Response, Refusal> {
        let table = self.database.table(self.table)?;
        match method.as_str() {
            "GET" => self.get(&table),
            "POST" => self.post(&table),
            "PATCH" => self.patch(&table),
            "DELETE" => self.delete(&table),
            other => {
                let refusal = Refusal::new("PGRST117", format!("Unsupported HTTP method: {other}"));
                Err(refusal.with_status(StatusCode::METHOD_NOT_ALLOWED))
            }
        }
    }

    fn get(&self, table: &Table) -> Result<Response, Refusal> {
        let query = Query::read(table, self.parameters)?;
        let mut found = self.database.select(table, &query);
        let total = found.rows.len();
        let limit = query.limit.unwrap_or(usize::MAX).min(self.max_rows);
        found.rows = found.rows.into_iter().skip(query.offset).take(limit).collect();
        let last = (query.offset + found.rows.len()).checked_sub(1).filter(|_| !found.rows.is_empty());
        let range = last.map_or("*".to_owned(), |last| format!("{}-{last}", query.offset));
        let is_part = self.counts() && found.rows.len() < total;
        let status = if is_part { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
        Ok(answer(status, &self.range(&range, total), Some(found.json(&query.select))))
    }

    fn post(&self, table: &Table) -> Result<Response, Refusal> {
        let rows: Vec<&Map<String, Value>> = match self.body {
            Value::Array(rows) => rows.iter().map(object).collect::<Result<_, _>>()?,
            row => vec![object(row)?],
        };
        let named = match parameter(self.parameters, "columns") {
            Some(columns) => names(columns),
            None => {
                let first: Vec<String> =
                    rows.first().into_iter().flat_map(|row| row.keys()).cloned().collect();
                if rows.iter().any(|row| !row.keys().eq(&first)) {
                    return Err(Refusal::new("PGRST102", "All object keys must match"));
                }
                first
            }
        };
        let given = rows.iter().map(|row| given(table, &named, row)).collect::<Result<Vec<_>, _>>()?;
        let key = match parameter(self.parameters, "on_conflict").map(names) {
            None => table.key_places(),
            Some(key) if sorted(&key) == sorted(&table.key) => table.key_places(),
            Some(_) => {
                let message =
                    "there is no unique or exclusion constraint matching the ON CONFLICT specification";
                return Err(Refusal::new("42P10", message));
            }
        };
        let conflict = if self.prefer.has("resolution=merge-duplicates") {
            Conflict::Merged
        } else if self.prefer.has("resolution=ignore-duplicates") {
            Conflict::Ignored
        } else {
            Conflict::Refused
        };
        let written = self.database.insert(table, &given, &key, conflict)?;
        Ok(self.done(StatusCode::CREATED, StatusCode::CREATED, "*", &written))
    }

    fn patch(&self, table: &Table) -> Result<Response, Refusal> {
        let query = self.narrowed(table, "UPDATE")?;
        let body = object(self.body)?;
        let named: Vec<String> = body.keys().cloned().collect();
        let changed = self.database.update(table, &query, &given(table, &named, body)?)?;
        let range = changed.rows.len().checked_sub(1).map_or("*".to_owned(), |last| format!("0-{last}"));
        Ok(self.done(StatusCode::OK, StatusCode::NO_CONTENT, &range, &changed))
    }

    fn delete(&self, table: &Table) -> Result<Response, Refusal> {
        let query = self.narrowed(table, "DELETE")?;
        let gone = self.database.delete(table, &query);
        Ok(self.done(StatusCode::OK, StatusCode::NO_CONTENT, "*", &gone))
    }

    /// Supabase does nothing to a whole table (its `safeupdate`).
    fn narrowed(&self, table: &Table, what: &str) -> Result<Query, Refusal> {
        let query = Query::read(table, self.parameters)?;
        if query.filters.is_empty() {
            return Err(Refusal::new("21000", format!("{what} requires a WHERE clause")));
        }
        Ok(query)
    }

    /// What was changed: told, or only that it was.
    fn done(&self, told: StatusCode, silent: StatusCode, range: &str, rows: &Rows) -> Response {
        let range = self.range(range, rows.rows.len());
        if self.prefer.has("return=representation") {
            let whole: Vec<_> = (0..rows.table.columns.len()).map(|place| (place, false)).collect();
            answer(told, &range, Some(rows.json(&whole)))
        } else {
            answer(silent, &range, None)
        }
    }

    fn counts(&self) -> bool {
        self.prefer.has("count=exact")
    }

    fn range(&self, range: &str, total: usize) -> String {
        if self.counts() { format!("{range}/{total}") } else { format!("{range}/*") }
    }
}

fn answer(status: StatusCode, range: &str, rows: Option<Vec<Value>>) -> Response {
    match rows {
        None => (status, [(CONTENT_RANGE, range)]).into_response(),
        Some(rows) => {
            let headers = [(CONTENT_RANGE, range), (CONTENT_TYPE, "application/json; charset=utf-8")];
            (status, headers, Value::Array(rows).to_string()).into_response()
        }
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, Refusal> {
    value.as_object().ok_or_else(|| Refusal::new("PGRST102", "Empty or invalid json"))
}

/// The columns that are named, of a row that may have more or fewer.
fn given(table: &Table, named: &[String], row: &Map<String, Value>) -> Result<Vec<(usize, Cell)>, Refusal> {
    let cell = |name: &String| {
        let place = table.writable(name)?;
        let (column, value) = (table.columns.get(place), row.get(name).unwrap_or(&Value::Null));
        let cell = column.map_or(Ok(Cell::Null), |column| column.kind.value(value));
        cell.map(|cell| (place, cell))
    };
    named.iter().map(cell).collect()
}

fn sorted(names: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted
}
