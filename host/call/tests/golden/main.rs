//! Conversations in virtual time: one file for each behaviour. Each test is a story; the snapshot
//! is what happened on the line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod scene;

mod answering_machine;
mod barge_in;
mod deadlines;
mod ending;
mod endpointing;
mod exchanging;
mod failover_model;
mod failover_recogniser;
mod failover_voice;
mod far_ends;

mod floor;
mod goodbye;
mod keys;
mod last_resort;
mod late_words;
mod line_lost;
mod operator;
mod playout;
mod recall;
mod reopening;
mod reports;
mod restoring;
mod silence;
mod timers;
mod times;
mod tools;
mod tools_once;
mod transfer;
