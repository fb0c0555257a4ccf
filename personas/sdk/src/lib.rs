//! For authors of conversations.
//!
//! A persona is a straight-line script: an `async fn` that says, asks and listens, one after the
//! other. There is no executor, no clock and no socket behind it; every `await` waits for something
//! that happens on the line.
//!
//! ```
//! use persona::{Call, Heard};
//! use serde::{Deserialize, Serialize};
//!
//! /// From the operator, checked against the manifest.
//! #[derive(Deserialize)]
//! struct Settings {
//!     house: String,
//! }
//!
//! /// What has to be known to go on: another version of the script can continue with it.
//! #[derive(Default, Serialize, Deserialize)]
//! struct State {
//!     greeted: bool,
//! }
//!
//! async fn talk(call: Call, settings: Settings, mut state: State) {
//!     if !state.greeted {
//!         call.say(format!("Thank you for calling {}.", settings.house)).await;
//!         state.greeted = true;
//!     }
//!     while let Heard::Said(turn) = call.hear(&state).await {
//!         if turn.said.text.contains("bye") {
//!             break;
//!         }
//!         call.ask("Answer in one short sentence.").await;
//!     }
//!     call.say("Goodbye!").to_the_end().await;
//!     call.hang_up();
//! }
//! ```
//!
//! `persona::persona!(talk);` exports it, and puts `persona.toml`, the manifest beside `Cargo.toml`,
//! into the component. `cargo build --release --target wasm32-wasip2` makes it.
//!
//! Where a model makes the conversation, [`hold`] is the whole script, and a [`Role`] what differs.
//!
//! What is begun and dropped before it ended is cancelled: [`first`] of two futures gives barge-in,
//! timeouts and second thoughts. What the words mean stands in the contract, `wit/persona.wit`.

mod asking;
mod call;
mod frame;
mod inbox;
mod machine;
mod script;

/// The contract, as `wit-bindgen` puts it.
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "persona-script",
        pub_export_macro: true,
        export_macro_name: "export_persona",
        default_bindings_module: "persona::bindings",
        additional_derives: [Clone, PartialEq, serde::Serialize, serde::Deserialize],
    });
}

pub use asking::{Ask, tool};
pub use bindings::cordboard::component::chat::{Message, Tool, ToolCall};
pub use bindings::cordboard::component::log::Level;
pub use bindings::cordboard::component::net::{Header, Request};
pub use bindings::cordboard::component::types::{Cause, Failure};
pub use bindings::exports::cordboard::component::persona as contract;
pub use call::{Call, Either, Habits, Heard, Say, first};
pub use contract::{
    Answerer, CollectedBy, Departure, Direction, Ending, Fetched, Interruption, Keys, Opening, Report, Turn,
};
pub use frame::{Decision, Frame, Next, Role, ended_by, hold, says_goodbye};
#[doc(hidden)]
pub use plugin::manifest;
pub use plugin::url::encoded;
pub use script::Script;

/// A line in the host's log, under the persona's name.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    bindings::cordboard::component::log::log(level, message);
    // built natively, as its tests are, it has no host
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (level, message);
}

/// Exports `async fn talk(call: Call, settings: Settings, state: State)` as the component that this
/// crate is, with `persona.toml` inside.
#[macro_export]
macro_rules! persona {
    ($talk:path) => {
        pub struct Component;
        pub struct Exported($crate::Script);

        impl $crate::contract::Guest for Component {
            type Script = Exported;
        }

        impl $crate::contract::GuestScript for Exported {
            fn open(opening: $crate::Opening) -> Result<$crate::contract::Script, $crate::Failure> {
                let script = $crate::Script::open($talk, opening)?;
                Ok($crate::contract::Script::new(Exported(script)))
            }

            fn handle(
                &self,
                at: u64,
                events: Vec<$crate::contract::Event>,
            ) -> Vec<$crate::contract::Action> {
                self.0.handle(at, events)
            }

            fn snapshot(&self) -> Option<String> {
                self.0.snapshot()
            }

            fn restore(
                opening: $crate::Opening,
                snapshot: String,
            ) -> Result<$crate::contract::Script, $crate::Failure> {
                let script = $crate::Script::restore($talk, opening, &snapshot)?;
                Ok($crate::contract::Script::new(Exported(script)))
            }
        }

        // a native library, as tests build it, cannot carry the names of the exports
        #[cfg(target_arch = "wasm32")]
        $crate::bindings::export_persona!(Component with_types_in $crate::bindings);
        $crate::manifest!("persona.toml");
    };
}
