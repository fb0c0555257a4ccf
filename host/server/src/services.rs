//! The components that serve this host's calls: which, and why these.
//!
//! Which of them serve which call is `routing`'s.

use crate::calls::{Phrases, lines};
use crate::config::{self, Config, Facts, LineKind, Loaded};
use crate::journals::Journals;
use crate::last_resort;
use crate::personas::Personas;
use crate::recording::{Recorder, Recording};
use crate::records::Redaction;
use crate::registry::direction_name;
use crate::routing::{Route, Routes};
use crate::slots::{Chain, Loader, Slot};
use crate::vitals::Vitals;
use ::audio::detect::{self, Detector, OnnxModel};
use anyhow::Context;
use call::audio::Phrase;
use call::persona::{Answerer, Direction};
use comfy_table::{Table, presets};
use components::grant::{Operator, Origin, Settings};
use components::journal::Journal;
use components::manifest::{Kind, Manifest, Setting, SettingKind};
use components::{Catalogue, EngineSettings, Host};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use utoipa::ToSchema;

/// Chosen where the route says `auto`: the first of them for which there is a key, else the last.
/// One that this build does not have is passed over.
const PREFERRED: [(Kind, &[&str]); 3] = [
    (Kind::Stt, &["deepgram-stt", "openai-stt"]),
    (Kind::Llm, &["openai-llm", "offline-llm"]),
    (Kind::Tts, &["cartesia-tts", "openai-tts", "flite-tts"]),
];

/// Chosen only where the operator names their server: their key is the model's too, and says nothing
/// of who is to hear and to speak.
const BY_ADDRESS: [&str; 2] = ["openai-stt", "openai-tts"];

/// What every call is served with.
pub struct Services {
    pub config: Config,
    pub routes: Routes,
    /// what can be said when the voice is lost
    pub last_resort: Vec<Phrase>,
    onnx: Option<OnnxModel>,
    /// none: nothing is recorded
    recorder: Option<Recorder>,
    /// none: no call has a journal
    journals: Option<Journals>,
    choices: Vec<Choice>,
    loader: Arc<Loader>,
    pub vitals: Arc<Vitals>,
    /// what is said so often that it is known by heart
    pub phrases: Phrases,
    pub redaction: Arc<Redaction>,
}

/// Something that can do a job in a call.
#[derive(Serialize, ToSchema)]
pub struct Offer {
    pub id: String,
    pub about: String,
    /// why it cannot be chosen; null: it can
    pub missing: Option<String>,
}

/// One row of the table at start, of what `[route]` says.
struct Choice {
    what: &'static str,
    chosen: String,
    about: String,
    change: String,
}

impl Services {
    /// Chooses, loads and compiles. Fails where something that was asked for cannot be had.
    pub fn set_up(loaded: &Arc<Loaded>, catalogue: Catalogue) -> anyhow::Result<Self> {
        let config = loaded.config.clone();
        known_components(&config, &catalogue)?;
        let cache = Some(config.server.cache.clone()).filter(|cache| !cache.as_os_str().is_empty());
        // recogniser, voice, persona, and a reply with another one behind it
        let sessions = config.server.calls.max(1).saturating_mul(5);
        let host = Host::new(&EngineSettings { sessions, cache })?;
        let personas = Personas::read(loaded, &catalogue)?;
        let last_resort = last_resort::render(&catalogue, &host, loaded, &last_resort::phrases(&config));
        let vitals = Arc::new(Vitals::default());
        let loader = Loader::new(catalogue.clone(), host, loaded.clone(), personas, vitals.clone());
        let mut choices = Vec::new();
        let routes = Routes::set_up(&config, |name, key, route, rule| {
            let whose = match rule {
                Some(_) => format!("the route {name:?}"),
                None => "the route".to_owned(),
            };
            let settings = rule.map(|rule| rule.settings.clone()).unwrap_or_default();
            let mut choose = |kind: Kind, wanted: &[String]| -> anyhow::Result<Vec<Arc<Slot>>> {
                let mut slots: Vec<Arc<Slot>> = Vec::new();
                for wanted in wanted {
                    let (id, change) = choice(kind, wanted, &catalogue, loaded)?;
                    let of_persona = if kind == Kind::Persona { settings.clone() } else { BTreeMap::new() };
                    let slot = id.map(|id| loader.load(kind, &id, &of_persona)).transpose();
                    let slot = slot.with_context(|| format!("{whose}'s {kind} cannot be used"))?;
                    if rule.is_none() {
                        choices.push(row(kind, slots.len(), slot.as_deref(), change));
                    }
                    // what is chosen may be named besides
                    slots.extend(slot.filter(|slot| slots.iter().all(|other| other.id() != slot.id())));
                }
                Ok(slots)
            };
            let needed = |what: &str, slots: Vec<Arc<Slot>>| match slots.is_empty() {
                true => Err(anyhow::anyhow!("{whose} has no {what}: `none` is possible for stt only")),
                false => Ok(slots),
            };
            let persona = choose(Kind::Persona, std::slice::from_ref(&route.persona))?;
            Ok(Route {
                persona: needed("persona", persona)?.swap_remove(0),
                stt: Chain::new(choose(Kind::Stt, &route.stt.0)?),
                llm: Chain::new(needed("model", choose(Kind::Llm, &route.llm.0)?)?),
                tts: Chain::new(needed("voice", choose(Kind::Tts, &route.tts.0)?)?),
                name,
                key,
                config: route,
            })
        })?;
        let recorder = config.records().then(|| Recorder::start(&config.recording)).transpose()?;
        let journals = config.journals().then(|| Journals::start(&config.journal)).transpose()?;
        let onnx = (config.vad.detector == config::Detector::Onnx).then(|| onnx(&config.vad)).transpose()?;
        let redaction = Arc::new(Redaction::new(config.redaction.cards, &config.redaction.patterns)?);
        Ok(Self {
            routes,
            last_resort,
            onnx,
            recorder,
            journals,
            choices,
            loader,
            vitals,
            redaction,
            config,
            phrases: Phrases::default(),
        })
    }

    /// How this call is served.
    pub fn route(&self, call: Facts<'_>) -> &Arc<Route> {
        self.routes.decide(call)
    }

    /// The persona of this id; none: the route's.
    pub async fn persona(&self, route: &Route, id: Option<&str>) -> anyhow::Result<Arc<Slot>> {
        match id.filter(|id| *id != route.persona.id()) {
            Some(id) => self.loader.persona(id).await,
            None => Ok(route.persona.clone()),
        }
    }

    /// All that can do this in a call.
    pub fn offers(&self, kind: Kind) -> Vec<Offer> {
        let (catalogue, operator) = (self.loader.catalogue(), self.loader.operator());
        if kind == Kind::Persona {
            let offer = |(id, about): (String, String)| {
                let manifest = catalogue.get(&id).map(|artifact| &artifact.manifest);
                Offer { missing: manifest.and_then(|manifest| missing(manifest, operator)), id, about }
            };
            return self.loader.personas().into_iter().map(offer).collect();
        }
        let of_kind = catalogue.manifests().filter(|manifest| manifest.kind == kind);
        let offer = |manifest: &Manifest| Offer {
            id: manifest.id.clone(),
            about: manifest.about.clone(),
            missing: missing(manifest, operator),
        };
        of_kind.map(offer).collect()
    }

    /// What is plugged in.
    pub fn loader(&self) -> &Arc<Loader> {
        &self.loader
    }

    /// What runs the components.
    pub fn host(&self) -> &Host {
        self.loader.host()
    }

    /// How one call of this route is held that was picked up by this, as far as it is known.
    pub fn call(&self, route: &Route, line: LineKind, answered_by: Answerer) -> call::Config {
        // whoever of them has to speak
        let joins = |slot: &Arc<Slot>| slot.current().generation.artifact.manifest.audio.continues;
        let continues = route.tts.slots().all(joins);
        let mut call = self.config.call(route.stt.first().is_some(), continues, self.last_resort.clone());
        let many = |chain: &Chain| u32::try_from(chain.len()).unwrap_or(u32::MAX);
        call.conversation.models = many(&route.llm);
        if let call::Line::Audio(audio) = &mut call.line {
            (audio.recognisers, audio.voices) = (many(&route.stt).max(1), many(&route.tts));
        }
        if let Some(text) = lines::settings(line) {
            call.line = call::Line::Text(text);
        }
        call.conversation.answered_by = answered_by;
        call.conversation.announcement = route.config.announcement.clone();
        call.conversation.last_resort = last_resort::of(&self.config, &route.config);
        call
    }

    /// What hears one caller.
    pub fn detector(&self) -> Box<dyn Detector> {
        match self.config.vad.detector {
            config::Detector::Energy => Box::new(detect::Energy::default()),
            config::Detector::Silero => Box::new(detect::Silero::default()),
            // the model is there if it was asked for
            config::Detector::Onnx => match &self.onnx {
                Some(model) => Box::new(model.detector()),
                None => Box::new(detect::Silero::default()),
            },
        }
    }

    /// The server listens there: the names of recordings say so.
    pub fn listens(&self, port: u16) {
        if let Some(recorder) = &self.recorder {
            recorder.listens(port);
        }
    }

    /// Where recordings go; none: nowhere.
    pub fn recordings(&self) -> Option<&Path> {
        self.recorder.as_ref().map(|_| self.config.recording.folder.as_path())
    }

    pub fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// Begins the recording of a call, if those of its route are recorded.
    pub fn record(&self, route: &Route, call_sid: &str, direction: Direction) -> Option<Recording> {
        self.recorder.as_ref().filter(|_| route.config.record)?.begin(call_sid, direction_name(direction))
    }

    pub fn journals(&self) -> Option<&Journals> {
        self.journals.as_ref()
    }

    /// Begins the journal of a call, if those of its route have one.
    pub fn journal(&self, route: &Route, call_sid: &str) -> Option<Journal> {
        let wanted = route.config.journal.unwrap_or(self.config.journal.on);
        self.journals.as_ref().filter(|_| wanted)?.begin(call_sid)
    }

    /// Which component does what, and what would change it; and which calls are served otherwise.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["", "component", "what it is", "what changes it"]);
        for choice in &self.choices {
            table.add_row([choice.what, &choice.chosen, &choice.about, &choice.change]);
        }
        match self.routes.table() {
            Some(others) => format!("{table}\n\n{others}"),
            None => table.to_string(),
        }
    }
}

/// The official model, for those who want it.
fn onnx(vad: &config::Vad) -> anyhow::Result<OnnxModel> {
    let library = vad.onnxruntime.as_deref();
    let library = library.context(
        "the detector onnx needs `vad.onnxruntime`, or CORDBOARD_ONNXRUNTIME: the path of a libonnxruntime.so",
    )?;
    let model = vad.model.as_deref();
    let model = model.context(
        "the detector onnx needs `vad.model`, or CORDBOARD_SILERO_ONNX: the path of a silero_vad.onnx",
    )?;
    Ok(OnnxModel::open(library, model)?)
}

/// An entry for a component that is not there is a mistake.
pub fn known_components(config: &Config, catalogue: &Catalogue) -> anyhow::Result<()> {
    let components = config.component.keys().map(|id| ("component", id));
    let prices = config.prices.providers.keys().map(|id| ("prices", id));
    for (section, id) in components.chain(prices) {
        if catalogue.get(id).is_none() {
            let known: Vec<&str> = catalogue.manifests().map(|manifest| manifest.id.as_str()).collect();
            let hint = components::manifest::nearest(id, known.iter().copied())
                .map(|near| format!("; did you mean [{section}.{near}]?"))
                .unwrap_or_else(|| format!("; there are: {}", known.join(", ")));
            anyhow::bail!("cordboard.toml: [{section}.{id}] is for a component that is not there{hint}");
        }
    }
    Ok(())
}

/// The component for a kind (none: none), and what would change that.
pub fn choice(
    kind: Kind,
    wanted: &str,
    catalogue: &Catalogue,
    operator: &Loaded,
) -> anyhow::Result<(Option<String>, String)> {
    let variable = format!("CORDBOARD_{}", kind.to_string().to_uppercase());
    if wanted == "none" {
        return Ok((None, variable));
    }
    if wanted != "auto" {
        return Ok((Some(wanted.to_owned()), variable));
    }
    let preferred = PREFERRED.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, ids)| *ids);
    let there: Vec<&Manifest> =
        preferred.iter().filter_map(|id| Some(&catalogue.get(id)?.manifest)).collect();
    // what was passed over for want of a key
    let mut wanting = Vec::new();
    for manifest in there {
        if is_usable(manifest, operator)? {
            let keys: Vec<&str> = manifest.secrets.iter().map(|secret| secret.name.as_str()).collect();
            let change = match (wanting.is_empty(), keys.is_empty()) {
                (false, _) => wanting.join("; "),
                (true, false) => format!("{} unset, or {variable}", keys.join(", ")),
                (true, true) => variable,
            };
            return Ok((Some(manifest.id.clone()), change));
        }
        let by_address = BY_ADDRESS.contains(&manifest.id.as_str());
        let keys = manifest.secrets.iter().filter(|_| !by_address).map(|secret| secret.name.as_str());
        let needed = |setting: &&Setting| setting.needed || by_address && setting.kind == SettingKind::Url;
        let settings = manifest.settings.values().filter(needed);
        let variables: Vec<&str> =
            keys.chain(settings.filter_map(|setting| setting.env.as_deref())).collect();
        wanting.push(format!("{} → {}", variables.join(" and "), manifest.id));
    }
    let change = if wanting.is_empty() { variable } else { wanting.join("; ") };
    Ok((None, change))
}

/// What it needs and has not; none: it can be used.
fn missing(manifest: &Manifest, operator: &Loaded) -> Option<String> {
    let settings = match Settings::resolve(manifest, operator) {
        Ok(settings) => settings,
        Err(wrong) => return Some(wrong.to_string()),
    };
    let variable = |setting: &str| manifest.settings.get(setting).and_then(|setting| setting.env.clone());
    let empty = |(name, value, _): &(&str, &toml::Value, &Origin)| {
        let needed = manifest.settings.get(*name).is_some_and(|setting| setting.needed);
        needed && value.as_str().is_some_and(|text| text.trim().is_empty())
    };
    let unset =
        settings.iter().filter(empty).map(|(name, ..)| variable(name).unwrap_or_else(|| name.to_owned()));
    let keys = manifest.secrets.iter().map(|secret| secret.name.clone());
    // a server of the operator's own may need no key
    let keys = keys.filter(|key| !has_own_address(manifest, &settings) && operator.variable(key).is_none());
    let missing: Vec<String> = keys.chain(unset).collect();
    match missing.as_slice() {
        [] => None,
        [one] => Some(format!("{one} is not set")),
        several => Some(format!("{} are not set", several.join(" and "))),
    }
}

/// One of its addresses is the operator's.
fn has_own_address(manifest: &Manifest, settings: &Settings) -> bool {
    settings.iter().any(|(name, _, origin)| {
        let is_url = manifest.settings.get(name).is_some_and(|setting| setting.kind == SettingKind::Url);
        is_url && *origin != Origin::Manifest
    })
}

/// Whether there is all that it needs: its keys, or an address of the operator's own, where a key
/// may not be needed; and the settings without which it is of no use.
fn is_usable(manifest: &Manifest, operator: &Loaded) -> anyhow::Result<bool> {
    let has_keys = manifest.secrets.iter().all(|secret| operator.variable(&secret.name).is_some());
    let settings = Settings::resolve(manifest, operator)?;
    let own_address = has_own_address(manifest, &settings);
    let has_settings = settings.iter().all(|(name, value, _)| {
        let needed = manifest.settings.get(name).is_some_and(|setting| setting.needed);
        !needed || value.as_str().is_none_or(|text| !text.trim().is_empty())
    });
    let has_keys = has_keys && !BY_ADDRESS.contains(&manifest.id.as_str());
    Ok((has_keys || own_address) && has_settings)
}

/// `at`: which of the chain.
fn row(kind: Kind, at: usize, slot: Option<&Slot>, change: String) -> Choice {
    let what = match at {
        0 => kind.name(),
        _ => "  or",
    };
    match slot {
        Some(slot) => {
            let generation = slot.current().generation.clone();
            let manifest = &generation.artifact.manifest;
            let from = generation.artifact.path.as_ref();
            let from = from.map(|path| format!(" (from {})", path.display())).unwrap_or_default();
            let chosen = match generation.id() == manifest.id {
                true => format!("{} {}", manifest.id, manifest.version),
                false => format!("{} ({} {})", generation.id(), manifest.id, manifest.version),
            };
            Choice { what, chosen, about: format!("{}{from}", manifest.about), change }
        }
        None => {
            let about = "nothing recognises speech; words may come with the line";
            Choice { what, chosen: "none".into(), about: about.into(), change }
        }
    }
}
