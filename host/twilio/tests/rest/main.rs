//! The client of Twilio's REST API against a server that answers as Twilio does, and one that does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod errors;
mod requests;
mod retries;
mod server;
