//! What crosses between the host and a component, as a person reads it: one line for each event and each
//! effect. Bytes are counted, what is not there is left out.

use serde::Serialize;
use serde_json::{Map, Value};

/// Text that belongs to nobody's eyes in full.
const LONGEST_TEXT: usize = 200;
/// Of a line that is shown because it differs: so much before the difference, and so much in all.
const BEFORE: usize = 60;
const LONGEST_LINE: usize = 600;

/// One event or effect.
pub(super) fn line(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(value) => words(&value, false),
        Err(_) => "something that cannot be shown".into(),
    }
}

/// Two lines that differ, cut so that it can be seen where.
pub(super) fn apart(one: &str, other: &str) -> (String, String) {
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let skip = same.saturating_sub(BEFORE);
    let cut = |line: &str| {
        let shown: String = line.chars().skip(skip).take(LONGEST_LINE).collect();
        let more = line.chars().count().saturating_sub(skip + LONGEST_LINE);
        let begins = if skip > 0 { "… " } else { "" };
        let ends = if more > 0 { format!(" … and {more} characters more") } else { String::new() };
        format!("{begins}{shown}{ends}")
    };
    (cut(one), cut(other))
}

/// A line that does not matter so much.
pub(super) fn brief(line: &str) -> String {
    match line.chars().count() {
        length if length > LONGEST_TEXT => {
            let shown: String = line.chars().take(LONGEST_TEXT).collect();
            format!("{shown} … and {} characters more", length - LONGEST_TEXT)
        }
        _ => line.to_owned(),
    }
}

/// `inside`: it stands within something else, from which it has to be told apart.
fn words(value: &Value, inside: bool) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Array(values) if !values.is_empty() && values.iter().all(Value::is_number) => {
            format!("{} bytes", values.len())
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| words(value, false)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(fields) => match variant(fields) {
            Some(("Audio", Value::Array(samples))) => format!("{} bytes of audio", samples.len()),
            Some((name, inner)) => format!("{} {}", spaced(name), words(inner, true)),
            None => {
                let fields = fields.iter().filter(|(_, value)| !value.is_null());
                let fields: Vec<String> =
                    fields.map(|(name, value)| format!("{} {}", spaced(name), words(value, true))).collect();
                let fields = fields.join(", ");
                if inside { format!("({fields})") } else { fields }
            }
        },
        // a word of the contract, which has no quotes, or a text
        Value::String(text) if !inside && is_name(text) => spaced(text),
        other => other.to_string(),
    }
}

/// What is one of several things is written as an object with the name of that.
fn variant(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut fields = fields.iter();
    match (fields.next(), fields.next()) {
        (Some((name, value)), None) if is_name(name) => Some((name, value)),
        _ => None,
    }
}

/// As the bindings write the names of what is one of several: `TurnEnded`.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// `TurnEnded` and `turn_ended` are `turn-ended`, as in the contract.
fn spaced(name: &str) -> String {
    let mut spaced = String::new();
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            spaced.push('-');
        }
        spaced.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(value: &Value) -> String {
        words(value, false)
    }

    #[test]
    fn bytes_are_counted_names_are_the_contracts_and_nothing_is_said_of_what_is_not_there() {
        assert_eq!(shown(&json!({ "Audio": vec![255; 320] })), "320 bytes of audio");
        assert_eq!(shown(&json!("TurnEnded")), "turn-ended");
        assert_eq!(shown(&json!({ "CancelTimer": 3 })), "cancel-timer 3");
        let say =
            json!({ "Say": { "id": 1, "text": "Hello", "manner": { "voice": null, "language": "de" } } });
        assert_eq!(shown(&say), "say (id 1, manner (language \"de\"), text \"Hello\")");
        let send = json!({ "Net": { "connection": 2, "action": { "Send": { "Binary": [1, 2, 3] } } } });
        assert_eq!(shown(&send), "net (action send binary 3 bytes, connection 2)");
    }

    #[test]
    fn of_two_long_lines_that_differ_the_difference_is_shown() {
        let long = "x".repeat(500);
        let (one, other) = apart(&format!("{long}cold"), &format!("{long}warm"));
        assert!(one.starts_with("… xxx") && one.ends_with("cold") && one.len() < 100, "{one}");
        assert!(other.ends_with("warm"), "{other}");
        assert_eq!(apart("a b", "a c"), ("a b".into(), "a c".into()));
    }
}
