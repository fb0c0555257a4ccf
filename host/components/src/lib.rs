//! Hosts WebAssembly components: finds them, checks them, gives them what they may have and nothing
//! else, and lets them work.
//!
//! The only crate that names wasmtime. Towards the call it speaks the words of `host/call`; towards
//! a component, the contract in `wit/`.
//!
//! ```text
//!   Catalogue ──load──▶ Generation ──open──▶ session ◀── events of the call
//!   what was found      compiled, granted    one store    ──▶ effects for the call
//!                           │                   │
//!                         Egress ◀── net ───────┘   sockets and requests, if the grant allows
//! ```
//!
//! - `manifest`: what a component asks; `grant`: what it gets
//! - `catalogue`, `component`: finding and loading
//! - `session`: a component at work, its timers and its limits; `probing`: whether it works at all
//! - `sound`: between the line's sound and a component's
//! - `contract`: bindings, and the way between them and the call's words
//! - `engine`, `store`, `allowance`, `wasi`: what it runs in, and for how long; `stock`: what of that is made
//!   before a call needs it
//! - `journal`: a call written down, to be replayed
//! - `consumption`, `weight`: what components take of the machine
//! - `remark`: what they say of themselves
//! - `egress`: the network
//!
//! A component is pure: the host does all I/O. It never sees a secret, a file or a clock.

#![forbid(unsafe_code)]

mod allowance;
mod catalogue;
mod component;
mod consumption;
mod contract;
mod egress;
mod embedded;
mod engine;
pub mod grant;
pub mod journal;
pub mod manifest;
mod probing;
mod remark;
mod secret;
mod session;
mod sound;
mod stock;
mod store;
mod wasi;
mod weight;

pub use catalogue::Catalogue;
pub use component::{Artifact, Generation, LoadError};
pub use consumption::Consumed;
#[doc(hidden)]
pub use egress::fuzzing;
pub use egress::{Arrival, NetEvent, SessionId};
pub use engine::{EngineError, EngineSettings, Host};
pub use secret::Secret;
pub use session::{
    Fault, LineAbilities, Listening, LlmSession, PersonaSession, Scene, Speaking, SttSession, Surroundings,
    TtsSession,
};
