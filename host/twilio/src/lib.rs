//! Twilio as seen from here: the messages of its media streams, TwiML, and its signatures.
//!
//! Pure translation: nothing here opens a socket or knows what a conversation is. A media stream's
//! messages are in [`stream`], as both ends write them; [`receiving`] is the receiving end with all
//! that may be wrong about them; [`twiml`] is what answers a webhook; [`signature`] tells whether a
//! request is Twilio's.

#![forbid(unsafe_code)]

pub mod receiving;
pub mod signature;
pub mod stream;
pub mod twiml;
