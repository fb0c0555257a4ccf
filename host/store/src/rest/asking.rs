//! What goes into a request, and what comes out of its answer.

use super::failure::{Failure, reason};
use crate::backend::{Condition, Select, Test};
use crate::tables::{Kind, Table};
use reqwest::header::{CONTENT_RANGE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Map, Value};

/// Longer than any page of rows.
const LONGEST_ANSWER: usize = 64 << 20;

/// For errors.
pub(super) fn doing(method: &Method, table: Table) -> String {
    let what = match *method {
        Method::GET => "reading",
        Method::DELETE => "deleting from",
        Method::PATCH => "changing",
        _ => "writing",
    };
    format!("{what} {} at Supabase", table.name())
}

/// As parameters of a URL, still to be encoded; none: no row meets the conditions.
pub(super) fn filters(conditions: &[Condition]) -> Option<Vec<(String, String)>> {
    let filter = |condition: &Condition| {
        let asked = match &condition.test {
            Test::IsNull | Test::Is(Value::Null) => "is.null".to_owned(),
            Test::IsNotNull => "not.is.null".to_owned(),
            // nothing is so of a null
            Test::IsNot(Value::Null) | Test::AtLeast(Value::Null) | Test::Below(Value::Null) => return None,
            Test::Is(value) => format!("eq.{}", text(value)),
            Test::IsNot(value) => format!("neq.{}", text(value)),
            Test::AtLeast(value) => format!("gte.{}", text(value)),
            Test::Below(value) => format!("lt.{}", text(value)),
            Test::Contains(part) => format!("ilike.*{}*", pattern(part)),
            Test::In(values) => {
                let values: Vec<String> = values
                    .iter()
                    .filter(|value| !value.is_null())
                    .map(|value| quoted(&text(value)))
                    .collect();
                if values.is_empty() {
                    return None;
                }
                format!("in.({})", values.join(","))
            }
        };
        Some((condition.column.to_owned(), asked))
    };
    conditions.iter().map(filter).collect()
}

/// Outside of a list a value is what it is, up to the end.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// As `ilike` wants it. A star stands for anything and cannot be escaped: any letter takes its place.
fn pattern(part: &str) -> String {
    let escaped = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    escaped.replace('*', "_")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// All of them. What is exact is asked for as text: as a number it would not stay so.
pub(super) fn columns(table: Table) -> String {
    let name =
        |name: &str, kind| if kind == Kind::Decimal { format!("{name}::text") } else { name.to_owned() };
    let names: Vec<String> = table.columns().iter().map(|column| name(column.name, column.kind)).collect();
    names.join(",")
}

/// What has no value comes last; what is otherwise equal is in the order of the key, so that pages have
/// an order too.
pub(super) fn order(select: &Select) -> String {
    let named = select.order.iter();
    let mut parts: Vec<String> = named
        .map(|(name, largest_first)| {
            format!("{name}.{}.nullslast", if *largest_first { "desc" } else { "asc" })
        })
        .collect();
    let rest = select.table.key().iter().filter(|key| !select.order.iter().any(|(name, _)| name == *key));
    parts.extend(rest.map(|key| format!("{key}.asc")));
    parts.join(",")
}

/// Of a request that was done.
pub(super) struct Answer {
    doing: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(super) async fn receive(doing: String, request: RequestBuilder) -> Result<Self, Failure> {
        let away = |error| Failure::away(&doing, &reason(error));
        let mut response = request.send().await.map_err(away)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(away)? {
            if body.len() + piece.len() > LONGEST_ANSWER {
                return Err(Failure::away(
                    &doing,
                    &format!("its answer is longer than {LONGEST_ANSWER} bytes"),
                ));
            }
            body.extend_from_slice(&piece);
        }
        if status.is_success() {
            Ok(Self { doing, status, headers, body })
        } else {
            Err(Failure::refused(&doing, status, &body))
        }
    }

    pub(super) fn rows(self) -> Result<Vec<Map<String, Value>>, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| self.strange("no rows"))
    }

    /// Nothing was to be said: a page of somebody else's would be.
    pub(super) fn silent(self) -> Result<(), Failure> {
        if self.body.is_empty() { Ok(()) } else { Err(self.strange("something that was not asked for")) }
    }

    /// Behind the slash: `*/3`.
    pub(super) fn count(self) -> Result<u64, Failure> {
        let range = self.headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let count = range.and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        count.ok_or_else(|| self.strange("no count of rows"))
    }

    /// Whoever answers so is not Supabase, or not as one knows it: it may be back later.
    fn strange(&self, what: &str) -> Failure {
        let said = format!("it answers {} with {what}; check that the URL is the project's", self.status);
        Failure::away(&self.doing, &said)
    }
}
