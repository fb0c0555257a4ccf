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

/// Another node that made a recording has so long to delete it.
const GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Their ids stand in an address where the database is reached by HTTP.
const BY_ID: u32 = 100;

/// What went. The files of the recordings and of the journals are still there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    pub conversations: u64,
    pub recordings: Vec<String>,
    /// as whoever held the call named it
    pub calls: Vec<String>,
}

impl Deleted {
    fn add(&mut self, other: Self) {
        self.conversations += other.conversations;
        self.recordings.extend(other.recordings);
        self.calls.extend(other.calls);
    }
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

    /// All conversations with this number at the other end, whoever called whom.
    pub async fn delete_by_caller(&self, number: &str) -> Result<Deleted, Error> {
        self.settle().await?;
        self.delete_where(&[is("caller", number)]).await
    }

    /// Deletes what was said in conversations that began before; how many lines.
    pub async fn forget_words(&self, before: Timestamp) -> Result<u64, Error> {
        self.forget_lines(Table::Turns, before).await
    }

    /// Deletes what happened in conversations that began before; how many events.
    pub async fn forget_events(&self, before: Timestamp) -> Result<u64, Error> {
        self.forget_lines(Table::CallEvents, before).await
    }

    /// Has the recordings deleted that this node made of conversations that began before and are over, and
    /// forgets the names of those that `delete` says are gone. How many.
    pub async fn forget_recordings(
        &self,
        before: Timestamp,
        node: &str,
        delete: impl Fn(&str) -> bool,
    ) -> Result<u64, Error> {
        self.settle().await?;
        let nothing = Map::from_iter([("recording".to_owned(), Value::Null)]);
        let mut gone = 0;
        for over in over(before) {
            let mut old = over;
            old.push(is("node", node));
            old.push(Condition { column: "recording", test: Test::IsNotNull });
            loop {
                let mut some = self.some_of(&old).await?;
                let found = some.len();
                some.retain(|row| named(row).is_some_and(&delete));
                if some.is_empty() {
                    break;
                }
                let these = [these(&some, "id")];
                gone += in_time(self.backend().update(Table::Conversations, &these, &nothing)).await?;
                // the others stay, and would be found again
                if some.len() < found {
                    break;
                }
            }
        }
        Ok(gone)
    }

    /// Deletes conversations that began before and are over, with all that belongs to them; but those that
    /// still have a recording, which somebody else may have to delete, only after a while.
    pub async fn forget_conversations(&self, before: Timestamp) -> Result<Deleted, Error> {
        self.settle().await?;
        let mut deleted = Deleted::default();
        for mut over in over(before) {
            over.push(Condition { column: "recording", test: Test::IsNull });
            deleted.add(self.delete_where(&over).await?);
        }
        // whoever made those is gone
        let long_ago = before.checked_sub(GRACE).unwrap_or(Timestamp::MIN);
        deleted.add(self.delete_where(&[created(Test::Below(at(long_ago)))]).await?);
        Ok(deleted)
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
        let lost = Map::from_iter([
            ("departure".to_owned(), Value::from("lost")),
            ("ended_at".to_owned(), at.clone()),
        ]);
        let mut ended = 0;
        for some in calls.chunks(BY_ID as usize) {
            let sids = some.iter().map(|sid| sid.as_str().into()).collect();
            let open = [
                Condition { column: "call_sid", test: Test::In(sids) },
                Condition { column: "departure", test: Test::IsNull },
                created(Test::Below(at.clone())),
            ];
            let mut open = self.some_of(&open).await?;
            open.retain(|row| row.get("node").and_then(Value::as_str) != Some(node));
            ended +=
                in_time(self.backend().update(Table::Conversations, &[these(&open, "id")], &lost)).await?;
        }
        Ok(ended)
    }

    /// A line is never older than its conversation, and no call is longer than the longest. So the oldest
    /// go at once, and later ones with their conversation, if that is over.
    async fn forget_lines(&self, table: Table, before: Timestamp) -> Result<u64, Error> {
        self.settle().await?;
        let sure = surely_over(before);
        let mut gone = in_time(self.backend().delete(table, &[created(Test::Below(at(sure)))])).await?;
        let filter = Filter {
            from: Some(sure.checked_sub(LONGEST_CALL).unwrap_or(Timestamp::MIN)),
            to: Some(before),
            ..Filter::default()
        };
        let mut next = None;
        loop {
            let mut page = self.conversations(&filter, BY_ID, next.as_deref()).await?;
            let goes_on = |row: &Map<String, Value>| row.get("departure").is_none_or(Value::is_null);
            page.items.retain(|row| !goes_on(row) || began_before(row, sure));
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
            deleted.recordings.extend(some.iter().filter_map(named).map(str::to_owned));
            let calls = some.iter().filter_map(|row| row.get("call_sid")?.as_str());
            deleted.calls.extend(calls.map(str::to_owned));
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

fn named(conversation: &Map<String, Value>) -> Option<&str> {
    conversation.get("recording")?.as_str()
}

fn began_before(conversation: &Map<String, Value>, moment: Timestamp) -> bool {
    let began = conversation.get("created_at").and_then(Value::as_str).and_then(|at| at.parse().ok());
    began.is_some_and(|began: Timestamp| began < moment)
}

/// What began before this is over, also where nobody was left to say so.
fn surely_over(before: Timestamp) -> Timestamp {
    before.min(Timestamp::now().checked_sub(LONGEST_CALL).unwrap_or(Timestamp::MIN))
}

/// Conversations that began before and are over, in two ways of saying so.
fn over(before: Timestamp) -> [Vec<Condition>; 2] {
    let ended = Condition { column: "departure", test: Test::IsNotNull };
    [vec![created(Test::Below(at(surely_over(before))))], vec![created(Test::Below(at(before))), ended]]
}
