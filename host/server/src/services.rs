//! The components that serve this host's calls: which, and why these.

use crate::config::{Config, Loaded};
use anyhow::Context;
use comfy_table::{Table, presets};
use components::grant::{Operator, Origin, Settings};
use components::manifest::{Kind, Manifest};
use components::{Catalogue, EngineSettings, Generation, Host};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Chosen where the route says `auto`: the first of them for which there is a key, else the last.
/// One that this build does not have is passed over.
const PREFERRED: [(Kind, &[&str]); 3] = [
    (Kind::Stt, &["deepgram-stt"]),
    (Kind::Llm, &["openai-llm", "offline-llm"]),
    (Kind::Tts, &["cartesia-tts", "flite-tts"]),
];

/// What every call is served with.
pub struct Services {
    pub config: Config,
    pub persona: Arc<Generation>,
    /// none: words come with the line, or not at all
    pub stt: Option<Arc<Generation>>,
    pub llm: Arc<Generation>,
    pub tts: Arc<Generation>,
    choices: Vec<Choice>,
    pub live: AtomicUsize,
}

/// One row of the table at start.
struct Choice {
    what: &'static str,
    chosen: String,
    about: String,
    change: String,
}

impl Services {
    /// Chooses, loads and compiles. Fails where something that was asked for cannot be had.
    pub fn set_up(loaded: &Loaded, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let config = loaded.config.clone();
        known_components(&config, catalogue)?;
        let cache = Some(config.server.cache.clone()).filter(|cache| !cache.as_os_str().is_empty());
        // recogniser, voice, persona, and a reply with another one behind it
        let sessions = config.server.calls.max(1).saturating_mul(5);
        let host = Host::new(&EngineSettings { sessions, cache })?;
        let load = |kind: Kind, id: &str| {
            catalogue
                .load(&host, id, kind, loaded)
                .with_context(|| format!("the route's {kind} cannot be used"))
        };

        let route = &config.route;
        let mut choices = Vec::new();
        let mut choose = |kind: Kind, wanted: &str| -> anyhow::Result<Option<Arc<Generation>>> {
            let (id, change) = choice(kind, wanted, catalogue, loaded)?;
            let generation = id.map(|id| load(kind, &id)).transpose()?;
            choices.push(row(kind, generation.as_deref(), change));
            Ok(generation)
        };
        let persona = choose(Kind::Persona, &route.persona)?.context("the route has no persona")?;
        let stt = choose(Kind::Stt, &route.stt)?;
        let llm = choose(Kind::Llm, &route.llm)?
            .context("the route has no model: `none` is possible for stt only")?;
        let tts = choose(Kind::Tts, &route.tts)?
            .context("the route has no voice: `none` is possible for stt only")?;
        Ok(Self { persona, stt, llm, tts, choices, live: AtomicUsize::new(0), config })
    }

    /// Which component does what, and what would change it.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["", "component", "what it is", "what changes it"]);
        for choice in &self.choices {
            table.add_row([choice.what, &choice.chosen, &choice.about, &choice.change]);
        }
        table.to_string()
    }

    /// Every service by its kind, with the component that does it.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        [
            ("persona", Some(self.persona.id())),
            ("stt", self.stt.as_ref().map(|stt| stt.id())),
            ("llm", Some(self.llm.id())),
            ("tts", Some(self.tts.id())),
        ]
        .into_iter()
    }
}

/// An entry for a component that is not there is a mistake.
pub fn known_components(config: &Config, catalogue: &Catalogue) -> anyhow::Result<()> {
    for id in config.component.keys() {
        if catalogue.get(id).is_none() {
            let known: Vec<&str> = catalogue.manifests().map(|manifest| manifest.id.as_str()).collect();
            let hint = components::manifest::nearest(id, known.iter().copied())
                .map(|near| format!("; did you mean [component.{near}]?"))
                .unwrap_or_else(|| format!("; there are: {}", known.join(", ")));
            anyhow::bail!("cordboard.toml: [component.{id}] is for a component that is not there{hint}");
        }
    }
    Ok(())
}

/// The component for a kind (none: none), and what would change that.
fn choice(
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
        let keys: Vec<&str> = manifest.secrets.iter().map(|secret| secret.name.as_str()).collect();
        wanting.push(format!("{} → {}", keys.join(" and "), manifest.id));
    }
    let change = if wanting.is_empty() { variable } else { wanting.join("; ") };
    Ok((None, change))
}

/// Whether there is all that it needs: its keys, or an address of the operator's own, where a key
/// may not be needed.
fn is_usable(manifest: &Manifest, operator: &Loaded) -> anyhow::Result<bool> {
    let has_keys = manifest.secrets.iter().all(|secret| operator.variable(&secret.name).is_some());
    let settings = Settings::resolve(manifest, operator)?;
    let own_address = settings.iter().any(|(name, _, origin)| {
        let is_url = manifest
            .settings
            .get(name)
            .is_some_and(|setting| setting.kind == components::manifest::SettingKind::Url);
        is_url && *origin != Origin::Manifest
    });
    Ok(has_keys || own_address)
}

fn row(kind: Kind, generation: Option<&Generation>, change: String) -> Choice {
    let what = match kind {
        Kind::Persona => "persona",
        Kind::Stt => "stt",
        Kind::Llm => "llm",
        Kind::Tts => "tts",
    };
    match generation {
        Some(generation) => {
            let manifest = &generation.artifact.manifest;
            let from = generation.artifact.path.as_ref();
            let from = from.map(|path| format!(" (from {})", path.display())).unwrap_or_default();
            let chosen = format!("{} {}", manifest.id, manifest.version);
            Choice { what, chosen, about: format!("{}{from}", manifest.about), change }
        }
        None => {
            let about = "nothing recognises speech; words may come with the line";
            Choice { what, chosen: "none".into(), about: about.into(), change }
        }
    }
}
