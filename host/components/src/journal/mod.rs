//! A call, written down so that it can be replayed: everything that its components were told, when,
//! and what they said about it.
//!
//! A component is pure, so that is all there is to know of it: told the same at the same moments, with
//! the same seed, it does the same. A replay needs no network, no key and no clock; what came from the
//! network and every timer are in the journal as events. Where the same build does something else, it is
//! not pure; where another build does, that is what has changed.
//!
//! Secrets never reach a component, so none is in a journal. What the caller said is.
//!
//! - `format.rs`: what stands in the file
//! - `writing.rs`: the journal of a call that goes on
//! - `reading.rs`: one that was found
//! - `replaying.rs`: the components do it again
//! - `again.rs`: one component, whatever kind it is of
//! - `conversation.rs`, `showing.rs`: what happened, as a person reads it
//!
//! Files and queues are the host's: here is nothing that waits for a disk.

mod again;
mod conversation;
mod format;
mod reading;
mod replaying;
mod showing;
mod writing;

pub use conversation::{Line, Who};
pub(crate) use format::Bytes;
pub use reading::{Ending, Kept, ReadError, Took};
pub use replaying::{Cast, Divergence, Part, ReplayError, Replayed};
pub(crate) use writing::Pages;
pub use writing::{Journal, Sink};
