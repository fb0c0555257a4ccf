//! Whether everything is there, found out at start.

use super::Rest;
use super::asking::columns;
use super::failure::{Failure, Why};
use crate::tables::Table;
use reqwest::Method;
use std::fmt;

/// Why nothing can be kept yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Probe {
    /// It is there, and these are not. The migrations make them.
    #[error("Supabase lacks {}; run what `cordboard migrate --print` shows in the project's SQL editor", list(.0))]
    Missing(Vec<Missing>),
    /// The address or the key is wrong.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Away(String),
}

/// A table, or one column of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) table: Table,
    pub(crate) column: Option<&'static str>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            None => write!(f, "the table {}", self.table.name()),
            Some(column) => write!(f, "the column {}.{column}", self.table.name()),
        }
    }
}

fn list(missing: &[Missing]) -> String {
    missing.iter().map(Missing::to_string).collect::<Vec<_>>().join(", ")
}

impl Rest {
    /// Asks for no row of each table.
    pub(crate) async fn probe(&self) -> Result<(), Probe> {
        let mut missing = Vec::new();
        for table in Table::ALL {
            match self.has(table, columns(table)).await {
                Ok(()) => {}
                Err(failure) if failure.why == Why::Table => missing.push(Missing { table, column: None }),
                // it tells of one at a time
                Err(failure) if failure.why == Why::Column => {
                    missing.extend(self.columns_missing(table).await?)
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Probe::Missing(missing)) }
    }

    async fn columns_missing(&self, table: Table) -> Result<Vec<Missing>, Probe> {
        let mut missing = Vec::new();
        for column in table.columns() {
            match self.has(table, column.name.to_owned()).await {
                Ok(()) => {}
                Err(failure) if failure.why == Why::Column => {
                    missing.push(Missing { table, column: Some(column.name) });
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(missing)
    }

    async fn has(&self, table: Table, columns: String) -> Result<(), Failure> {
        let asked = [("select".to_owned(), columns), ("limit".to_owned(), "0".to_owned())];
        self.ask(Method::GET, table, &asked, None, None).await?.rows().map(drop)
    }
}

impl From<Failure> for Probe {
    fn from(failure: Failure) -> Self {
        match failure.why {
            Why::Away => Self::Away(failure.said()),
            _ => Self::Refused(failure.said()),
        }
    }
}
