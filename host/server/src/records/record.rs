//! The record of one call: rows for the store, made of what happens in the call.

use crate::calls::ending_name;
use crate::calls::stages::{self, Spread, milliseconds};
use crate::registry::direction_name;
use call::persona::Field;
use call::{Observation, Summary};
use components::Scene;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use store::{Kind, Row, Store, Table};
use uuid::Uuid;

pub struct Record {
    /// none: nothing is kept
    store: Option<Store>,
    id: Uuid,
    created: Timestamp,
    /// of the next line of the conversation
    position: u32,
    /// of the next event
    event: u32,
    /// where the caller's turns stand
    turns: BTreeMap<u32, u32>,
    /// what the persona keeps that has no column
    fields: Map<String, Value>,
}

/// How a call ended, and what it took.
pub struct End {
    pub departure: &'static str,
    pub summary: Summary,
    pub usage: Value,
    /// exact, in the currency of the prices
    pub cost: Option<String>,
    pub stages: stages::Summary,
    /// how often the caller cut in
    pub interruptions: u32,
}

impl Record {
    pub(super) fn begin(
        store: Option<Store>,
        node: &str,
        scene: &Scene,
        persona: &str,
        recording: Option<&str>,
    ) -> Self {
        let record = Self {
            store,
            id: Uuid::now_v7(),
            created: Timestamp::now(),
            position: 0,
            event: 0,
            turns: BTreeMap::new(),
            fields: Map::new(),
        };
        record.conversation([
            ("call_sid", scene.call.as_str().into()),
            ("direction", direction_name(scene.direction).into()),
            ("caller", scene.caller.as_deref().into()),
            ("called", scene.called.as_deref().into()),
            ("persona", persona.into()),
            ("language", scene.language.as_str().into()),
            ("node", node.into()),
            ("recording", recording.into()),
        ]);
        record
    }

    /// Something happened, and everything in it may be kept.
    pub fn observed(&mut self, observation: &Observation) {
        match observation {
            Observation::Turn(turn) => {
                let position = match self.turns.get(&turn.number) {
                    Some(position) => *position,
                    None => {
                        let position = self.next_position();
                        self.turns.insert(turn.number, position);
                        position
                    }
                };
                // three places are more than any recogniser means
                let confidence = format!("{:.3}", turn.said.confidence);
                self.line(
                    position,
                    [
                        ("turn", turn.number.into()),
                        ("revision", turn.revision.into()),
                        ("speaker", "caller".into()),
                        ("text", turn.said.text.as_str().into()),
                        ("confidence", confidence.into()),
                    ],
                );
            }
            Observation::Spoke { turn, text, heard, ending, .. } => {
                if !heard.is_empty() {
                    let position = self.next_position();
                    self.line(
                        position,
                        [
                            ("turn", (*turn).into()),
                            ("speaker", "agent".into()),
                            ("text", heard.as_str().into()),
                            ("intended", text.as_str().into()),
                            ("ending", ending_name(*ending).into()),
                        ],
                    );
                }
            }
            Observation::Kept(fields) => self.keep(fields),
            Observation::Outcome(outcome) => self.conversation([("outcome", outcome.as_str().into())]),
            Observation::Tool { turn, name, call, step } => {
                let step = step.name();
                self.happened("tool", json!({ "turn": turn, "name": name, "call": call, "step": step }));
            }
            Observation::Trouble(what) => self.happened("trouble", json!({ "what": what })),
            Observation::Caller { .. }
            | Observation::Partial(_)
            | Observation::Speaks { .. }
            | Observation::Times(_)
            | Observation::FailedOver(_) => {}
        }
    }

    /// Something that is not part of what was said.
    pub fn happened(&mut self, event: &str, data: Value) {
        let position = self.event;
        self.event += 1;
        self.row(
            Table::CallEvents,
            Timestamp::now(),
            [
                ("conversation_id", self.id.to_string().into()),
                ("position", position.into()),
                ("event", event.into()),
                ("data", data),
            ],
        );
    }

    /// Who picked up, in Twilio's words.
    pub fn answered_by(&self, answerer: &str) {
        self.conversation([("answered_by", answerer.into())]);
    }

    /// The call is over. Nothing follows.
    pub fn end(self, end: End) {
        let duration = u64::try_from(end.summary.duration.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.conversation([
            ("departure", end.departure.into()),
            ("ended_at", Timestamp::now().to_string().into()),
            ("duration_ms", duration.into()),
            ("usage", end.usage),
            ("cost", end.cost.into()),
        ]);
        let mut metrics = quickness(&end.stages);
        metrics.extend(
            [
                ("conversation_id", self.id.to_string().into()),
                ("turns", end.summary.turns.into()),
                ("interruptions", end.interruptions.into()),
            ]
            .map(|(name, value): (&str, Value)| (name.to_owned(), value)),
        );
        self.write(Table::ConversationMetrics, self.created, metrics);
    }

    // -- rows

    /// What has a column of its own goes there, if it fits.
    fn keep(&mut self, fields: &[Field]) {
        let mut columns = Vec::new();
        let mut others = false;
        for field in fields {
            let value: Value =
                serde_json::from_str(&field.value).unwrap_or_else(|_| field.value.as_str().into());
            match (own_column(&field.name), value) {
                (Some(column), value) if let Some(value) = fitting(column.kind, &value) => {
                    columns.push((column.name, value));
                }
                (column, value) => {
                    if column.is_some() {
                        tracing::warn!(
                            field = field.name,
                            "the persona keeps what does not fit its column; it stands in `fields`"
                        );
                    }
                    self.fields.insert(field.name.clone(), value);
                    others = true;
                }
            }
        }
        if others {
            columns.push(("fields", Value::Object(self.fields.clone())));
        }
        self.conversation(columns);
    }

    fn conversation<'a>(&self, values: impl IntoIterator<Item = (&'a str, Value)>) {
        let id = [("id", Value::from(self.id.to_string()))];
        self.row(Table::Conversations, self.created, id.into_iter().chain(values));
    }

    fn line<'a>(&self, position: u32, values: impl IntoIterator<Item = (&'a str, Value)>) {
        let key = [("conversation_id", Value::from(self.id.to_string())), ("position", position.into())];
        self.row(Table::Turns, Timestamp::now(), key.into_iter().chain(values));
    }

    fn row<'a>(&self, table: Table, created: Timestamp, values: impl IntoIterator<Item = (&'a str, Value)>) {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.write(table, created, values);
    }

    fn write(&self, table: Table, created: Timestamp, mut values: Map<String, Value>) {
        let Some(store) = &self.store else { return };
        values.insert("created_at".into(), created.to_string().into());
        store.record(Row { table, values });
    }

    fn next_position(&mut self) -> u32 {
        let position = self.position;
        self.position += 1;
        position
    }
}

/// How quick each stage was, in whole milliseconds. A stage that more than one provider served is told
/// by the one that did most of it.
fn quickness(stages: &stages::Summary) -> Map<String, Value> {
    let mut metrics = Map::new();
    spread(&mut metrics, "latency", stages.end_to_end);
    for ((stage, provider), took) in &stages.stages {
        let most =
            stages.stages.iter().filter(|((other, _), _)| other == stage).map(|(_, took)| took.requests);
        let name = stage.name();
        if Some(took.requests) != most.max() || metrics.contains_key(&format!("{name}_provider")) {
            continue;
        }
        metrics.insert(format!("{name}_provider"), provider.as_str().into());
        spread(&mut metrics, &format!("{name}_processing"), took.processing);
        spread(&mut metrics, &format!("{name}_first"), took.first);
    }
    metrics
}

fn spread(metrics: &mut Map<String, Value>, name: &str, spread: Option<Spread>) {
    let Some(spread) = spread else { return };
    for (what, time) in [("avg", spread.avg()), ("min", spread.min), ("max", spread.max)] {
        metrics.insert(format!("{name}_{what}_ms"), milliseconds(time).into());
    }
}

/// The columns that personas fill.
const OWN: [&str; 5] = ["claim_id", "claim_date", "claim_status", "claim_amount", "state"];

fn own_column(field: &str) -> Option<store::Column> {
    let name = OWN.into_iter().find(|name| *name == field)?;
    Table::Conversations.column(name)
}

/// The value as the column holds it; none: it does not.
fn fitting(kind: Kind, value: &Value) -> Option<Value> {
    match (kind, value) {
        (_, Value::Null) => Some(Value::Null),
        (Kind::Text, Value::String(_)) => Some(value.clone()),
        (Kind::Text, Value::Number(number)) => Some(number.to_string().into()),
        (Kind::Date, Value::String(text)) => {
            let date: jiff::civil::Date = text.parse().ok()?;
            Some(date.to_string().into())
        }
        (Kind::Decimal, Value::String(text)) => decimal(text),
        (Kind::Decimal, Value::Number(number)) => decimal(&number.to_string()),
        _ => None,
    }
}

/// More no database takes as an exact number.
const MOST_DIGITS: usize = 28;

fn decimal(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    (number(whole) && number(fraction) && count <= MOST_DIGITS).then(|| text.into())
}

/// What a persona kept in a conversation, under the names that it gave.
pub(super) fn kept(mut conversation: Map<String, Value>) -> Map<String, Value> {
    let mut kept = match conversation.remove("fields") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for name in OWN {
        match conversation.remove(name) {
            None | Some(Value::Null) => {}
            Some(value) => {
                kept.insert(name.into(), value);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::stages::{Stage, StageSummary};
    use std::time::Duration;

    #[test]
    fn a_value_goes_into_its_column_only_if_it_is_of_its_kind() {
        for (kind, value, held) in [
            (Kind::Date, json!("2026-11-17"), Some(json!("2026-11-17"))),
            (Kind::Date, json!("last Tuesday"), None),
            (Kind::Decimal, json!("1250.50"), Some(json!("1250.50"))),
            (Kind::Decimal, json!(1250), Some(json!("1250"))),
            (Kind::Decimal, json!("1,250"), None),
            (Kind::Decimal, json!("12."), None),
            (Kind::Decimal, json!("1".repeat(29)), None),
            (Kind::Decimal, json!(true), None),
            (Kind::Text, json!(482), Some(json!("482"))),
            (Kind::Text, json!({}), None),
            (Kind::Date, Value::Null, Some(Value::Null)),
        ] {
            assert_eq!(fitting(kind, &value), held, "{kind:?} {value}");
        }
    }

    #[test]
    fn what_was_kept_comes_back_under_its_own_names() {
        let conversation = json!({
            "claim_id": "4820195531", "claim_date": null, "claim_amount": "1250.50", "state": "ongoing",
            "fields": { "note": "by the river" }, "caller": "+15555550101",
        });
        let Value::Object(conversation) = conversation else { unreachable!() };
        let expected = json!({
            "claim_id": "4820195531", "claim_amount": "1250.50", "state": "ongoing", "note": "by the river",
        });
        assert_eq!(Value::Object(kept(conversation)), expected);
    }

    #[test]
    fn a_stage_is_told_by_the_provider_that_did_most_of_it() {
        let took = |requests, first| {
            let mut spread = None;
            Spread::add(&mut spread, Duration::from_millis(first));
            StageSummary { requests, first: spread, processing: spread, failures: 0 }
        };
        let mut summary = stages::Summary::default();
        summary.answered_after(Duration::from_millis(700));
        summary.answered_after(Duration::from_millis(500));
        summary.stages.insert((Stage::Llm, "one".into()), took(1, 300));
        summary.stages.insert((Stage::Llm, "two".into()), took(4, 200));
        let told = quickness(&summary);
        assert_eq!(
            Value::Object(told),
            json!({
                "latency_avg_ms": 600, "latency_min_ms": 500, "latency_max_ms": 700, "llm_provider": "two",
                "llm_processing_avg_ms": 200, "llm_processing_min_ms": 200, "llm_processing_max_ms": 200,
                "llm_first_avg_ms": 200, "llm_first_min_ms": 200, "llm_first_max_ms": 200,
            })
        );
        let columns = Table::ConversationMetrics.columns();
        let names = quickness(&summary);
        assert!(names.keys().all(|name| columns.iter().any(|column| column.name == name)), "{names:?}");
    }
}
