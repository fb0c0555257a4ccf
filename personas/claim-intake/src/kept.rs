//! A claim out of what was kept of it in an earlier call.
//!
//! Nothing of it is believed as it is: it may have been kept by an older version, or changed by hand.
//! What makes no sense is not known, and asked for again.

use crate::claim::{Claim, PIECES, Piece, Slot, Stage, decimal};
use jiff::civil::Date;
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest claim number that another system may give, and the longest status.
const LONGEST: usize = 40;

pub(crate) type Fields = BTreeMap<String, Value>;

/// The claim that has this number.
pub(crate) fn claim(number: &str, fields: &Fields) -> Claim {
    let mut claim = Claim { number: number.to_owned(), stage: stage(fields), ..Claim::default() };
    for piece in PIECES {
        let value = fields.get(piece.field()).and_then(|value| read(piece, value));
        *claim.slot_mut(piece) = Slot { settled: value.is_some(), value, ..Slot::default() };
    }
    claim
}

/// The claim that somebody began and did not finish; none: there is nothing to go on with.
pub(crate) fn unfinished(fields: &Fields) -> Option<Claim> {
    let number = fields.get("claim_id")?.as_str().map(str::trim).filter(|number| can_be_told(number))?;
    let claim = claim(number, fields);
    // of a number alone nobody has taken note
    let begun = claim.stage == Stage::Ongoing || !claim.is_empty();
    (begun && claim.stage != Stage::Done).then_some(claim)
}

/// Whether it is a number that can be spoken, and noted.
pub(crate) fn can_be_told(number: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.' | '_' | ' ');
    number.len() <= LONGEST && number.chars().all(plain) && number.chars().any(char::is_alphanumeric)
}

fn stage(fields: &Fields) -> Stage {
    let state = fields.get("state").cloned().unwrap_or_default();
    serde_json::from_value(state).unwrap_or_default()
}

fn read(piece: Piece, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if piece == Piece::Amount => number.to_string(),
        _ => return None,
    };
    match piece {
        Piece::Date => text.parse::<Date>().ok().map(|date| date.to_string()),
        Piece::Status => Some(text).filter(|text| !text.is_empty() && text.len() <= LONGEST),
        Piece::Amount => amount(&text).map(decimal),
    }
}

/// In hundredths: "450", "450.5" and "450.5000" too, as databases write it.
fn amount(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let hundredths: u64 = format!("{fraction:0<2}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_was_kept_is_known_and_need_not_be_confirmed_again() {
        let kept = json!({
            "claim_id": "4821134507", "claim_date": "2026-03-05", "claim_status": null, "claim_amount": "450.50",
            "state": "ongoing", "caller": "+15550100",
        });
        let claim = unfinished(&fields(kept)).unwrap();
        assert_eq!((claim.number.as_str(), claim.stage), ("4821134507", Stage::Ongoing));
        assert_eq!(claim.date.value.as_deref(), Some("2026-03-05"));
        assert_eq!(claim.amount.value.as_deref(), Some("450.50"));
        assert_eq!(claim.missing(), Some(Piece::Status));
        assert!(claim.unsettled().is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_not_known() {
        let kept = json!({
            "claim_date": "soon", "claim_status": 7, "claim_amount": "450.505", "state": "lost",
        });
        let claim = claim("7", &fields(kept));
        assert!(claim.is_empty() && claim.stage == Stage::Initial, "{claim:?}");
    }

    #[test]
    fn an_amount_is_read_however_a_database_writes_it() {
        for (kept, meant) in [
            (json!("450"), Some("450.00")),
            (json!("450.5"), Some("450.50")),
            (json!("450.5000"), Some("450.50")),
            (json!(450.5), Some("450.50")),
            (json!(450), Some("450.00")),
            (json!("-1"), None),
            (json!(""), None),
            (json!("."), None),
            (json!("99999999999999999999"), None),
        ] {
            assert_eq!(read(Piece::Amount, &kept).as_deref(), meant, "{kept}");
        }
    }

    #[test]
    fn a_claim_that_is_done_or_was_not_begun_or_has_no_number_is_not_unfinished() {
        for kept in [
            json!({ "claim_id": "7", "state": "done", "claim_amount": "1.00" }),
            json!({ "claim_id": "7", "state": "initial" }),
            json!({ "claim_id": "<script>", "state": "ongoing" }),
            json!({ "state": "ongoing" }),
            json!({}),
        ] {
            assert_eq!(unfinished(&fields(kept.clone())), None, "{kept}");
        }
    }
}
