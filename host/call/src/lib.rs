//! A telephone conversation as a state machine.
//!
//! A [`Call`] is told what happened and when, and says what to do about it. It contains no clock,
//! no socket, no thread and no randomness, and it never learns that Twilio, WebAssembly or a
//! database exist; so a whole conversation, with a caller who interrupts and a provider that dies,
//! is a unit test in virtual time.
//!
//! Two rings and a line. The inner ring, [`conversation`], is turns, persona, model, context and
//! deadlines. It knows only a [`line`](mod@line): something that hears and speaks. Around it stands one of
//! two lines: [`audio`], for sound (detector, endpointing, STT, TTS, playout, marks), and
//! [`text`], for words.
//!
//! ```text
//!   socket, sessions, timers            host/call
//!  ┌────────────────────────┐  Input  ┌───────────────────────────────┐
//!  │ the driver             │ ──────▶ │ Call                          │
//!  │ (host/server)          │         │  line ⇄ conversation          │
//!  │                        │ ◀────── │                               │
//!  └────────────────────────┘  Output └───────────────────────────────┘
//! ```
//!
//! The rules for a driver:
//!
//! - After every [`Call::handle`], [`Call::poll_output`] is called until it returns
//!   [`Output::Timeout`] or [`Output::Ended`]; outputs are carried out in their order. Calling
//!   `handle` in between is allowed: what follows from it is queued behind.
//! - [`Input::Timeout`] is given when the moment of the last `Timeout` has come, after whatever
//!   arrived from the outside at the same instant.
//! - Every [`Output::Persona`] is answered by exactly one [`Input::Persona`] or
//!   [`Input::PersonaFailed`].
//! - Every [`Output::Transfer`] is answered by one [`Input::Transferred`] or
//!   [`Input::TransferFailed`], unless [`Output::CancelTransfer`] came before. A line that closes
//!   because the caller was put through is not closed before that was said.
//! - Which provider is opened is for the driver to say: at [`Output::ReopenStt`],
//!   [`Output::ReopenTts`] and every [`llm::Event::Generate`] the next of its chain that is well. How
//!   many there are the call is told ([`audio::Settings`], [`conversation::Settings`]), and whether to
//!   go on is for the call to say.
//! - After [`Output::Ended`] there is nothing more to do.

#![forbid(unsafe_code)]

pub mod audio;
mod call;
pub mod conversation;
mod io;
pub mod line;
pub mod text;
mod time;
mod times;
mod words;

pub use call::{Call, Config, Line};
pub use io::{Input, Observation, Output, Provider, Summary, ToolStep};
pub use time::Moment;
pub use times::TurnTimes;
pub use words::{Cause, Failure, Usage, Word, chat, llm, net, persona, stt, tts};
