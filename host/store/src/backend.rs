//! What every kind of database can do, in words that both SQL and a REST interface have.

use crate::tables::{Row, Table};
use serde_json::{Map, Value};

/// Which rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub column: &'static str,
    pub test: Test,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Is(Value),
    /// there is a value, and it is another
    IsNot(Value),
    IsNull,
    IsNotNull,
    /// of the order of the column
    AtLeast(Value),
    Below(Value),
    /// one of these
    In(Vec<Value>),
    /// somewhere in the text, in capitals or not
    Contains(String),
}

/// Rows that meet all conditions.
#[derive(Clone, Debug)]
pub struct Select {
    pub table: Table,
    pub conditions: Vec<Condition>,
    /// columns, and whether the largest comes first
    pub order: Vec<(&'static str, bool)>,
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// nobody answers, or somebody who cannot now: the same may work later
    #[error("{0}")]
    Away(String),
    /// this will not work later either
    #[error("{0}")]
    Refused(String),
}

/// Writes happen whole or not at all, as far as the database can.
pub(crate) trait Backend: Send + Sync {
    /// Adds or replaces, in this order.
    fn write(&self, rows: &[Row]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Rows as JSON, whatever the database: see [`Kind`](crate::tables::Kind).
    fn select(&self, select: &Select) -> impl Future<Output = Result<Vec<Map<String, Value>>, Error>> + Send;
    /// Changes these values of the rows that meet all conditions; how many.
    fn update(
        &self,
        table: Table,
        conditions: &[Condition],
        values: &Map<String, Value>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;
    /// What belongs to a conversation goes with it; how many.
    fn delete(
        &self,
        table: Table,
        conditions: &[Condition],
    ) -> impl Future<Output = Result<u64, Error>> + Send;
}
