//! What the rules do not understand, asked of the model.
//!
//! Its answer is data, and goes through the same checks as what the rules find. A model that fails, or
//! that is none, has understood nothing: the caller is asked again.

use crate::claim::Piece;
use crate::parse::{Amount, Answer, Calendar, Statuses, Understood, understand};
use jiff::civil::Date;
use persona::{Call, Ending, Message};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Reading {
    date: Option<String>,
    status: Option<String>,
    amount: Option<String>,
    answer: Option<String>,
}

pub(crate) async fn read(
    call: &Call,
    said: &str,
    question: &str,
    calendar: &Calendar,
    statuses: &Statuses,
) -> Understood {
    let instructions = format!(
        "You read what the caller said to an insurance-claim line. The caller was asked: \
         {question:?} Today is {}, a {:?}. Give only what the caller has said: the date of the claim \
         as YYYY-MM-DD, its status, its amount as a decimal number, and whether the caller said yes or no \
         to the question. Give null for everything that was not said or is in doubt.",
        calendar.today,
        calendar.today.weekday(),
    );
    let mut names: Vec<_> = statuses.names().iter().map(|name| json!(name)).collect();
    names.push(json!(null));
    let schema = json!({
        "type": "object",
        "properties": {
            "date": { "type": ["string", "null"], "description": "YYYY-MM-DD" },
            "status": { "type": ["string", "null"], "enum": names },
            "amount": { "type": ["string", "null"], "description": "as 1250.50" },
            "answer": { "type": ["string", "null"], "enum": ["yes", "no", null] },
        },
        "required": ["date", "status", "amount", "answer"],
        "additionalProperties": false,
    });
    let report = call
        .ask(instructions)
        .about(vec![Message::Caller(said.to_owned())])
        .schema(schema)
        .temperature(0.0)
        .max_tokens(200)
        .await;
    if report.ending != Ending::Complete {
        return Understood::default();
    }
    checked(&report.answer, calendar, statuses)
}

fn checked(answer: &str, calendar: &Calendar, statuses: &Statuses) -> Understood {
    let Ok(reading) = serde_json::from_str::<Reading>(answer) else {
        return Understood::default();
    };
    let amount = reading.amount.and_then(|amount| {
        let sure = |amount: &Amount| matches!(amount, Amount::Sure(_));
        understand(&amount, calendar, statuses, &[Piece::Amount]).amount.filter(sure)
    });
    let in_range = |date: &Date| (1900..2100).contains(&date.year());
    Understood {
        date: reading.date.and_then(|date| date.parse().ok()).filter(in_range),
        status: reading.status.and_then(|status| statuses.named(&status)),
        amount,
        answer: match reading.answer.as_deref() {
            Some("yes") => Some(Answer::Yes),
            Some("no") => Some(Answer::No),
            _ => None,
        },
        ..Understood::default()
    }
}
