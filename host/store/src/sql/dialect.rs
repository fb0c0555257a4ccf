//! What PostgreSQL and SQLite say differently, and how a value of a row is bound and read in each.
//!
//! Both give the very same JSON: decimals, dates and timestamps as text, a timestamp with microseconds
//! and a `Z`.

use crate::tables::{Column, Kind, Table};
use rust_decimal::Decimal;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// What takes the place of a `$1`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    Text(Option<String>),
    Integer(Option<i64>),
}

impl Dialect {
    /// The place of a value, as the type of its column.
    pub(super) fn place(self, column: Column, number: usize) -> String {
        match (self, column.kind) {
            (_, Kind::Text | Kind::Integer) | (Self::Sqlite, _) => format!("${number}"),
            (Self::Postgres, kind) => format!("CAST(${number} AS {})", kind.postgres()),
        }
    }

    /// A column or the place of a value, so that it can be compared: SQLite keeps decimals as text.
    pub(super) fn comparable(self, column: Column, said: String) -> String {
        match (self, column.kind) {
            (Self::Sqlite, Kind::Decimal) => format!("CAST({said} AS NUMERIC)"),
            _ => said,
        }
    }

    /// A row as one JSON object.
    pub(super) fn object(self, table: Table) -> String {
        let pairs: Vec<String> = table
            .columns()
            .iter()
            .map(|column| format!("'{}', {}", column.name, self.read(*column)))
            .collect();
        match self {
            Self::Sqlite => format!("json_object({})", pairs.join(", ")),
            Self::Postgres => format!("CAST(json_build_object({}) AS text)", pairs.join(", ")),
        }
    }

    fn read(self, Column { name, kind }: Column) -> String {
        match (self, kind) {
            (Self::Sqlite, Kind::Json) => format!("json({name})"),
            (Self::Sqlite, _) | (Self::Postgres, Kind::Text | Kind::Integer | Kind::Json) => name.to_owned(),
            (Self::Postgres, Kind::Decimal | Kind::Uuid) => format!("CAST({name} AS text)"),
            (Self::Postgres, Kind::Date) => format!("to_char({name}, 'YYYY-MM-DD')"),
            (Self::Postgres, Kind::Timestamp) => {
                format!(r#"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#)
            }
        }
    }

    /// Compares in capitals or not; SQLite only knows those of ASCII.
    pub(super) fn like(self) -> &'static str {
        match self {
            Self::Sqlite => "LIKE",
            Self::Postgres => "ILIKE",
        }
    }

    pub(super) fn begin(self) -> &'static str {
        match self {
            // otherwise two writers find out about each other too late to wait
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

/// In the one form in which it is kept, or why it cannot be.
pub(super) fn bound(column: Column, value: &Value) -> Result<Bound, String> {
    let wrong = |what: &str| format!("{} is to be {what}", column.name);
    let text = match value {
        Value::Null if column.kind == Kind::Integer => return Ok(Bound::Integer(None)),
        Value::Null => return Ok(Bound::Text(None)),
        Value::String(text) => text.as_str(),
        _ => "",
    };
    let kept = match column.kind {
        Kind::Integer => {
            let number = value.as_i64().ok_or_else(|| wrong("a whole number"))?;
            return Ok(Bound::Integer(Some(number)));
        }
        Kind::Json => storable(value).to_string(),
        Kind::Decimal => {
            let said = if value.is_number() { value.to_string() } else { text.to_owned() };
            Decimal::from_str_exact(&said).map_err(|_| wrong("a decimal number like 1250.50"))?.to_string()
        }
        _ if !value.is_string() => return Err(wrong("a text")),
        Kind::Text => without_nul(text),
        Kind::Date => {
            let date: jiff::civil::Date = text.parse().map_err(|_| wrong("a date like 2026-11-21"))?;
            date.to_string()
        }
        Kind::Timestamp => {
            let at: jiff::Timestamp =
                text.parse().map_err(|_| wrong("a time like 2026-11-21T09:30:00.250000Z"))?;
            format!("{at:.6}")
        }
        Kind::Uuid => uuid::Uuid::parse_str(text).map_err(|_| wrong("a UUID"))?.to_string(),
    };
    Ok(Bound::Text(Some(kept)))
}

/// PostgreSQL keeps no NUL, and a sentence is not to be lost for one.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

pub(crate) fn storable(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(values) => values.iter().map(storable).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (without_nul(name), storable(value))).collect(),
        other => other.clone(),
    }
}
