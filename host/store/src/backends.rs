//! The databases that there are, as one.

use crate::backend::{Backend, Condition, Error, Select};
use crate::opening::{Absence, OpenError, Project};
use crate::sql::Sql;
use crate::tables::{Row, Table};
use serde_json::{Map, Value};

/// A database that is reached in another way has its variant here, and in
/// [`Database`](crate::Database) its URL.
pub(crate) enum Backends {
    Sql(Box<Sql>),
    Rest(Project),
}

impl Backends {
    /// Sets up what can be set up.
    pub(crate) async fn start(&self) -> Result<Option<Absence>, OpenError> {
        match self {
            Self::Sql(sql) => Ok(sql.start().await?.map(|reason| Absence { reason, unprepared: false })),
            Self::Rest(project) => project.start().await,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sql(sql) => sql.close().await,
            Self::Rest(_) => {}
        }
    }
}

impl Backend for Backends {
    async fn write(&self, rows: &[Row]) -> Result<(), Error> {
        match self {
            Self::Sql(sql) => sql.write(rows).await,
            Self::Rest(project) => project.rest().write(rows).await,
        }
    }

    async fn select(&self, select: &Select) -> Result<Vec<Map<String, Value>>, Error> {
        match self {
            Self::Sql(sql) => sql.select(select).await,
            Self::Rest(project) => project.rest().select(select).await,
        }
    }

    async fn update(
        &self,
        table: Table,
        conditions: &[Condition],
        values: &Map<String, Value>,
    ) -> Result<u64, Error> {
        match self {
            Self::Sql(sql) => sql.update(table, conditions, values).await,
            Self::Rest(project) => project.rest().update(table, conditions, values).await,
        }
    }

    async fn delete(&self, table: Table, conditions: &[Condition]) -> Result<u64, Error> {
        match self {
            Self::Sql(sql) => sql.delete(table, conditions).await,
            Self::Rest(project) => project.rest().delete(table, conditions).await,
        }
    }
}
