//! Components at work, as they are built: the shipped ones against servers that speak the vendors'
//! protocols, hostile ones against everything they might try.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../build/guests.rs"]
mod guests;

mod desk;
mod hostile;
mod hostile_everywhere;
mod hostile_network;
mod journal;
mod loading;
mod opening;
mod shipped;
mod stock;
