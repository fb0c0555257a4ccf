//! What was kept, for those who look: newest first, page by page.
//!
//! Built of [`Backend`](crate::backend::Backend)'s conditions and nothing else. Reading waits until what
//! was recorded before is written, unless the database is busy or away: then it sees what is there.

mod csv;
mod forgetting;

pub use csv::csv;
pub use forgetting::Deleted;

use crate::backend::{Backend, Condition, Error, Select, Test};
use crate::store::Store;
use crate::tables::Table;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::timeout;

/// What was recorded just now is waited for no longer.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(2);
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// So many conversations of a page at most; PostgREST gives no more than 1000 rows.
const LONGEST_PAGE: u32 = 500;
/// So many conversations are found by what was said in them: their ids go into one request.
const MOST_FOUND: usize = 100;
/// So many times rows are asked for: somebody waits.
const MOST_SEARCHES: usize = 20;
/// No call is longer.
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);
/// So many rows are asked for at once where all are wanted.
const AT_ONCE: u32 = 500;

/// Which conversations. Whatever is named has to be so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// begun at this time or later
    pub from: Option<jiff::Timestamp>,
    /// begun before
    pub to: Option<jiff::Timestamp>,
    pub caller: Option<String>,
    pub called: Option<String>,
    pub call_sid: Option<String>,
    pub claim_id: Option<String>,
    /// only those about a claim
    pub claims: bool,
    pub persona: Option<String>,
    pub direction: Option<String>,
    pub state: Option<String>,
    pub outcome: Option<String>,
    pub departure: Option<String>,
    /// words that were said in one turn, of either side; of very many conversations the 100 that said them last
    pub text: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub items: Vec<Map<String, Value>>,
    /// where the next page goes on, if there is one
    pub next: Option<String>,
    /// more conversations may hold the `text` than were found by it
    pub incomplete: bool,
}

/// A conversation with all that belongs to it, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    pub conversation: Map<String, Value>,
    pub turns: Vec<Map<String, Value>>,
    pub events: Vec<Map<String, Value>>,
    pub metrics: Option<Map<String, Value>>,
}

impl Filter {
    fn conditions(&self) -> Vec<Condition> {
        let texts = [
            ("caller", &self.caller),
            ("called", &self.called),
            ("call_sid", &self.call_sid),
            ("claim_id", &self.claim_id),
            ("persona", &self.persona),
            ("direction", &self.direction),
            ("state", &self.state),
            ("outcome", &self.outcome),
            ("departure", &self.departure),
        ];
        let mut conditions: Vec<Condition> = texts
            .into_iter()
            .filter_map(|(column, value)| value.as_deref().map(|value| is(column, value)))
            .collect();
        conditions.extend(self.claims.then_some(Condition { column: "claim_id", test: Test::IsNotNull }));
        conditions.extend(self.from.map(|from| created(Test::AtLeast(at(from)))));
        conditions.extend(self.to.map(|to| created(Test::Below(at(to)))));
        conditions
    }
}

/// As the store writes a time.
fn at(time: jiff::Timestamp) -> Value {
    format!("{time:.6}").into()
}

fn is(column: &'static str, value: &str) -> Condition {
    Condition { column, test: Test::Is(value.into()) }
}

fn created(test: Test) -> Condition {
    Condition { column: "created_at", test }
}

/// The last conversation of a page, as it stands in the address of the next.
struct Cursor {
    created_at: String,
    id: String,
}

impl Cursor {
    fn after(conversation: &Map<String, Value>) -> Option<String> {
        let text = |name| conversation.get(name).and_then(Value::as_str);
        Some(format!("{}_{}", text("created_at")?, text("id")?))
    }

    fn parse(cursor: &str) -> Result<Self, Error> {
        let wrong = || Error::Refused("that is no place in this list; begin with the first page".to_owned());
        let (created_at, id) = cursor.split_once('_').ok_or_else(wrong)?;
        created_at.parse::<jiff::Timestamp>().map_err(|_| wrong())?;
        uuid::Uuid::parse_str(id).map_err(|_| wrong())?;
        Ok(Self { created_at: created_at.to_owned(), id: id.to_owned() })
    }
}

impl Store {
    /// Newest first, `limit` of them (500 at most), after the place that the page before gave.
    ///
    /// Conversations that began in the same microsecond are in the order of their ids. So a page that goes
    /// on asks twice: for the rest of those of that microsecond, and for those before it.
    pub async fn conversations(
        &self,
        filter: &Filter,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, Error> {
        self.caught_up().await;
        self.conversations_by_now(filter, limit, after).await
    }

    /// The same of what is in the database by now, for somebody who cannot wait for what is not.
    pub async fn conversations_by_now(
        &self,
        filter: &Filter,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page, Error> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let mut conditions = filter.conditions();
        let mut incomplete = false;
        if let Some(text) = &filter.text {
            let found;
            (found, incomplete) = self.who_said(text, filter).await?;
            conditions.push(Condition { column: "id", test: Test::In(found) });
        }
        let mut items = Vec::new();
        if let Some(after) = after {
            let Cursor { created_at, id } = Cursor::parse(after)?;
            let mut same = conditions.clone();
            same.push(is("created_at", &created_at));
            same.push(Condition { column: "id", test: Test::Below(id.into()) });
            items = self.newest(same, limit + 1).await?;
            conditions.push(created(Test::Below(created_at.into())));
        }
        let left = (limit + 1).saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
        if left > 0 {
            items.extend(self.newest(conditions, left).await?);
        }
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| more).and_then(Cursor::after);
        Ok(Page { items, next, incomplete })
    }

    /// By our id, Twilio's CallSid or a claim's id; the newest where there are several.
    pub async fn conversation(&self, name: &str) -> Result<Option<Whole>, Error> {
        self.caught_up().await;
        let mut found = None;
        let columns: &[&'static str] = match uuid::Uuid::parse_str(name) {
            Ok(_) => &["id", "call_sid", "claim_id"],
            Err(_) => &["call_sid", "claim_id"],
        };
        for column in columns {
            found = self.newest(vec![is(column, name)], 1).await?.pop();
            if found.is_some() {
                break;
            }
        }
        let Some(conversation) = found else { return Ok(None) };
        let id = conversation.get("id").and_then(Value::as_str).unwrap_or_default();
        Ok(Some(Whole {
            turns: self.all_of(Table::Turns, id).await?,
            events: self.all_of(Table::CallEvents, id).await?,
            metrics: self.all_of(Table::ConversationMetrics, id).await?.pop(),
            conversation,
        }))
    }

    /// Conversations in which all these words were said in one turn, those that said them last; and whether there may be more.
    async fn who_said(&self, text: &str, filter: &Filter) -> Result<(Vec<Value>, bool), Error> {
        let contains = |word: &str| Condition { column: "text", test: Test::Contains(word.to_owned()) };
        let mut said: Vec<Condition> = text.split_whitespace().map(contains).collect();
        said.extend(filter.from.map(|from| created(Test::AtLeast(at(from)))));
        let to = filter.to.and_then(|to| to.checked_add(LONGEST_CALL).ok());
        said.extend(to.map(|to| created(Test::Below(at(to)))));
        let mut found: Vec<Value> = Vec::new();
        for _ in 0..MOST_SEARCHES {
            let others = |id: &Value| Condition { column: "conversation_id", test: Test::IsNot(id.clone()) };
            let conditions = said.iter().cloned().chain(found.iter().map(others)).collect();
            let order = vec![("created_at", true)];
            let select = Select { table: Table::Turns, conditions, order, limit: Some(AT_ONCE) };
            let turns = self.select(select).await?;
            for id in turns.iter().filter_map(|turn| turn.get("conversation_id")) {
                if found.contains(id) {
                    continue;
                }
                if found.len() == MOST_FOUND {
                    return Ok((found, true));
                }
                found.push(id.clone());
            }
            if turns.len() < AT_ONCE as usize {
                return Ok((found, false));
            }
        }
        Ok((found, true))
    }

    async fn newest(&self, conditions: Vec<Condition>, limit: u32) -> Result<Vec<Map<String, Value>>, Error> {
        self.select(Select {
            table: Table::Conversations,
            conditions,
            order: vec![("created_at", true), ("id", true)],
            limit: Some(limit),
        })
        .await
    }

    /// What belongs to a conversation, in order, however much it is.
    async fn all_of(&self, table: Table, conversation: &str) -> Result<Vec<Map<String, Value>>, Error> {
        let numbered = table.column("position").is_some();
        let mut all = Vec::new();
        loop {
            let mut conditions = vec![is("conversation_id", conversation)];
            let last = all.last().and_then(|row: &Map<String, Value>| row.get("position")?.as_i64());
            conditions.extend(
                last.map(|last| Condition { column: "position", test: Test::AtLeast((last + 1).into()) }),
            );
            let order = if numbered { vec![("position", false)] } else { Vec::new() };
            let some = self.select(Select { table, conditions, order, limit: Some(AT_ONCE) }).await?;
            let full = some.len() == AT_ONCE as usize;
            all.extend(some);
            if !full {
                return Ok(all);
            }
        }
    }

    /// Rows as they are, in time.
    pub async fn select(&self, select: Select) -> Result<Vec<Map<String, Value>>, Error> {
        in_time(self.backend().select(&select)).await
    }

    async fn caught_up(&self) {
        // or else what is there is what can be shown
        let _ = timeout(CAUGHT_UP_WITHIN, self.settle()).await;
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(ANSWERED_WITHIN, work).await.unwrap_or_else(|_| {
        Err(Error::Away(format!("the database did not answer within {} s", ANSWERED_WITHIN.as_secs())))
    })
}
