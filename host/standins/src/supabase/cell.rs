//! Values as PostgreSQL takes, compares and writes them.

use super::refusal::Refusal;
use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Text,
    /// `bigint`
    Integer,
    Numeric,
    Date,
    /// `timestamp with time zone`
    Timestamp,
    Uuid,
    /// `jsonb`
    Json,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Numeric(Numeric),
    Date(civil::Date),
    Timestamp(Timestamp),
    Uuid(String),
    Json(Value),
}

/// Exact, and with the zeros at its end, as PostgreSQL keeps them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Numeric {
    digits: i128,
    scale: u32,
}

impl Type {
    /// By its name in a migration; none: nothing of ours has it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "bigint" => Self::Integer,
            "numeric" => Self::Numeric,
            "date" => Self::Date,
            "timestamptz" => Self::Timestamp,
            "uuid" => Self::Uuid,
            "jsonb" => Self::Json,
            _ => return None,
        })
    }

    /// As PostgreSQL names it in its errors.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "bigint",
            Self::Numeric => "numeric",
            Self::Date => "date",
            Self::Timestamp => "timestamp with time zone",
            Self::Uuid => "uuid",
            Self::Json => "json",
        }
    }

    /// A value of a body.
    pub(super) fn value(self, value: &Value) -> Result<Cell, Refusal> {
        match (self, value) {
            (_, Value::Null) => Ok(Cell::Null),
            (Self::Json, value) => Ok(Cell::Json(value.clone())),
            (_, Value::String(text)) => self.text(text),
            (_, other) => self.text(&other.to_string()),
        }
    }

    /// A value of a filter, or a text of a body.
    pub(super) fn text(self, text: &str) -> Result<Cell, Refusal> {
        if text.contains('\0') {
            let refusal = Refusal::new("22P05", "unsupported Unicode escape sequence");
            return Err(refusal.detailed("\\u0000 cannot be converted to text."));
        }
        let trimmed = text.trim();
        let cell = match self {
            Self::Text => Some(Cell::Text(text.to_owned())),
            Self::Integer => trimmed.parse().ok().map(Cell::Integer),
            Self::Numeric => Numeric::parse(trimmed).map(Cell::Numeric),
            Self::Date => trimmed.parse().ok().map(Cell::Date),
            Self::Timestamp => moment(trimmed).map(Cell::Timestamp),
            Self::Uuid => uuid(trimmed).map(Cell::Uuid),
            Self::Json => serde_json::from_str(text).ok().map(Cell::Json),
        };
        cell.ok_or_else(|| {
            let code = if matches!(self, Self::Date | Self::Timestamp) { "22007" } else { "22P02" };
            Refusal::new(code, format!("invalid input syntax for type {}: \"{text}\"", self.name()))
        })
    }
}

/// To the microsecond. A time without a zone is one of the server's, whose clock shows UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let civil = || text.parse::<civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let moment = text.parse().ok().or_else(|| civil().map(|zoned: Zoned| zoned.timestamp()))?;
    moment.round(jiff::Unit::Microsecond).ok()
}

fn uuid(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('-').collect();
    let is_whole = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_whole.then(|| text.to_ascii_lowercase())
}

impl Cell {
    /// As PostgREST writes it: a `numeric` is a number there, and loses what a number cannot hold.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => json!(number),
            Self::Numeric(numeric) => numeric.text().parse::<f64>().map_or(Value::Null, Value::from),
            Self::Json(value) => value.clone(),
            Self::Timestamp(moment) => json!(written(*moment, "T", "+00:00")),
            other => json!(other.text()),
        }
    }

    /// After `::text`.
    pub(super) fn cast(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            other => json!(other.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) | Self::Uuid(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Numeric(numeric) => numeric.text(),
            Self::Date(date) => date.to_string(),
            Self::Timestamp(moment) => written(*moment, " ", "+00"),
            Self::Json(value) => value.to_string(),
        }
    }

    /// None: one of them is null, or they are of two types; then nothing is true of them.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Numeric(a), Self::Numeric(b)) => Some(a.compare(*b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Json(a), Self::Json(b)) => {
                Some(if a == b { Ordering::Equal } else { a.to_string().cmp(&b.to_string()) })
            }
            _ => None,
        }
    }
}

/// PostgreSQL leaves out the zeros at the end of a second.
fn written(moment: Timestamp, between: &str, zone: &str) -> String {
    let civil = TimeZone::UTC.to_datetime(moment);
    format!("{}{between}{}{zone}", civil.date(), civil.time())
}

impl Numeric {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let is_fraction = fraction.bytes().all(|byte| byte.is_ascii_digit());
        let scale = u32::try_from(fraction.len()).ok()?;
        is_fraction.then_some(Self { digits, scale })
    }

    fn text(self) -> String {
        let scale = self.scale as usize;
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        match digits.split_at_checked(digits.len() - scale) {
            Some((whole, fraction)) if scale > 0 => format!("{sign}{whole}.{fraction}"),
            _ => format!("{sign}{digits}"),
        }
    }

    fn compare(self, other: Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let at_scale = |n: Self| n.digits.saturating_mul(10_i128.saturating_pow(scale - n.scale));
        at_scale(self).cmp(&at_scale(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written_as(kind: Type, text: &str) -> (Value, Value) {
        let cell = kind.text(text).unwrap();
        (cell.json(), cell.cast())
    }

    #[test]
    fn values_come_back_as_postgresql_writes_them() {
        for (kind, text, json, cast) in [
            (Type::Integer, "42", json!(42), "42"),
            (Type::Numeric, "1250.50", json!(1250.5), "1250.50"),
            (Type::Numeric, "-0.05", json!(-0.05), "-0.05"),
            (Type::Numeric, "7", json!(7.0), "7"),
            (Type::Date, "2026-11-21", json!("2026-11-21"), "2026-11-21"),
            (
                Type::Timestamp,
                "2026-11-21T19:00:00.250+01:00",
                json!("2026-11-21T18:00:00.25+00:00"),
                "2026-11-21 18:00:00.25+00",
            ),
            (
                Type::Timestamp,
                "2026-11-21T18:00:00",
                json!("2026-11-21T18:00:00+00:00"),
                "2026-11-21 18:00:00+00",
            ),
            (Type::Json, "[1, 2]", json!([1, 2]), "[1,2]"),
        ] {
            assert_eq!(written_as(kind, text), (json, json!(cast)), "{text}");
        }
    }

    #[test]
    fn what_is_of_another_type_is_refused_in_postgresqls_words() {
        for (kind, text, code, words) in [
            (Type::Integer, "1.5", "22P02", "invalid input syntax for type bigint: \"1.5\""),
            (Type::Numeric, "1.-5", "22P02", "invalid input syntax for type numeric: \"1.-5\""),
            (Type::Uuid, "7", "22P02", "invalid input syntax for type uuid: \"7\""),
            (Type::Date, "soon", "22007", "invalid input syntax for type date: \"soon\""),
            (Type::Text, "a\0", "22P05", "unsupported Unicode escape sequence"),
        ] {
            let refusal = kind.text(text).unwrap_err();
            assert_eq!((refusal.code, refusal.message.as_str()), (code, words));
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let numeric = |text: &str| Type::Numeric.text(text).unwrap();
        assert_eq!(numeric("9.5").compare(&numeric("10")), Some(Ordering::Less));
        assert_eq!(numeric("1.50").compare(&numeric("1.5")), Some(Ordering::Equal));
        assert_eq!(numeric("1").compare(&Cell::Null), None);
    }
}
