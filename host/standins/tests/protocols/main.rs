//! The stand-ins as their clients see them, over real sockets.
//!
//! Speech is spoken by espeak-ng and recognised by PocketSphinx. Where one of them is missing,
//! these tests say that they were skipped, unless `CORDBOARD_CI` is set: then they fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod caller_words;
mod cartesia_faults;
mod cartesia_voice;
mod chat;
mod deepgram_faults;
mod deepgram_live;
mod deepgram_scripted;
mod line;
mod openai_audio;
mod openai_chat;
mod openai_faults;
mod recordings;
mod speaker;
mod supabase;
mod twilio_calls;
mod twilio_customer;
mod twilio_documents;
mod twilio_gather;
mod twilio_relay;
mod twilio_rest;
mod twilio_streams;
mod twilio_transfers;
mod voices;

use std::time::Duration;

/// The bound of every wait; only a failure takes so long.
const BOUND: Duration = Duration::from_secs(120);

const KEY: &str = "key-of-this-test";

pub async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, wait).await.expect("it happens within two minutes")
}
