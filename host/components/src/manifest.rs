//! What a component says about itself: `plugin.toml` or `persona.toml`, which its author writes and
//! which travels inside the `.wasm`.
//!
//! A manifest *asks*. What the component gets is decided in [`grant`](crate::grant).

mod fields;

pub use fields::{Field, FieldKind};

use audio::{SampleRate, TELEPHONE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The custom section of a component that holds its manifest, as TOML.
pub const SECTION: &str = "cordboard:manifest";

/// The version of the contract that this host serves.
pub const CONTRACT: &str = "0.1";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// lower-case words joined by hyphens
    pub id: String,
    pub version: String,
    pub kind: Kind,
    /// the breaking version of the contract it was built against
    pub contract: String,
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    #[serde(default)]
    pub egress: Vec<Egress>,
    #[serde(default)]
    pub secrets: Vec<Secret>,
    #[serde(default)]
    pub limits: Limits,
    /// the sound that a recogniser takes, or that a voice gives
    #[serde(default)]
    pub audio: Sound,
    /// what a persona keeps of a conversation
    #[serde(default, deserialize_with = "fields::named")]
    pub fields: BTreeMap<String, Field>,
    /// it keeps others too, which are declared elsewhere
    #[serde(default)]
    pub any_fields: bool,
}

/// What sound crosses the boundary; mono. Where it is not the telephone's own, the host converts.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sound {
    pub encoding: Encoding,
    /// samples per second
    pub rate: u32,
    /// of a voice: it speaks the pieces of an utterance as one, wherever they are cut
    pub continues: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// G.711 µ-law, a byte a sample
    Mulaw,
    /// signed 16 bit little-endian
    Pcm16,
}

impl Default for Sound {
    fn default() -> Self {
        Self { encoding: Encoding::Mulaw, rate: TELEPHONE.hertz(), continues: false }
    }
}

impl Sound {
    pub fn is_telephone(self) -> bool {
        self.encoding == Encoding::Mulaw && self.rate == TELEPHONE.hertz()
    }

    /// The telephone's where it makes no sense: a manifest that was read has none that does not.
    pub fn rate(self) -> SampleRate {
        SampleRate::new(self.rate).unwrap_or(TELEPHONE)
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Stt,
    Llm,
    Tts,
    Persona,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
            Self::Persona => "persona",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A setting that the operator may give.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// none: the operator must give it
    pub default: Option<toml::Value>,
    /// the variable of the environment that gives it too, if the manifest ships with Cordboard
    pub env: Option<String>,
    /// without a value the component is of no use: it is not chosen where others can be
    #[serde(default)]
    pub needed: bool,
    pub min: Option<f64>,
    pub max: Option<f64>,
    #[serde(default)]
    pub about: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SettingKind {
    Text,
    /// http, https, ws or wss; may be named as `{name}` in egress and secrets
    Url,
    Integer,
    Number,
    Boolean,
}

impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Url => "a URL with http, https, ws or wss",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        })
    }
}

/// Addresses it wants to reach: everything at or below this URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    pub url: String,
}

/// A secret it wants to be added to its requests, which it never sees.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// the variable that holds it: `OPENAI_API_KEY`
    pub name: String,
    /// to requests at or below this URL
    pub url: String,
    pub header: String,
    /// `{}` stands for the secret
    #[serde(default = "plain")]
    pub format: String,
}

fn plain() -> String {
    "{}".into()
}

/// What one session may use. A manifest may ask for less than the defaults; for more only if it
/// ships with Cordboard. The operator may set less, and more up to [`CEILING`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// linear memory, in MiB
    pub memory_mb: u32,
    /// CPU time of one call into it, in milliseconds; and of all calls together a quarter of the
    /// time that goes by, beyond five times as much as this
    pub call_ms: u32,
    /// effects or actions of one call into it
    pub effects: u32,
    /// one frame, or one piece of a body, in KiB; and all effects of one call together, and all that
    /// waits to be sent or to be told, in 16 times as much
    pub frame_kb: u32,
    /// connections open at once, and as many fetches of a script
    pub connections: u32,
    /// frames waiting to be sent on one connection
    pub queue: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mb: 16, call_ms: 50, effects: 1000, frame_kb: 256, connections: 8, queue: 256 }
    }
}

/// The most that anybody may set.
pub const CEILING: Limits =
    Limits { memory_mb: 256, call_ms: 500, effects: 10_000, frame_kb: 4096, connections: 32, queue: 4096 };

impl Limits {
    /// The smaller of both, one by one.
    pub fn at_most(self, most: Self) -> Self {
        self.with(most, u32::min)
    }

    /// The larger of both, one by one.
    pub fn at_least(self, least: Self) -> Self {
        self.with(least, u32::max)
    }

    fn with(self, other: Self, choose: fn(u32, u32) -> u32) -> Self {
        Self {
            memory_mb: choose(self.memory_mb, other.memory_mb),
            call_ms: choose(self.call_ms, other.call_ms),
            effects: choose(self.effects, other.effects),
            frame_kb: choose(self.frame_kb, other.frame_kb),
            connections: choose(self.connections, other.connections),
            queue: choose(self.queue, other.queue),
        }
    }

    pub(crate) fn memory(self) -> usize {
        self.memory_mb as usize * 1024 * 1024
    }

    pub(crate) fn call(self) -> Duration {
        Duration::from_millis(self.call_ms.into())
    }

    pub(crate) fn frame(self) -> usize {
        self.frame_kb as usize * 1024
    }

    /// What one call may hand to the host, and what of a session may wait to be sent or to be told,
    /// in bytes.
    pub(crate) fn transfer(self) -> usize {
        self.frame() * 16
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest cannot be read: {0}")]
    Toml(String),
    #[error("the manifest's id {0:?} is not lower-case words joined by hyphens")]
    Id(String),
    #[error(
        "it was built against the contract {asked}, and this host serves {CONTRACT}: build it again against \
         the WIT of this host"
    )]
    Contract { asked: String },
    #[error("the manifest's default of the setting {name:?}: {problem}")]
    Default { name: String, problem: String },
    #[error("the manifest's audio has {0} samples a second; 8000 to 48000 are possible")]
    Rate(u32),
    #[error("the manifest names {{{name}}}, which is not a setting of type url")]
    Template { name: String },
    #[error(
        "the manifest's secret {name:?} is put into the header {header:?}, which is none that may be set"
    )]
    Header { name: String, header: String },
    #[error(
        "the manifest declares that {name:?} is kept, and a component of the kind {kind} keeps nothing: only a \
         persona does"
    )]
    KeepsNothing { name: String, kind: Kind },
    #[error("the manifest's field {name:?}: {problem}")]
    Field { name: String, problem: &'static str },
}

impl Manifest {
    /// Fails where it is no manifest, contradicts itself, or is meant for another host.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self =
            toml::from_str(text).map_err(|e| ManifestError::Toml(with_nearest(e.message())))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let proper = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(proper) || self.id.len() > 64 {
            return Err(ManifestError::Id(self.id.clone()));
        }
        if !(8_000..=48_000).contains(&self.audio.rate) {
            return Err(ManifestError::Rate(self.audio.rate));
        }
        if self.contract != CONTRACT && !self.contract.starts_with(&format!("{CONTRACT}.")) {
            return Err(ManifestError::Contract { asked: self.contract.clone() });
        }
        self.check_fields()?;
        for (name, setting) in &self.settings {
            if let Some(default) = &setting.default {
                setting
                    .check(default)
                    .map_err(|problem| ManifestError::Default { name: name.clone(), problem })?;
            }
        }
        let urls = self.egress.iter().map(|e| &e.url).chain(self.secrets.iter().map(|s| &s.url));
        for name in urls.flat_map(|url| placeholders(url)) {
            if self.settings.get(name).is_none_or(|setting| setting.kind != SettingKind::Url) {
                return Err(ManifestError::Template { name: name.to_owned() });
            }
        }
        for secret in &self.secrets {
            if !may_hold_a_secret(&secret.header) {
                return Err(ManifestError::Header {
                    name: secret.name.clone(),
                    header: secret.header.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Setting {
    /// Whether this is a value for it; if not, what is wrong.
    pub(crate) fn check(&self, value: &toml::Value) -> Result<(), String> {
        let fits = match (self.kind, value) {
            (SettingKind::Text, toml::Value::String(_)) => true,
            (SettingKind::Url, toml::Value::String(url)) => is_base(url),
            (SettingKind::Integer, toml::Value::Integer(_)) => true,
            (SettingKind::Number, toml::Value::Integer(_) | toml::Value::Float(_)) => true,
            (SettingKind::Boolean, toml::Value::Boolean(_)) => true,
            _ => false,
        };
        if !fits {
            return Err(format!("{value} is not {}", self.kind));
        }
        let number = value.as_float().or_else(|| value.as_integer().map(|n| n as f64));
        match (number, self.min, self.max) {
            (Some(n), Some(min), _) if n < min => Err(format!("{n} is less than {min}")),
            (Some(n), _, Some(max)) if n > max => Err(format!("{n} is more than {max}")),
            _ => Ok(()),
        }
    }

    /// A value out of the text of a variable.
    pub(crate) fn parse(&self, text: &str) -> toml::Value {
        let text = text.trim();
        let parsed = match self.kind {
            SettingKind::Text | SettingKind::Url => None,
            SettingKind::Integer => text.parse().ok().map(toml::Value::Integer),
            SettingKind::Number => text.parse().ok().map(toml::Value::Float),
            SettingKind::Boolean => text.parse().ok().map(toml::Value::Boolean),
        };
        // what does not parse is checked, and refused, as the text it is
        parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
    }
}

fn is_base(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https" | "ws" | "wss")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Whether a secret can go into this header: it is one, and does not say where a request goes or how it
/// is read.
pub fn may_hold_a_secret(header: &str) -> bool {
    let header = header.parse::<reqwest::header::HeaderName>();
    header.is_ok_and(|header| !crate::egress::steers(&header))
}

/// The names in braces.
pub(crate) fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// Which of these somebody may have meant.
pub fn nearest<'a>(meant: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // comparing takes time that grows with both lengths, and nobody mistypes so much
    let short = |name: &str| name.len() <= 64;
    let known = known.into_iter().filter(|name| short(name) && short(meant));
    let scored = known.map(|name| (strsim::jaro_winkler(meant, name), name));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.6).map(|(_, name)| name)
}

/// A message of serde's about an unknown key, with the nearest of those it expected.
fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = message.contains("unknown field") || message.contains("unknown variant");
    match quoted.next().filter(|_| unknown).and_then(|meant| nearest(meant, quoted)) {
        Some(name) => format!("{message}; did you mean `{name}`?"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        id = "parrot-llm"
        version = "1.0.0"
        kind = "llm"
        contract = "0.1"
        [settings.base_url]
        type = "url"
        default = "https://api.example.com/v1"
        [settings.size]
        type = "integer"
        default = 3
        min = 1
        max = 9
        [[egress]]
        url = "{base_url}/say"
        [[secrets]]
        name = "PARROT_KEY"
        url = "{base_url}"
        header = "authorization"
        format = "Bearer {}"
        [limits]
        memory_mb = 4
    "#;

    fn refused(change: impl Fn(String) -> String) -> String {
        Manifest::parse(&change(WHOLE.to_owned())).unwrap_err().to_string()
    }

    #[test]
    fn a_manifest_is_read_and_what_it_leaves_out_has_defaults() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        assert_eq!((manifest.id.as_str(), manifest.kind), ("parrot-llm", Kind::Llm));
        assert_eq!(manifest.limits, Limits { memory_mb: 4, ..Limits::default() });
    }

    #[test]
    fn mistakes_are_named_with_what_was_probably_meant() {
        let typo = refused(|m| m.replace("[[egress]]", "[[egres]]"));
        assert!(typo.contains("`egres`") && typo.contains("did you mean `egress`?"), "{typo}");
        let kind = refused(|m| m.replace("\"llm\"", "\"lllm\""));
        assert!(kind.contains("did you mean `llm`?"), "{kind}");
        let contract = refused(|m| m.replace("contract = \"0.1\"", "contract = \"0.2\""));
        assert!(contract.contains("0.2") && contract.contains("build it again"), "{contract}");
        assert!(refused(|m| m.replace("parrot-llm", "../parrot")).contains("hyphens"));
        assert!(refused(|m| m.replace("default = 3", "default = 10")).contains("more than 9"));
        assert!(refused(|m| m.replace("default = 3", "default = \"3\"")).contains("not a whole number"));
        assert!(refused(|m| m.replace("{base_url}/say", "{bse}/say")).contains("{bse}"));
        assert!(refused(|m| m.replace("\"authorization\"", "\"Host\"")).contains("Host"));
        assert!(refused(|m| m.replace("https://api", "ftp://api")).contains("not a URL"));
    }

    #[test]
    fn the_contract_may_name_a_patch() {
        for version in ["0.1", "0.1.0", "0.1.7"] {
            let text = WHOLE.replace("contract = \"0.1\"", &format!("contract = {version:?}"));
            assert!(Manifest::parse(&text).is_ok(), "{version}");
        }
        assert!(refused(|m| m.replace("contract = \"0.1\"", "contract = \"0.11\"")).contains("0.11"));
    }

    #[test]
    fn nearest_is_near() {
        assert_eq!(nearest("modle", ["model", "voice"]), Some("model"));
        assert_eq!(nearest("zzz", ["model", "voice"]), None);
    }
}
