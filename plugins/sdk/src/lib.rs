//! For authors of providers: speech-to-text, language models, text-to-speech.
//!
//! A provider is a translator between the host's vocabulary and a vendor's wire protocol. It opens
//! no socket and reads no clock: it is told what happened and answers with what should be done.
//! Write a type, implement [`stt::Provider`], [`llm::Provider`] or [`tts::Provider`] for it, and
//! export it:
//!
//! ```
//! struct Parrot;
//!
//! impl plugin::llm::Provider for Parrot {
//!     fn open(_: plugin::llm::Opening) -> Result<Self, plugin::Failure> {
//!         Ok(Parrot)
//!     }
//!     fn handle(&mut self, _at: u64, event: plugin::llm::Event, effects: &mut Vec<plugin::llm::Effect>) {
//!         if let plugin::llm::Event::Generate(_) = event {
//!             effects.push(plugin::llm::Effect::Delta("Hello!".into()));
//!             effects.push(plugin::llm::Effect::Finished(plugin::llm::Stop::Complete));
//!         }
//!     }
//! }
//! ```
//!
//! `plugin::llm!(Parrot);` exports it, and puts `plugin.toml`, the manifest beside `Cargo.toml`, into
//! the component, so that one `.wasm` file is enough. `cargo build --release --target wasm32-wasip2`
//! makes it.
//!
//! What the words mean (units, order, who ends what) stands in the contract, `wit/`. Here is also
//! what vendors' protocols have in common: [`refusal`], [`samples`], [`sse`] and [`url`].

/// What an author of one kind writes, and what the host sees of it: the same for every kind, on
/// that kind's own words.
macro_rules! reducer {
    () => {
        /// What an author writes: a session, told one event after the other.
        pub trait Provider: Sized + 'static {
            /// Fails where the settings, or what else the opening wants, cannot be served.
            fn open(opening: Opening) -> Result<Self, crate::Failure>;

            /// Something happened at `at`; what follows from it goes to the end of `effects`.
            fn handle(&mut self, at: crate::Instant, event: Event, effects: &mut Vec<Effect>);
        }

        /// What the host sees of a [`Provider`].
        pub struct Component<P>(std::marker::PhantomData<P>);

        pub struct Reducer<P>(std::cell::RefCell<P>);

        impl<P: Provider> Guest for Component<P> {
            type Session = Reducer<P>;
        }

        impl<P: Provider> GuestSession for Reducer<P> {
            fn open(opening: Opening) -> Result<Session, crate::Failure> {
                P::open(opening).map(|provider| Session::new(Reducer(std::cell::RefCell::new(provider))))
            }

            fn handle(&self, at: crate::Instant, events: Vec<Event>) -> Vec<Effect> {
                let mut effects = Vec::with_capacity(events.len() + 2);
                let mut provider = self.0.borrow_mut();
                for event in events {
                    provider.handle(at, event, &mut effects);
                }
                effects
            }
        }
    };
}
pub(crate) use reducer;

pub mod llm;
pub mod refusal;
pub mod samples;
pub mod sse;
pub mod stt;
pub mod tts;
pub mod url;

pub use stt::bindings::cordboard::component::log::Level;
pub use stt::bindings::cordboard::component::net::{
    self, Action, Frame, Head, Header, Outcome, Request, Websocket,
};
pub use stt::bindings::cordboard::component::types::{
    AudioFormat, Cause, Encoding, Failure, Id, Timer, Usage, Word,
};

/// Milliseconds since 1970: the moment of a call into the component.
pub type Instant = u64;

/// The operator's settings as a type. They were checked against the manifest, and its defaults are
/// filled in; what the type does not name is ignored.
pub fn settings<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Failure> {
    serde_json::from_str(json).map_err(|e| failure(Cause::Misconfigured, format!("the settings: {e}")))
}

pub fn failure(cause: Cause, message: impl Into<String>) -> Failure {
    Failure { cause, message: message.into(), retry_after: None }
}

/// What a status of HTTP means for the one who asked; none: it is a success.
pub fn cause_of_status(status: u16) -> Option<Cause> {
    match status {
        200..=299 => None,
        401..=403 => Some(Cause::Denied),
        408 | 409 | 429 => Some(Cause::Busy),
        400..=499 => Some(Cause::Misconfigured),
        _ => Some(Cause::Unreachable),
    }
}

/// What a connection that failed means for the session that needed it.
pub fn cause_of_fault(failure: &net::Failure) -> Cause {
    match failure.fault {
        net::Fault::Refused => cause_of_status(failure.code).unwrap_or(Cause::Garbled),
        net::Fault::Forbidden => Cause::Misconfigured,
        net::Fault::Unreachable | net::Fault::Timeout | net::Fault::Cancelled => Cause::Unreachable,
        net::Fault::TooLarge | net::Fault::Protocol => Cause::Garbled,
    }
}

impl From<net::Failure> for Failure {
    /// What it means for the session that it was all about.
    fn from(failure: net::Failure) -> Self {
        Self {
            cause: cause_of_fault(&failure),
            retry_after: retry_after(&failure.headers),
            message: failure.message,
        }
    }
}

/// When a refused server wants to be asked again, in milliseconds: `retry-after-ms`, or
/// `retry-after` in seconds. A date is not understood: the component has no clock to hold it to.
pub fn retry_after(headers: &[Header]) -> Option<u32> {
    let value = |name: &str| {
        let header = headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
        header.value.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0)
    };
    let milliseconds = value("retry-after-ms").or_else(|| Some(value("retry-after")? * 1000.0))?;
    Some(milliseconds.min(f64::from(u32::MAX)) as u32)
}

/// The language that a BCP 47 tag begins with: `en` of `en-US`. None: it names no single one, as
/// `multi` does.
pub fn primary_language(tag: &str) -> Option<String> {
    let primary = tag.split(['-', '_']).next()?.to_ascii_lowercase();
    let is_code = matches!(primary.len(), 2 | 3) && primary.bytes().all(|b| b.is_ascii_lowercase());
    is_code.then_some(primary)
}

/// A line in the host's log, under the component's name.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    stt::bindings::cordboard::component::log::log(level, message);
    // built natively, as its tests are, it has no host
    #[cfg(not(target_arch = "wasm32"))]
    let _ = (level, message);
}

/// Puts the manifest beside `Cargo.toml` into the component.
#[doc(hidden)]
#[macro_export]
macro_rules! manifest {
    ($file:literal) => {
        const _: () = {
            const BYTES: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file));
            #[cfg(target_arch = "wasm32")]
            #[used]
            #[unsafe(link_section = "cordboard:manifest")]
            static MANIFEST: [u8; BYTES.len()] = {
                let mut copy = [0; BYTES.len()];
                copy.copy_from_slice(BYTES);
                copy
            };
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_named_without_its_region() {
        let primary = |tag| primary_language(tag);
        assert_eq!(primary("en-US").as_deref(), Some("en"));
        assert_eq!(primary("ZH_Hant").as_deref(), Some("zh"));
        assert_eq!(primary("yue").as_deref(), Some("yue"));
        assert_eq!((primary("multi"), primary("")), (None, None));
    }

    #[test]
    fn a_server_says_when_to_come_back() {
        let header = |name: &str, value: &str| vec![Header { name: name.into(), value: value.into() }];
        assert_eq!(retry_after(&header("Retry-After", "2")), Some(2000));
        assert_eq!(retry_after(&header("retry-after-ms", "350.5")), Some(350));
        assert_eq!(retry_after(&header("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")), None);
        assert_eq!(retry_after(&header("Retry-After", "-1")), None);
    }
}
