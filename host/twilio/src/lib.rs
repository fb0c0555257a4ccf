//! Twilio as seen from here: the messages of its media streams and of ConversationRelay, TwiML,
//! webhooks, signatures, and calls by REST.
//!
//! Pure translation, but for one module. A media stream's messages are in [`stream`], as both ends
//! write them; [`receiving`] is the receiving end with all that may be wrong about them; both for ConversationRelay are in [`relay`]. [`webhook`] is
//! what Twilio asks, [`twiml`] what answers it, [`signature`] tells whether it is Twilio's, and
//! [`progress`] in which order what it says counts. [`status`] has the words that webhooks and REST
//! share, [`number`] telephone numbers.
//!
//! The feature `rest` adds `rest`, the client that makes calls and ends them: it opens sockets, and
//! nothing else here does. Nothing here knows what a conversation is.

#![forbid(unsafe_code)]

pub mod number;
pub mod progress;
pub mod receiving;
pub mod relay;
#[cfg(feature = "rest")]
pub mod rest;
pub mod signature;
pub mod status;
pub mod stream;
pub mod twiml;
pub mod webhook;

/// Twilio takes whole seconds: rounded up, so that nothing is cut short.
fn whole_seconds(length: std::time::Duration) -> u64 {
    length.as_secs().saturating_add(u64::from(length.subsec_nanos() > 0))
}
