//! The running program, over real sockets: calls, webhooks, configuration, and all that may be
//! wrong with any of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../../components/build/guests.rs"]
mod guests;

mod authoring;
mod bad_streams;
mod benchmark;
mod browser;
mod cluster;
mod commands;
mod configuration;
mod console;
mod control;
mod exchange;
mod failover;
mod faults;
mod figures;
mod first_call;
mod hostile;
mod house;
mod inbound;
mod journal;
mod last_resort;
mod leaving;
mod lines;
mod models;
mod nodes;
mod outbound;
mod pages;
mod plugging;
mod python;
mod recordings;
mod records;
mod replacement;
mod routing;
mod soak;
mod speech;
mod stock;
mod tools_once;
mod watching;
mod webhook;
