//! Local servers that speak the vendors' protocols over real sockets, for tests and benchmarks.
//!
//! A stand-in takes the vendor's place at the end of the wire: it is strict where the vendor is
//! strict, keeps every breach of the protocol as a text ([`deepgram::Server::violations`]) and
//! everything it was told, and does its work for real where that is possible without a key: the
//! recogniser recognises speech. What the language model answers is a script.
//!
//! Nothing here may be used for a call with a person. What the vendors do beyond the wire (quality,
//! capacity, billing, their other endpoints) is not imitated.
//!
//! A server runs on a thread of its own and stops with everything it started when it is dropped.

mod serving;

pub mod deepgram;
pub mod openai;
pub mod speech;
