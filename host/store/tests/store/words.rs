//! Rows as calls make them, and waiting for what comes to pass.

use serde_json::{Map, Value, json};
use std::time::Duration;
use store::{Row, Store, Table};
use tokio::time::Instant;

pub const BEGAN: &str = "2026-11-21T09:30:00.000000Z";

pub fn row(table: Table, values: Value) -> Row {
    Row { table, values: values.as_object().unwrap().clone() }
}

pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A conversation that begins at this time, with this besides.
pub fn conversation(id: &str, at: &str, more: Value) -> Row {
    let mut values = json!({ "id": id, "created_at": at }).as_object().unwrap().clone();
    values.extend(more.as_object().unwrap().clone());
    Row { table: Table::Conversations, values }
}

pub fn turn(conversation: &str, position: i64, text: &str) -> Row {
    row(
        Table::Turns,
        json!({
            "conversation_id": conversation, "position": position, "turn": position, "revision": 0,
            "speaker": "caller", "text": text, "created_at": BEGAN,
        }),
    )
}

pub fn texts<'a>(rows: &'a [Map<String, Value>], column: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[column].as_str().unwrap()).collect()
}

pub fn numbers(rows: &[Map<String, Value>], column: &str) -> Vec<i64> {
    rows.iter().map(|row| row[column].as_i64().unwrap()).collect()
}

pub async fn turns_of(store: &Store, conversation: &str) -> Vec<i64> {
    numbers(&store.conversation(conversation).await.unwrap().unwrap().turns, "position")
}

pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "in vain: {what}");
        tokio::task::yield_now().await;
    }
}

/// Every row is in the database.
pub async fn until_written(store: &Store) {
    until("all is written", || {
        let health = store.health();
        health.spooled == 0 && health.queued == 0 && health.away.is_none()
    })
    .await;
    store.settle().await.unwrap();
}
