//! Local servers that speak the vendors' protocols over real sockets, for tests and benchmarks.
//!
//! A stand-in takes the vendor's place at the end of the wire: it is strict where the vendor is
//! strict, keeps every breach of the protocol as a text ([`Server::violations`]) and everything it
//! was told, and does its work for real where that is possible without a key: the recognisers
//! recognise speech, the voices speak. What the language model answers is a script, and what a
//! recogniser understands may be one. Anything that can be wrong with a vendor, a [`Fault`] makes so.
//! Twilio's is also the other way round: it calls, asks and connects, and at its telephones are
//! simulated people.
//!
//! Nothing here may be used for a call with a person. What the vendors do beyond the wire (quality,
//! capacity, billing, their other endpoints) is not imitated.
//!
//! A server runs on a thread of its own and stops with everything it started when it is dropped.

mod client;
mod fault;
mod serving;
mod spelling;
mod voice;
mod wire;

pub mod cartesia;
pub mod deepgram;
pub mod openai;
pub mod speech;
pub mod supabase;
pub mod twilio;

pub use client::client;
pub use fault::{Blow, FLOOD, FLOOD_OF_AUDIO, Fault, Turn};
pub use serving::{Record, Server};
pub use spelling::read;
