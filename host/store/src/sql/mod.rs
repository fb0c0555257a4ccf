//! SQLite and PostgreSQL, by the same statements.

mod connections;
mod dialect;
mod failures;
mod migrating;
mod statements;

pub(crate) use dialect::{Dialect, storable};
pub(crate) use migrating::all as migrations;

use crate::backend::{Backend, Condition, Error, Select};
use crate::opening::OpenError;
use crate::tables::{Row, Table};
use connections::{Absent, Connections};
use dialect::Bound;
use serde_json::{Map, Value};
use sqlx::any::{AnyArguments, AnyConnectOptions};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Row as _};
use statements::Statement;

pub(crate) struct Sql {
    dialect: Dialect,
    connections: Connections,
}

/// What a transaction brought.
#[derive(Default)]
struct Brought {
    rows: Vec<Map<String, Value>>,
    changed: u64,
}

impl Sql {
    pub(crate) fn new(options: AnyConnectOptions, dialect: Dialect) -> Self {
        sqlx::any::install_default_drivers();
        Self { dialect, connections: Connections::new(options, dialect) }
    }

    /// Connects and migrates. `Ok(Some(why))` if it is away, and may come.
    pub(crate) async fn start(&self) -> Result<Option<String>, OpenError> {
        match self.connections.fresh().await {
            Ok(connection) => {
                self.connections.done_with(connection);
                Ok(None)
            }
            Err(Absent::Away(reason)) => Ok(Some(reason)),
            Err(Absent::Wrong(error)) => Err(error),
        }
    }

    pub(crate) async fn close(&self) {
        self.connections.close().await;
    }

    /// All of them or none. A connection that was kept open may have died unseen: then once more on a new one.
    async fn run(&self, statements: &[Statement]) -> Result<Brought, Error> {
        let mut abandoned = Abandoned { connections: &self.connections, given_up: true };
        let done = self.run_to_the_end(statements).await;
        abandoned.given_up = false;
        done
    }

    async fn run_to_the_end(&self, statements: &[Statement]) -> Result<Brought, Error> {
        if let Some(connection) = self.connections.used() {
            match self.attempt(connection, statements).await {
                Err(Error::Away(_)) => self.connections.forget(),
                other => return other,
            }
        }
        let connection = self.connections.fresh().await?;
        self.attempt(connection, statements).await
    }

    async fn attempt(
        &self,
        mut connection: AnyConnection,
        statements: &[Statement],
    ) -> Result<Brought, Error> {
        let done = transaction(self.dialect, &mut connection, statements).await;
        match done {
            Ok(brought) => {
                self.connections.done_with(connection);
                let rows = brought.0.iter().map(|row| object(row)).collect::<Result<_, _>>()?;
                Ok(Brought { rows, changed: brought.1 })
            }
            Err(error) => Err(failures::sorted(self.dialect, &error)),
        }
    }
}

/// Work that somebody stopped waiting for: its connection is gone with it, and the others that were kept
/// open are most likely as silent.
struct Abandoned<'a> {
    connections: &'a Connections,
    given_up: bool,
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        if self.given_up {
            self.connections.forget();
        }
    }
}

/// Rows as JSON text, and how many were changed. A connection whose transaction failed is closed, which
/// takes the transaction back.
async fn transaction(
    dialect: Dialect,
    connection: &mut AnyConnection,
    statements: &[Statement],
) -> Result<(Vec<String>, u64), sqlx::Error> {
    let mut rows = Vec::new();
    let mut changed = 0;
    let mut transaction = connection.begin_with(dialect.begin()).await?;
    for statement in statements {
        let query = query(statement);
        if statement.reads {
            for row in query.fetch_all(&mut *transaction).await? {
                rows.push(row.try_get::<String, _>(0)?);
            }
        } else {
            changed += query.execute(&mut *transaction).await?.rows_affected();
        }
    }
    transaction.commit().await?;
    Ok((rows, changed))
}

/// Not kept as a prepared statement, which a pooler in front of PostgreSQL would lose.
fn query(statement: &Statement) -> Query<'_, Any, AnyArguments> {
    // made of the names of our tables and columns: see `statements`
    let query = sqlx::query(AssertSqlSafe(statement.sql.clone())).persistent(false);
    statement.bound.iter().fold(query, |query, bound| match bound {
        Bound::Text(text) => query.bind(text.clone()),
        Bound::Integer(number) => query.bind(*number),
    })
}

fn object(row: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(row).map_err(|error| Error::Refused(format!("a row that is no JSON: {error}")))
}

impl Backend for Sql {
    async fn write(&self, rows: &[Row]) -> Result<(), Error> {
        let statements = statements::write(self.dialect, rows).map_err(Error::Refused)?;
        self.run(&statements).await.map(drop)
    }

    async fn select(&self, select: &Select) -> Result<Vec<Map<String, Value>>, Error> {
        let statement = statements::select(self.dialect, select).map_err(Error::Refused)?;
        Ok(self.run(&[statement]).await?.rows)
    }

    async fn update(
        &self,
        table: Table,
        conditions: &[Condition],
        values: &Map<String, Value>,
    ) -> Result<u64, Error> {
        let statement =
            statements::update(self.dialect, table, conditions, values).map_err(Error::Refused)?;
        Ok(self.run(&[statement]).await?.changed)
    }

    async fn delete(&self, table: Table, conditions: &[Condition]) -> Result<u64, Error> {
        let statement = statements::delete(self.dialect, table, conditions).map_err(Error::Refused)?;
        Ok(self.run(&[statement]).await?.changed)
    }
}
