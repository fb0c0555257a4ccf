//! The running program, over real sockets: calls, webhooks, configuration, and all that may be
//! wrong with any of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../components/build/guests.rs"]
mod guests;

mod bad_streams;
mod benchmark;
mod configuration;
mod faults;
mod first_call;
mod hostile;
mod house;
mod models;
mod recordings;
mod replacement;
mod speech;
mod webhook;
