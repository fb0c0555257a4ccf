//! Values as everybody else here has them, out of what PostgREST writes.

use crate::tables::{Kind, Table};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// What has another form than expected is left as it came.
pub(super) fn normalise(table: Table, row: &mut Map<String, Value>) {
    for column in table.columns() {
        let Some(value) = row.get_mut(column.name) else { continue };
        let normal = match (column.kind, &*value) {
            (Kind::Timestamp, Value::String(text)) => moment(text).map(Value::String),
            // of a column that somebody made a number of their own kind
            (Kind::Decimal | Kind::Text, Value::Number(number)) => Some(Value::String(number.to_string())),
            _ => None,
        };
        if let Some(normal) = normal {
            *value = normal;
        }
    }
}

/// In UTC, to the microsecond. Without a zone it is UTC already.
fn moment(text: &str) -> Option<String> {
    let civil = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    let moment: Timestamp = text.parse().ok().or_else(civil)?;
    Some(format!("{moment:.6}"))
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_moment_is_utc_to_the_microsecond_however_it_came() {
        for text in
            ["2026-11-21T18:00:00.25+00:00", "2026-11-21T19:00:00.250000+01:00", "2026-11-21T18:00:00.25"]
        {
            assert_eq!(moment(text).as_deref(), Some("2026-11-21T18:00:00.250000Z"));
        }
        assert_eq!(moment("infinity"), None);
    }
}
