//! A component that does again what it did, whatever kind it is of.

use super::format::{Bytes, Came, Opened};
use super::replaying::moment;
use super::showing::line;
use crate::component::{Generation, Instances};
use crate::contract::{self, Contract, LlmContract, Script, SttContract, TtsContract, script_words};
use crate::egress::SessionId;
use crate::manifest::{Kind, Manifest};
use crate::session::{Body, Fault, Listening, Speaking, Surroundings};
use call::Moment;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A session that is told again what it was told.
pub(super) trait Again {
    /// None: these are no events for it.
    fn tell(&mut self, now: Moment, events: &Bytes<'_>) -> Option<Came<'static>>;
    fn snapshot(&mut self, now: Moment) -> Came<'static>;
}

struct ProviderAgain<C: Contract> {
    body: Body,
    opened: contract::Opened<C::World>,
}

impl<C: Contract> Again for ProviderAgain<C> {
    fn tell(&mut self, now: Moment, events: &Bytes<'_>) -> Option<Came<'static>> {
        let events: Vec<C::RawEvent> = events.read()?;
        let Self { body, opened } = self;
        Some(Came::of(body.enter(now, |store, at| C::handle(opened, store, at, &events)).as_ref()))
    }

    fn snapshot(&mut self, _: Moment) -> Came<'static> {
        Came::Done(Bytes::of(&None::<String>))
    }
}

struct PersonaAgain {
    body: Body,
    script: Script,
}

impl Again for PersonaAgain {
    fn tell(&mut self, now: Moment, events: &Bytes<'_>) -> Option<Came<'static>> {
        let events: Vec<script_words::Event> = events.read()?;
        let Self { body, script } = self;
        Some(Came::of(body.enter(now, |store, at| script.handle(store, at, &events)).as_ref()))
    }

    fn snapshot(&mut self, now: Moment) -> Came<'static> {
        let Self { body, script } = self;
        Came::of(body.enter(now, |store, _| script.snapshot(store)).as_ref())
    }
}

pub(super) type Opening = Result<Box<dyn Again>, Fault>;

/// Opens it as it was opened, and whether that was from a snapshot; none: it makes no sense.
pub(super) fn again(
    generation: &Arc<Generation>,
    surroundings: &Surroundings,
    opened: &Opened<'_>,
) -> Option<(Opening, bool)> {
    let (now, id) = (moment(opened.at), SessionId(opened.session));
    let manifest = &generation.artifact.manifest;
    let again = match &generation.instances {
        Instances::Stt(stock) => {
            let begun = Body::new(generation, stock, surroundings, id);
            provider::<SttContract>(begun, manifest, opened, opened.opening.read::<Listening>()?)
        }
        Instances::Llm(stock) => {
            let begun = Body::new(generation, stock, surroundings, id);
            provider::<LlmContract>(begun, manifest, opened, opened.opening.read::<()>()?)
        }
        Instances::Tts(stock) => {
            let begun = Body::new(generation, stock, surroundings, id);
            provider::<TtsContract>(begun, manifest, opened, opened.opening.read::<Speaking>()?)
        }
        Instances::Persona(stock) => {
            let (mut body, world) = Body::new(generation, stock, surroundings, id);
            let (mut opening, snapshot): (script_words::Opening, Option<String>) = opened.opening.read()?;
            opening.settings = settings(&opening.settings, manifest);
            let script = body.enter(now, |store, _| match &snapshot {
                Some(snapshot) => Script::restore(world?, store, &opening, snapshot),
                None => Script::open(world?, store, &opening),
            });
            let script = script.and_then(|script| script.map_err(Fault::Refused));
            let again = script.map(|script| Box::new(PersonaAgain { body, script }) as Box<dyn Again>);
            return Some((again, snapshot.is_some()));
        }
    };
    Some((again, false))
}

fn provider<C: Contract>(
    (mut body, world): (Body, wasmtime::Result<C::World>),
    manifest: &Manifest,
    opened: &Opened<'_>,
    opening: C::Opening,
) -> Opening {
    let settings = settings(&opened.settings, manifest);
    let begun =
        body.enter(moment(opened.at), |store, _| C::open(world?, store, opening, opened.sound, &settings));
    let begun = begun.and_then(|begun| begun.map_err(Fault::Refused))?;
    Ok(Box::new(ProviderAgain::<C> { body, opened: begun }))
}

/// The settings of then, with the defaults of those that this build knows besides.
fn settings(then: &str, manifest: &Manifest) -> String {
    let Ok(serde_json::Value::Object(mut settings)) = serde_json::from_str(then) else {
        return then.to_owned();
    };
    let known = settings.len();
    for (name, setting) in &manifest.settings {
        if let Some(default) = &setting.default
            && !settings.contains_key(name)
        {
            settings.insert(name.clone(), serde_json::to_value(default).unwrap_or_default());
        }
    }
    // as it was, to the byte, where nothing is missing
    if settings.len() == known { then.to_owned() } else { serde_json::Value::Object(settings).to_string() }
}

/// What it was told, a line each; none: that cannot be read.
pub(super) fn events(kind: Kind, events: &Bytes<'_>) -> Option<Vec<String>> {
    match kind {
        Kind::Stt => list::<<SttContract as Contract>::RawEvent>(events),
        Kind::Llm => list::<<LlmContract as Contract>::RawEvent>(events),
        Kind::Tts => list::<<TtsContract as Contract>::RawEvent>(events),
        Kind::Persona => list::<script_words::Event>(events),
    }
}

/// What it did, a line each; none: that cannot be read.
pub(super) fn effects(kind: Kind, effects: &Bytes<'_>) -> Option<Vec<String>> {
    match kind {
        Kind::Stt => list::<<SttContract as Contract>::RawEffect>(effects),
        Kind::Llm => list::<<LlmContract as Contract>::RawEffect>(effects),
        Kind::Tts => list::<<TtsContract as Contract>::RawEffect>(effects),
        Kind::Persona => list::<script_words::Action>(effects),
    }
}

fn list<T: Serialize + DeserializeOwned>(bytes: &Bytes<'_>) -> Option<Vec<String>> {
    Some(bytes.read::<Vec<T>>()?.iter().map(line).collect())
}
