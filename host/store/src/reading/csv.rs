//! Rows for a spreadsheet.

use crate::backend::Error;
use crate::tables::Table;
use serde_json::{Map, Value};

/// With the names of all columns on top. A text that a spreadsheet would take for a formula has an
/// apostrophe in front; a telephone number is a number.
pub fn csv(rows: &[Map<String, Value>], table: Table) -> Result<String, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Refused(format!("no CSV can be made of it: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = table.columns();
    writer.write_record(columns.iter().map(|column| column.name)).map_err(|error| failed(&error))?;
    for row in rows {
        let cells = columns.iter().map(|column| cell(row.get(column.name).unwrap_or(&Value::Null)));
        writer.write_record(cells).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_formula(text) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_formula(text: &str) -> bool {
    let number = || text.parse::<f64>().is_ok_and(f64::is_finite);
    text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sentence_that_is_a_formula_is_only_a_sentence() {
        let row = json!({
            "position": 1, "speaker": "caller", "text": "=HYPERLINK(\"http://x\")", "intended": "-1+1", "ending": "@a",
            "confidence": "-0.5", "conversation_id": "+4930123456", "created_at": null,
        });
        let text = csv(&[row.as_object().unwrap().clone()], Table::Turns).unwrap();
        assert_eq!(
            text,
            "conversation_id,position,turn,revision,speaker,text,intended,ending,confidence,created_at\n\
             +4930123456,1,,,caller,\"'=HYPERLINK(\"\"http://x\"\")\",'-1+1,'@a,-0.5,\n"
        );
    }

    #[test]
    fn lists_and_commas_stay_in_their_cell() {
        let row = json!({ "event": "dtmf, #", "data": { "digits": [1, 2] } });
        let text = csv(&[row.as_object().unwrap().clone()], Table::CallEvents).unwrap();
        assert!(text.ends_with("\n,,\"dtmf, #\",\"{\"\"digits\"\":[1,2]}\",\n"), "{text}");
    }
}
