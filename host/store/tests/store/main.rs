//! What is kept is kept: on SQLite, and on a PostgreSQL that the tests start, kill and start again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod crash;
mod opening;
mod outages;
mod places;
mod stories;
mod words;
