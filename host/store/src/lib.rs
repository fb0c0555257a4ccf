//! What is kept of calls: conversations, what was said in them, what happened, how quick it was.
//!
//! A [`Store`] takes rows without ever making a call wait, and brings them to SQLite, PostgreSQL or Supabase in the
//! order in which they came. What the database does not take now waits on the disk; what it will never
//! take is set aside with the reason. Reading and deleting see all that was recorded before.
//!
//! Rows are JSON, of the columns in [`Table::columns`]. A row adds, or replaces what it names of the row
//! with the same key; so what is written twice is there once.
//!
//! ```
//! use serde_json::json;
//! use store::{Database, Filter, Row, Settings, Store, Table};
//!
//! # async fn kept() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # std::env::set_current_dir(&folder)?;
//! let store = Store::open(Settings::new(Database::parse("sqlite://calls.db")?, "spool")).await?;
//! let id = uuid::Uuid::now_v7().to_string();
//! let began = "2026-11-21T09:30:00Z";
//! let row = |values: serde_json::Value| Row {
//!     table: Table::Conversations,
//!     values: values.as_object().cloned().unwrap_or_default(),
//! };
//! store.record(row(json!({ "id": id, "created_at": began, "caller": "+15550100" })));
//! store.record(row(json!({ "id": id, "created_at": began, "claim_id": "C-1", "claim_amount": "1250.50" })));
//! let page = store.conversations(&Filter::default(), 10, None).await?;
//! assert_eq!(page.items[0]["claim_amount"], "1250.50");
//! assert_eq!(page.items[0]["caller"], "+15550100");
//! store.close(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(kept()).unwrap();
//! ```

mod backend;
mod backends;
mod opening;
mod reading;
mod rest;
mod spool;
mod sql;
mod store;
mod tables;
mod writer;

pub use backend::{Condition, Error, Select, Test};
pub use opening::{Database, OpenError, PostgresUrl, Project, UrlError, migrate, migrations};
pub use reading::{Deleted, Filter, Page, Whole, csv};
pub use store::{Health, Settings, Store};
pub use tables::{Column, Kind, Row, Table};
