//! What of a database's errors may pass, and what will not.

use super::Dialect;
use crate::backend::Error;
use sqlx::error::DatabaseError;

pub(super) fn sorted(dialect: Dialect, error: &sqlx::Error) -> Error {
    let said = error.to_string();
    let away = match error {
        sqlx::Error::Database(error) => passes(dialect, error.as_ref()),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        _ => false,
    };
    if away { Error::Away(said) } else { Error::Refused(said) }
}

/// Whether it is the set-up that is wrong: who starts should hear it at once.
pub(super) fn of_the_setup(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // who we are, which database, which schema, what we may do
            ["28", "3D", "3F"].iter().any(|class| code.starts_with(class)) || code == "42501"
        }
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => true,
        _ => false,
    }
}

fn passes(dialect: Dialect, error: &dyn DatabaseError) -> bool {
    let code = error.code().unwrap_or_default();
    match dialect {
        Dialect::Postgres => {
            // connection, resources (disk, memory, connections), shutdown and cancelling, system, another
            // transaction in the way, bugs of the server
            let classes = ["08", "53", "57", "58", "40", "55", "XX"];
            // what somebody must set right, and can: until then nothing is to be thrown out. Who we are,
            // which database, which schema, a standby that cannot be written to, rights, a table
            let of_all_rows = ["28", "3D", "3F", "25006", "42501", "42P01"];
            classes.iter().chain(&of_all_rows).any(|class| code.starts_with(class))
        }
        Dialect::Sqlite => {
            let primary = code.parse::<i64>().unwrap_or_default() & 0xFF;
            // permission, busy, locked, memory, read-only, I/O, corrupt, full, cannot open, protocol, no
            // database
            [3, 5, 6, 7, 8, 10, 11, 13, 14, 15, 26].contains(&primary)
        }
    }
}
