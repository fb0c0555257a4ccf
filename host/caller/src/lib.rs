//! The other end of the line: a caller who speaks, listens, cuts in and presses keys, over Twilio's
//! media-stream protocol, in real time; or by words, over ConversationRelay or `<Gather>`.
//!
//! It sends a frame every 20 ms, speech or silence, plays what it is sent at the pace of a
//! telephone, and returns marks when they have been played; so what a server measures against it is
//! what it would measure against Twilio. It works with any server that speaks the protocol. With a
//! server of ours on a local socket it also learns what was understood, and, where there is no
//! recogniser, sends the words along with the sound.
//!
//! - `plan`: what the caller does, step by step
//! - `ear`: the telephone's buffer, marks, what was heard
//! - `mouth`: what the caller says, as frames
//! - `wire`: the messages, in both directions
//! - `line`: the call itself
//! - `relay`: a call as words, at an address of ConversationRelay
//! - `gather`: a call at a webhook, which answers with documents and may lead to any line

#![forbid(unsafe_code)]

mod ear;
pub mod gather;
mod line;
mod mouth;
mod plan;
pub mod relay;
mod wire;

pub use line::{CallError, Ending, Leave, Outcome, Told, call, call_until};
pub use mouth::synthesise;
pub use plan::{Identity, Plan, Step, Typed, partials};
