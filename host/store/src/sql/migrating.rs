//! The tables, as steps that each database takes once. PostgreSQL's folder can be given to Supabase's own
//! tool as it is: each step may be taken by either.

use super::connections::Absent;
use super::{Dialect, failures};
use crate::backend::Error;
use crate::opening::OpenError;
use sqlx::AnyConnection;
use sqlx::migrate::{MigrateError, Migrator};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

fn migrator(dialect: Dialect) -> &'static Migrator {
    match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    }
}

pub(crate) fn all(dialect: Dialect) -> Vec<(String, String)> {
    let file = |version: i64, description: &str| format!("{version}_{}", description.replace(' ', "_"));
    migrator(dialect)
        .iter()
        .map(|step| (file(step.version, &step.description), step.sql.as_str().to_owned()))
        .collect()
}

pub(super) async fn run(dialect: Dialect, connection: &mut AnyConnection) -> Result<(), Absent> {
    let migrator = migrator(dialect);
    migrator.run_direct(None, connection, false).await.map_err(|error| failed(dialect, error))
}

fn failed(dialect: Dialect, error: MigrateError) -> Absent {
    let name = |version: i64| {
        let known = all(dialect).into_iter().map(|(name, _)| name);
        known.into_iter().find(|name| name.starts_with(&version.to_string())).unwrap_or(version.to_string())
    };
    match error {
        MigrateError::ExecuteMigration(error, version) => match failures::sorted(dialect, &error) {
            Error::Away(reason) if !failures::of_the_setup(&error) => Absent::Away(reason),
            Error::Away(reason) | Error::Refused(reason) => {
                Absent::Wrong(OpenError::Migration { name: name(version), reason })
            }
        },
        MigrateError::Execute(error) => absent(dialect, &error),
        MigrateError::VersionMissing(version) => Absent::Wrong(OpenError::Newer(version)),
        MigrateError::VersionMismatch(version) => Absent::Wrong(OpenError::Migration {
            name: name(version),
            reason: "this database has taken it in another wording".to_owned(),
        }),
        MigrateError::Dirty(version) => Absent::Wrong(OpenError::Migration {
            name: name(version),
            reason: "it was begun and not finished; remove its row from _sqlx_migrations when you have \
                     seen to it"
                .to_owned(),
        }),
        other => Absent::Wrong(OpenError::Unusable(other.to_string())),
    }
}

pub(super) fn absent(dialect: Dialect, error: &sqlx::Error) -> Absent {
    match failures::sorted(dialect, error) {
        Error::Away(reason) if !failures::of_the_setup(error) => Absent::Away(reason),
        Error::Away(reason) | Error::Refused(reason) => Absent::Wrong(OpenError::Unusable(reason)),
    }
}
