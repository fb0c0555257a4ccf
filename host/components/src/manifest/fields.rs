//! What a persona keeps of a conversation, declared in its manifest: names, types, and what they are.
//!
//! A declaration lets a store give a field a column of its own, and lets a mistake be named where it is
//! made. What is kept all the same is nobody's to throw away: the host says what is wrong with it
//! ([`Manifest::field_problem`]), no more.

use super::{Kind, Manifest, ManifestError, nearest};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// One fact that a persona keeps.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Field {
    #[serde(rename = "type")]
    pub kind: FieldKind,
    #[serde(default)]
    pub about: String,
    /// of a choice, and of nothing else
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What is kept under the name, as JSON. Null is always possible: it is not known.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    Text,
    Integer,
    /// a text, so that it is exact: `"1250.50"`
    Decimal,
    /// a text: `"2026-11-21"`
    Date,
    Boolean,
    /// one of the texts that are declared
    Choice,
    /// anything
    Json,
}

impl fmt::Display for FieldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Integer => "a whole number",
            Self::Decimal => "a decimal as a text, like \"1250.50\"",
            Self::Date => "a day as a text, like \"2026-11-21\"",
            Self::Boolean => "true or false",
            Self::Choice => "one of its choices",
            Self::Json => "JSON",
        })
    }
}

/// Says of which field it speaks, which an error of TOML does not.
pub(super) fn named<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Field>, D::Error> {
    let fields = BTreeMap::<String, toml::Value>::deserialize(from)?;
    let read = |(name, value): (String, toml::Value)| match value.try_into::<Field>() {
        Ok(field) => Ok((name, field)),
        Err(e) => Err(D::Error::custom(format!("the field {name:?}: {}", e.message()))),
    };
    fields.into_iter().map(read).collect()
}

impl Manifest {
    pub(super) fn check_fields(&self) -> Result<(), ManifestError> {
        let keeps =
            self.fields.keys().next().cloned().or_else(|| self.any_fields.then(|| "any_fields".into()));
        if let Some(name) = keeps
            && self.kind != Kind::Persona
        {
            return Err(ManifestError::KeepsNothing { name, kind: self.kind });
        }
        for (name, field) in &self.fields {
            let problem = match field.choices.as_slice() {
                _ if !is_name(name) => {
                    "a name is a small letter, and then up to 62 small letters, digits and _"
                }
                [] if field.kind == FieldKind::Choice => "a choice needs `choices`",
                [_, ..] if field.kind != FieldKind::Choice => "only a choice has `choices`",
                choices if choices.iter().any(|choice| choice.trim().is_empty()) => {
                    "one of its choices is empty"
                }
                _ => continue,
            };
            return Err(ManifestError::Field { name: name.clone(), problem });
        }
        Ok(())
    }

    /// What is wrong with keeping this value, JSON as text, under this name; none: nothing.
    pub fn field_problem(&self, name: &str, value: &str) -> Option<String> {
        if !is_name(name) {
            return Some(format!("{name:?} is no name of a field: small letters, digits and _ make one"));
        }
        let Ok(value) = serde_json::from_str::<Value>(value) else {
            return Some(format!("what is kept as {name:?} is not JSON"));
        };
        match self.fields.get(name) {
            Some(field) => field.problem(&value).map(|problem| format!("the field {name:?}: {problem}")),
            None if self.any_fields => None,
            None => {
                let meant = nearest(name, self.fields.keys().map(String::as_str));
                let meant = meant.map_or(String::new(), |meant| format!("; did it mean {meant:?}?"));
                Some(format!("{} declares no field {name:?} in its manifest{meant}", self.id))
            }
        }
    }
}

impl Field {
    /// What is wrong with this value.
    fn problem(&self, value: &Value) -> Option<String> {
        let fits = match (self.kind, value) {
            (_, Value::Null) | (FieldKind::Json, _) => true,
            (FieldKind::Text, Value::String(_)) | (FieldKind::Boolean, Value::Bool(_)) => true,
            (FieldKind::Integer, Value::Number(number)) => number.is_i64() || number.is_u64(),
            (FieldKind::Decimal, Value::String(text)) => is_decimal(text),
            (FieldKind::Date, Value::String(text)) => is_date(text),
            (FieldKind::Choice, Value::String(text)) => self.choices.contains(text),
            _ => false,
        };
        // what a caller said is shown no further than where it is needed
        let shape = match value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let choices =
            if self.choices.is_empty() { String::new() } else { format!(": {}", self.choices.join(", ")) };
        (!fits).then(|| format!("it should be {}{choices}, and is another {shape}", self.kind))
    }
}

fn is_name(name: &str) -> bool {
    let proper = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(proper) && name.len() <= 63
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn is_date(text: &str) -> bool {
    let part = |from: usize, to: usize| {
        text.get(from..to).filter(|part| part.bytes().all(|b| b.is_ascii_digit()))?.parse::<u32>().ok()
    };
    let dashes = text.get(4..5) == Some("-") && text.get(7..8) == Some("-") && text.len() == 10;
    let (true, Some(year), Some(month), Some(day)) = (dashes, part(0, 4), part(5, 7), part(8, 10)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPS: &str = r#"
        id = "clerk"
        version = "1.0.0"
        kind = "persona"
        contract = "0.1"
        [fields.name]
        type = "text"
        about = "Who calls"
        [fields.seats]
        type = "integer"
        [fields.price]
        type = "decimal"
        [fields.day]
        type = "date"
        [fields.smokes]
        type = "boolean"
        [fields.state]
        type = "choice"
        choices = ["initial", "done"]
        [fields.said]
        type = "json"
    "#;

    fn refused(change: impl Fn(String) -> String) -> String {
        Manifest::parse(&change(KEEPS.to_owned())).unwrap_err().to_string()
    }

    #[test]
    fn what_is_kept_has_the_type_that_was_declared() {
        let manifest = Manifest::parse(KEEPS).unwrap();
        let right = [
            ("name", r#""Ann""#),
            ("name", "null"),
            ("seats", "4"),
            ("seats", "-4"),
            ("price", r#""1250.50""#),
            ("price", r#""-3""#),
            ("day", r#""2024-02-29""#),
            ("smokes", "false"),
            ("state", r#""done""#),
            ("state", "null"),
            ("said", r#"["a", {"b": 1}]"#),
        ];
        for (name, value) in right {
            assert_eq!(manifest.field_problem(name, value), None, "{name} = {value}");
        }
        let wrong = [
            ("name", "4"),
            ("seats", "4.5"),
            ("seats", r#""4""#),
            ("price", "1250.5"),
            ("price", r#""1,250.50""#),
            ("price", r#""1250.""#),
            ("price", r#""""#),
            ("day", r#""2026-02-29""#),
            ("day", r#""1900-02-29""#),
            ("day", r#""2026-13-01""#),
            ("day", r#""2026-04-00""#),
            ("day", r#""26-04-01""#),
            ("day", r#""2026-4-010""#),
            ("day", r#""2026é04-1""#),
            ("smokes", r#""no""#),
            ("state", r#""ongoing""#),
        ];
        for (name, value) in wrong {
            let problem = manifest.field_problem(name, value).expect(value);
            assert!(problem.contains(&format!("{name:?}")), "{problem}");
        }
        let problem = manifest.field_problem("state", r#""ongoing""#).unwrap();
        assert!(problem.contains("initial, done"), "{problem}");
    }

    #[test]
    fn what_was_not_declared_is_named_unless_anything_goes() {
        let manifest = Manifest::parse(KEEPS).unwrap();
        let problem = manifest.field_problem("stat", "1").unwrap();
        assert!(problem.contains("\"stat\"") && problem.contains("\"state\""), "{problem}");
        assert!(manifest.field_problem("name", "Ann").unwrap().contains("not JSON"));
        let any = KEEPS.replace("[fields.name]", "any_fields = true\n[fields.name]");
        let any = Manifest::parse(&any).unwrap();
        assert_eq!(any.field_problem("stat", "1"), None);
        assert!(any.field_problem("name", "1").is_some(), "what is declared is still of its type");
        assert!(any.field_problem("No name", "1").is_some());
    }

    #[test]
    fn a_declaration_that_makes_no_sense_is_named() {
        let typo = refused(|m| m.replace("\"decimal\"", "\"decimel\""));
        assert!(typo.contains("\"price\"") && typo.contains("did you mean `decimal`?"), "{typo}");
        let key = refused(|m| m.replace("about", "abuot"));
        assert!(key.contains("\"name\"") && key.contains("did you mean `about`?"), "{key}");
        for name in ["Name", "\"\"", "1st", "a-b", &"n".repeat(64), "\"na me\""] {
            let said = refused(|m| m.replace("[fields.name]", &format!("[fields.{name}]")));
            assert!(said.contains(name.trim_matches('"')) && said.contains("small letter"), "{said}");
        }
        let none = refused(|m| m.replace("choices = [\"initial\", \"done\"]", ""));
        assert!(none.contains("\"state\"") && none.contains("needs `choices`"), "{none}");
        let many = refused(|m| m.replace("type = \"date\"", "type = \"date\"\nchoices = [\"today\"]"));
        assert!(many.contains("\"day\"") && many.contains("only a choice"), "{many}");
        assert!(refused(|m| m.replace("\"initial\"", "\" \"")).contains("empty"));
        let provider = refused(|m| m.replace("\"persona\"", "\"llm\""));
        assert!(provider.contains("\"day\"") && provider.contains("llm"), "{provider}");
        let any = "id = \"x\"\nversion = \"1\"\nkind = \"tts\"\ncontract = \"0.1\"\nany_fields = true";
        assert!(Manifest::parse(any).unwrap_err().to_string().contains("any_fields"));
    }

    #[test]
    fn the_personas_that_ship_declare_what_they_keep() {
        let claims = Manifest::parse(include_str!("../../../../personas/claim-intake/persona.toml")).unwrap();
        let kept = [
            ("claim_id", r#""4821134507""#),
            ("claim_date", r#""2026-03-05""#),
            ("claim_status", r#""Pending""#),
            ("claim_amount", r#""450.00""#),
            ("state", r#""ongoing""#),
        ];
        for (name, value) in kept {
            assert_eq!(claims.field_problem(name, value), None, "{name} = {value}");
        }
        let guests =
            Manifest::parse(include_str!("../../../../personas/guest-relations/persona.toml")).unwrap();
        let kept = [("feedback", r#"["My soup was cold."]"#), ("ended_by", r#""transfer""#)];
        for (name, value) in kept {
            assert_eq!(guests.field_problem(name, value), None, "{name} = {value}");
        }
    }
}
