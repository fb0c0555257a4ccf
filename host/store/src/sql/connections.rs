//! Connections that are kept open. One that failed, or whose work was given up, is closed: what it was
//! about is not known.
//!
//! It takes the place of sqlx's pool, which tries a port that refuses again until its time is up and then
//! says only that it is: here who is away is known at once, with the reason.

use super::{Dialect, migrating};
use crate::backend::Error;
use crate::opening::OpenError;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const MIGRATE_WITHIN: Duration = Duration::from_secs(60);
const KEPT: usize = 4;

pub(super) struct Connections {
    options: AnyConnectOptions,
    dialect: Dialect,
    idle: Mutex<Vec<AnyConnection>>,
    /// whether the tables are there: a database that was away gets them when it is back
    migrated: tokio::sync::Mutex<bool>,
}

/// Why there is no connection.
pub(super) enum Absent {
    /// it may come
    Away(String),
    /// it will not, until somebody does something
    Wrong(OpenError),
}

impl From<Absent> for Error {
    fn from(absent: Absent) -> Self {
        match absent {
            Absent::Away(reason) => Self::Away(reason),
            Absent::Wrong(error) => Self::Away(error.to_string()),
        }
    }
}

impl Connections {
    pub(super) fn new(options: AnyConnectOptions, dialect: Dialect) -> Self {
        Self {
            options: options.disable_statement_logging(),
            dialect,
            idle: Mutex::default(),
            migrated: tokio::sync::Mutex::new(false),
        }
    }

    /// One that was used before, if there is one.
    pub(super) fn used(&self) -> Option<AnyConnection> {
        self.idle().pop()
    }

    pub(super) async fn fresh(&self) -> Result<AnyConnection, Absent> {
        let mut connection = self.connected().await?;
        let mut migrated = self.migrated.lock().await;
        if !*migrated {
            timeout(MIGRATE_WITHIN, migrating::run(self.dialect, &mut connection)).await.unwrap_or_else(
                |_| Err(Absent::Away("its migrations wait for somebody else's".to_owned())),
            )?;
            *migrated = true;
        }
        Ok(connection)
    }

    async fn connected(&self) -> Result<AnyConnection, Absent> {
        let connecting = async {
            let mut connection = AnyConnection::connect_with(&self.options).await?;
            if self.dialect == Dialect::Sqlite {
                connection.execute("PRAGMA journal_mode = WAL").await?;
            }
            Ok(connection)
        };
        match timeout(CONNECT_WITHIN, connecting).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(migrating::absent(self.dialect, &error)),
            Err(_) => Err(Absent::Away(format!("no connection within {} s", CONNECT_WITHIN.as_secs()))),
        }
    }

    pub(super) fn done_with(&self, connection: AnyConnection) {
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }

    /// What was kept open is not to be trusted.
    pub(super) fn forget(&self) {
        self.idle().clear();
    }

    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            // it is gone either way
            let _ = timeout(Duration::from_secs(1), connection.close()).await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<AnyConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
