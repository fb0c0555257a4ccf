//! What a persona may know of earlier calls: what it kept in them.

use super::record::kept;
use crate::calls::recall::{Asked, Memory};
use call::persona::Field;
use futures_util::future::BoxFuture;
use serde_json::Value;
use store::{Filter, Store};

/// This call itself may be among them, and one that was placed and taken twice.
const LOOKED_AT: u32 = 3;

/// What is in the store.
pub struct Kept(pub Store);

impl Memory for Kept {
    fn recall(&self, asked: Asked) -> BoxFuture<'static, Option<Vec<Field>>> {
        let store = self.0.clone();
        Box::pin(async move {
            let filter = filter(&asked)?;
            match store.conversations_by_now(&filter, LOOKED_AT, None).await {
                Ok(page) => {
                    let others = |row: &serde_json::Map<String, Value>| {
                        row.get("call_sid").and_then(Value::as_str) != Some(asked.call.as_str())
                    };
                    page.items.into_iter().find(others).map(|row| fields(kept(row)))
                }
                Err(error) => {
                    tracing::warn!(call_sid = asked.call, "earlier calls cannot be looked up: {error}");
                    None
                }
            }
        })
    }
}

/// None: conversations are not found by this.
fn filter(asked: &Asked) -> Option<Filter> {
    let value = match serde_json::from_str(&asked.value).ok()? {
        Value::String(text) if !text.is_empty() => text,
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let mut filter = Filter { persona: Some(asked.persona.clone()), ..Filter::default() };
    let condition = match asked.field.as_str() {
        "caller" => &mut filter.caller,
        "claim_id" => &mut filter.claim_id,
        "state" => &mut filter.state,
        other => {
            tracing::warn!(field = other, "conversations are found by caller, claim_id and state only");
            return None;
        }
    };
    *condition = Some(value);
    Some(filter)
}

fn fields(kept: serde_json::Map<String, Value>) -> Vec<Field> {
    kept.into_iter().map(|(name, value)| Field { name, value: value.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(field: &str, value: &str) -> Asked {
        Asked { persona: "clerk".into(), call: "CA1".into(), field: field.into(), value: value.into() }
    }

    #[test]
    fn a_persona_finds_only_its_own_and_only_by_what_they_are_found_by() {
        let found = filter(&asked("claim_id", "\"4820195531\"")).unwrap();
        assert_eq!(
            (found.persona.as_deref(), found.claim_id.as_deref()),
            (Some("clerk"), Some("4820195531"))
        );
        assert_eq!(filter(&asked("caller", "\"+15555550101\"")).unwrap().caller.unwrap(), "+15555550101");
        for (field, value) in
            [("claim_id", "null"), ("claim_id", "\"\""), ("caller", "nonsense"), ("note", "\"x\"")]
        {
            assert!(filter(&asked(field, value)).is_none(), "{field} {value}");
        }
    }
}
