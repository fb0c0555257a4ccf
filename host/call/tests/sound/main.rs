//! Calls with real sound and the shipped detector, in virtual time: speech is synthesised, noise and
//! many voices at once are added to it, and nothing else is pretended but the vendors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod noise;
mod pauses;
mod track;
