//! The contract as wasmtime sees it, one set of bindings for each kind of component, and the way to
//! the vocabulary of `host/call` and back.
//!
//! Only what every kind shares stands in `shared`; the bindings of the other kinds refer to it.

mod convert;
mod persona;
mod providers;

pub(crate) use persona::{Script, World as ScriptWorld, action, event, opening};
pub use providers::{LlmContract, SttContract, TtsContract};
pub(crate) use script::exports::cordboard::component::persona as script_words;

use crate::egress;
use crate::manifest::Sound;
use crate::stock::Maker;
use crate::store::State;
use crate::weight::Weight;
use audio::resample::ResampleError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::Store;
use wasmtime::component::{InstancePre, ResourceAny};

/// The recogniser's world, and with it the words that all kinds share.
pub(crate) mod stt {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "stt-provider",
        additional_derives: [serde::Serialize, serde::Deserialize],
    });
}

pub(crate) use stt::cordboard::component as shared;

pub(crate) mod llm {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "llm-provider",
        additional_derives: [serde::Serialize, serde::Deserialize],
        with: {
            "cordboard:component/types": super::shared::types,
            "cordboard:component/net": super::shared::net,
            "cordboard:component/log": super::shared::log,
        },
    });
}

pub(crate) mod tts {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "tts-provider",
        additional_derives: [serde::Serialize, serde::Deserialize],
        with: {
            "cordboard:component/types": super::shared::types,
            "cordboard:component/net": super::shared::net,
            "cordboard:component/log": super::shared::log,
        },
    });
}

pub(crate) mod script {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "persona-script",
        additional_derives: [serde::Serialize, serde::Deserialize],
        with: {
            "cordboard:component/types": super::shared::types,
            "cordboard:component/net": super::shared::net,
            "cordboard:component/chat": super::llm::cordboard::component::chat,
            "cordboard:component/log": super::shared::log,
        },
    });
}

/// What a session of a provider is opened with.
pub struct Opened<W> {
    pub(crate) world: W,
    pub(crate) session: ResourceAny,
}

/// An effect of a provider, by who deals with it.
pub enum Sorted<E> {
    /// the call
    Effect(E),
    /// the session's own connections and timers
    Net(egress::Action),
    Timer {
        id: u32,
        after: std::time::Duration,
    },
    CancelTimer(u32),
}

/// What is the same of the three kinds of provider: opened, told events, giving effects.
pub trait Contract: 'static {
    /// what the call tells it
    type Event: Weight;
    /// what it tells the call
    type Effect: Weight;
    type Opening: Serialize + DeserializeOwned;
    /// between the line's sound and the component's
    type Converter: Send;
    /// as it crosses the boundary
    type RawEvent: Serialize + DeserializeOwned;
    type RawEffect: Serialize + DeserializeOwned;
    /// an instance
    type World: Send + 'static;

    /// How instances are made of what fits this contract; fails where it does not.
    fn check(instance: InstancePre<State>) -> wasmtime::Result<Maker<Self::World>>;
    /// Fails where its sound cannot be converted.
    fn converter(sound: Sound) -> Result<Self::Converter, ResampleError>;
    /// What the call tells it, in its own sound; none: not enough of that yet to be told.
    fn outward(converter: &mut Self::Converter, event: Self::Event) -> Option<Self::Event>;
    /// What it tells the call, in the line's sound.
    fn inward(converter: &mut Self::Converter, effect: Self::Effect, given: &mut Vec<Self::Effect>);
    /// The outer error: it trapped. The inner one: it refused.
    fn open(
        world: Self::World,
        store: &mut Store<State>,
        opening: Self::Opening,
        sound: Sound,
        settings: &str,
    ) -> wasmtime::Result<Result<Opened<Self::World>, call::Failure>>;
    fn handle(
        opened: &Opened<Self::World>,
        store: &mut Store<State>,
        at: u64,
        events: &[Self::RawEvent],
    ) -> wasmtime::Result<Vec<Self::RawEffect>>;
    fn event(event: Self::Event) -> Self::RawEvent;
    fn net(event: egress::NetEvent) -> Self::RawEvent;
    fn timer(id: u32) -> Self::RawEvent;
    fn sort(effect: Self::RawEffect) -> Sorted<Self::Effect>;
    /// The session is lost, in the words of its kind.
    fn failed(failure: call::Failure) -> Self::Effect;
    /// Whether that is what it says: nothing that comes after it counts.
    fn is_failed(effect: &Self::Effect) -> bool;
}
