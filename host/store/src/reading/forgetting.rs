//! What is not to be kept any longer. All of it waits until what was recorded before is written, so that
//! nothing comes back, and is an error while the database is away.

use super::{Filter, at, created, in_time, is};
use crate::backend::{Backend, Condition, Error, Select, Test};
use crate::store::Store;
use crate::tables::Table;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// No call is longer.
const LONGEST_CALL: SignedDuration = SignedDuration::from_hours(25);

/// Their ids stand in an address where the database is reached by HTTP.
const BY_ID: u32 = 100;

/// What went. The files of the recordings are still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    pub conversations: u64,
    pub recordings: Vec<String>,
}

impl Store {
    /// A conversation and all that belongs to it.
    pub async fn delete(&self, id: &str) -> Result<Deleted, Error> {
        if uuid::Uuid::parse_str(id).is_err() {
            return Ok(Deleted::default());
        }
        self.settle().await?;
        self.delete_where(&[is("id", id)]).await
    }

    /// All conversations with this number at the other end.
    pub async fn delete_by_caller(&self, number: &str) -> Result<Deleted, Error> {
        self.settle().await?;
        let mut deleted = self.delete_where(&[is("caller", number)]).await?;
        let called = self.delete_where(&[is("called", number), is("direction", "outbound")]).await?;
        deleted.conversations += called.conversations;
        deleted.recordings.extend(called.recordings);
        Ok(deleted)
    }

    /// Deletes what was said in conversations that began before; how many lines.
    pub async fn forget_words(&self, before: Timestamp) -> Result<u64, Error> {
        self.forget_lines(Table::Turns, before).await
    }

    /// Deletes what happened in conversations that began before; how many events.
    pub async fn forget_events(&self, before: Timestamp) -> Result<u64, Error> {
        self.forget_lines(Table::CallEvents, before).await
    }

    /// Names the recordings that this node made of conversations that began before, which are no longer
    /// named there.
    pub async fn forget_recordings(&self, before: Timestamp, node: &str) -> Result<Vec<String>, Error> {
        self.settle().await?;
        let old = [
            created(Test::Below(at(before))),
            is("node", node),
            Condition { column: "recording", test: Test::IsNotNull },
        ];
        let nothing = Map::from_iter([("recording".to_owned(), Value::Null)]);
        let mut recordings = Vec::new();
        loop {
            let some = self.some_of(&old).await?;
            if some.is_empty() {
                return Ok(recordings);
            }
            let these = [these(&some, "id")];
            in_time(self.backend().update(Table::Conversations, &these, &nothing)).await?;
            recordings.extend(named(&some));
        }
    }

    /// Deletes conversations that began before, with all that belongs to them.
    pub async fn forget_conversations(&self, before: Timestamp) -> Result<Deleted, Error> {
        self.settle().await?;
        self.delete_where(&[created(Test::Below(at(before)))]).await
    }

    /// A node that begins, or that is known to be gone: conversations of it that began before `at` and have
    /// no end ended then, and were lost. How many.
    pub async fn end_of_node(&self, node: &str, at: Timestamp) -> Result<u64, Error> {
        self.settle().await?;
        let at = super::at(at);
        let open = [
            is("node", node),
            Condition { column: "departure", test: Test::IsNull },
            created(Test::Below(at.clone())),
        ];
        let lost =
            Map::from_iter([("departure".to_owned(), Value::from("lost")), ("ended_at".to_owned(), at)]);
        in_time(self.backend().update(Table::Conversations, &open, &lost)).await
    }

    /// Calls whose node is gone: those of their conversations that have no end ended then, and were lost;
    /// but not the ones that go on at this node. How many.
    pub async fn end_of_calls(&self, calls: &[String], node: &str, at: Timestamp) -> Result<u64, Error> {
        self.settle().await?;
        let at = super::at(at);
        let lost =
            Map::from_iter([("departure".to_owned(), Value::from("lost")), ("ended_at".to_owned(), at)]);
        let mut ended = 0;
        for some in calls.chunks(BY_ID as usize) {
            let sids = some.iter().map(|sid| sid.as_str().into()).collect();
            let open = [
                Condition { column: "call_sid", test: Test::In(sids) },
                Condition { column: "departure", test: Test::IsNull },
            ];
            let mut open = self.some_of(&open).await?;
            open.retain(|row| row.get("node").and_then(Value::as_str) != Some(node));
            ended +=
                in_time(self.backend().update(Table::Conversations, &[these(&open, "id")], &lost)).await?;
        }
        Ok(ended)
    }

    /// A line is never older than its conversation. So those of before go at once, and those of after only
    /// where a conversation went on across that moment.
    async fn forget_lines(&self, table: Table, before: Timestamp) -> Result<u64, Error> {
        self.settle().await?;
        let old = [created(Test::Below(at(before)))];
        let mut gone = in_time(self.backend().delete(table, &old)).await?;
        let filter = Filter {
            from: Some(before.checked_sub(LONGEST_CALL).unwrap_or(Timestamp::MIN)),
            to: Some(before),
            ..Filter::default()
        };
        let mut next = None;
        loop {
            let page = self.conversations(&filter, BY_ID, next.as_deref()).await?;
            if !page.items.is_empty() {
                let these = [these(&page.items, "conversation_id")];
                gone += in_time(self.backend().delete(table, &these)).await?;
            }
            next = page.next;
            if next.is_none() {
                return Ok(gone);
            }
        }
    }

    async fn delete_where(&self, conditions: &[Condition]) -> Result<Deleted, Error> {
        let mut deleted = Deleted::default();
        loop {
            let some = self.some_of(conditions).await?;
            if some.is_empty() {
                return Ok(deleted);
            }
            let these = [these(&some, "id")];
            deleted.conversations += in_time(self.backend().delete(Table::Conversations, &these)).await?;
            deleted.recordings.extend(named(&some));
        }
    }

    async fn some_of(&self, conditions: &[Condition]) -> Result<Vec<Map<String, Value>>, Error> {
        self.select(Select {
            table: Table::Conversations,
            conditions: conditions.to_vec(),
            order: vec![("created_at", false)],
            limit: Some(BY_ID),
        })
        .await
    }
}

fn these(conversations: &[Map<String, Value>], column: &'static str) -> Condition {
    let ids = conversations.iter().filter_map(|row| row.get("id").cloned()).collect();
    Condition { column, test: Test::In(ids) }
}

fn named(conversations: &[Map<String, Value>]) -> impl Iterator<Item = String> {
    conversations.iter().filter_map(|row| row.get("recording")?.as_str().map(str::to_owned))
}
