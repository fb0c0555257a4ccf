//! What a field or a parameter can be, and whether a value is that. A model says numbers as texts, and
//! choices in other letters: what is clear is taken.

use jiff::civil::Date;
use serde_json::{Value, json};

/// The longest text that is taken, in bytes.
const LONGEST: usize = 2_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    Decimal {
        min: Option<f64>,
        max: Option<f64>,
    },
    Date,
    Boolean,
    /// at least one
    Choice(Vec<String>),
}

impl Kind {
    pub(super) const NAMES: [&'static str; 6] = ["text", "integer", "decimal", "date", "boolean", "choice"];

    /// As a JSON schema.
    pub(crate) fn schema(&self, about: &str) -> Value {
        let mut schema = match self {
            Self::Text => json!({ "type": "string" }),
            Self::Integer { min, max } => bounded("integer", json!(min), json!(max)),
            Self::Decimal { min, max } => bounded("number", json!(min), json!(max)),
            Self::Date => json!({ "type": "string", "format": "date" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Choice(choices) => json!({ "type": "string", "enum": choices }),
        };
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".into(), about.into());
        }
        schema
    }

    /// In words, for the model.
    pub(crate) fn named(&self) -> String {
        let range = |min: Option<String>, max: Option<String>| match (min, max) {
            (Some(min), Some(max)) => format!(" from {min} to {max}"),
            (Some(min), None) => format!(", {min} or more"),
            (None, Some(max)) => format!(", {max} or less"),
            (None, None) => String::new(),
        };
        match self {
            Self::Text => "a text".into(),
            Self::Integer { min, max } => {
                format!("a whole number{}", range(min.map(|n| n.to_string()), max.map(|n| n.to_string())))
            }
            Self::Decimal { min, max } => {
                format!("a number{}", range(min.map(|n| n.to_string()), max.map(|n| n.to_string())))
            }
            Self::Date => "a date as YYYY-MM-DD".into(),
            Self::Boolean => "true or false".into(),
            Self::Choice(choices) => format!("one of: {}", choices.join(", ")),
        }
    }

    /// The value as it is kept; if it is none, what is wrong, for the model.
    pub(crate) fn check(&self, value: &Value) -> Result<Value, String> {
        let text = value.as_str().map(str::trim);
        let checked = match self {
            Self::Text => match (text, value) {
                (Some(text), _) if text.len() > LONGEST => {
                    return Err(format!("it is longer than {LONGEST} bytes"));
                }
                (Some(text), _) => Some(json!(text)).filter(|_| !text.is_empty()),
                (None, Value::Number(number)) => Some(json!(number.to_string())),
                _ => None,
            },
            Self::Integer { min, max } => {
                let whole = |n: &f64| n.fract() == 0.0 && n.abs() < 9e15;
                let number = text.map_or_else(
                    || value.as_i64().or_else(|| value.as_f64().filter(whole).map(|n| n as i64)),
                    |text| text.parse().ok(),
                );
                let fits = |n: &i64| min.is_none_or(|min| *n >= min) && max.is_none_or(|max| *n <= max);
                number.filter(fits).map(|n| json!(n))
            }
            Self::Decimal { min, max } => {
                let number = text.map_or_else(|| value.as_f64(), |text| text.parse().ok());
                let fits = |n: &f64| {
                    n.is_finite() && min.is_none_or(|min| *n >= min) && max.is_none_or(|max| *n <= max)
                };
                number.filter(fits).map(|n| json!(n))
            }
            Self::Date => {
                let date = text.and_then(|text| text.parse::<Date>().ok());
                date.map(|date| json!(date.to_string()))
            }
            Self::Boolean => match (value, text.map(str::to_lowercase).as_deref()) {
                (Value::Bool(_), _) => Some(value.clone()),
                (_, Some("true" | "yes")) => Some(json!(true)),
                (_, Some("false" | "no")) => Some(json!(false)),
                _ => None,
            },
            Self::Choice(choices) => {
                let same = |choice: &&String| text.is_some_and(|t| t.to_lowercase() == choice.to_lowercase());
                choices.iter().find(same).map(|choice| json!(choice))
            }
        };
        checked.ok_or_else(|| format!("{value} is not {}", self.named()))
    }
}

fn bounded(kind: &str, min: Value, max: Value) -> Value {
    let mut schema = json!({ "type": kind });
    for (name, bound) in [("minimum", min), ("maximum", max)] {
        if let Some(schema) = schema.as_object_mut().filter(|_| !bound.is_null()) {
            schema.insert(name.into(), bound);
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_it_says_or_is_refused_with_what_is_wanted() {
        let pizzas = Kind::Integer { min: Some(1), max: Some(20) };
        for (value, kept) in [(json!(3), 3), (json!("3"), 3), (json!(" 20 "), 20), (json!(3.0), 3)] {
            assert_eq!(pizzas.check(&value), Ok(json!(kept)));
        }
        for value in [json!(0), json!(21), json!(2.5), json!("two"), json!(null), json!([3])] {
            let wrong = pizzas.check(&value).unwrap_err();
            assert_eq!(wrong, format!("{value} is not a whole number from 1 to 20"));
        }
        let price = Kind::Decimal { min: None, max: None };
        assert_eq!(price.check(&json!("12.5")), Ok(json!(12.5)));
        assert!(price.check(&json!("inf")).is_err() && price.check(&json!("NaN")).is_err());
        assert_eq!(Kind::Date.check(&json!("2026-03-12")), Ok(json!("2026-03-12")));
        assert!(Kind::Date.check(&json!("2026-02-30")).unwrap_err().contains("YYYY-MM-DD"));
        assert_eq!(Kind::Boolean.check(&json!("Yes")), Ok(json!(true)));
        assert!(Kind::Boolean.check(&json!(1)).is_err());
        let size = Kind::Choice(vec!["Small".into(), "Large".into()]);
        assert_eq!(size.check(&json!("large")), Ok(json!("Large")));
        assert!(size.check(&json!("huge")).unwrap_err().ends_with("is not one of: Small, Large"));
        assert_eq!(Kind::Text.check(&json!(12)), Ok(json!("12")));
        assert!(Kind::Text.check(&json!("  ")).is_err());
        assert!(Kind::Text.check(&json!("x".repeat(2_001))).unwrap_err().contains("longer"));
    }
}
