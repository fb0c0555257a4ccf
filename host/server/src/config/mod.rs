//! The configuration: one type, out of defaults, `cordboard.toml`, `.env`, the environment and
//! flags, each stronger than the one before it.
//!
//! - `sources.rs`: where values come from
//! - `routes.rs`: `[[routes]]` and `[persona.NAME]`
//! - `lines.rs`: what calls are held over
//! - `last_resort.rs`: who takes over where a call cannot go on
//! - `report.rs`: `cordboard config`
//!
//! Components have settings of their own, which their manifests declare; they stand under
//! `[component.ID]` and are checked when the component is loaded.

mod last_resort;
mod lines;
mod records;
mod report;
mod routes;
mod sources;
mod watching;

pub use lines::{Fallback, Gather, LineKind};
pub use records::{Redaction, Retention, Store};
pub use report::report;
pub use routes::{DEFAULT, Facts, Persona, Providers, Rule};
pub use sources::{Flags, Loaded, load};
pub use watching::{LogFormat, Logs, Metrics, Price, PriceList, Prices, Traces};

use components::grant::Entry;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A folder of `.wasm` files, which add to the components that ship with Cordboard or replace
    /// them by id.
    pub components: Option<PathBuf>,
    pub server: Server,
    pub nodes: Nodes,
    pub twilio: Twilio,
    pub outbound: Outbound,
    pub route: Route,
    /// calls that are served otherwise: the first one that takes a call
    pub routes: Vec<Rule>,
    pub endpointing: Endpointing,
    pub interruption: Interruption,
    pub vad: Vad,
    pub recording: Recording,
    pub journal: Journal,
    pub store: Store,
    pub retention: Retention,
    pub redaction: Redaction,
    pub limits: Limits,
    pub speech: Speech,
    pub logs: Logs,
    pub traces: Traces,
    /// What providers charge.
    pub prices: Prices,
    /// Settings, grant and limits of one component each.
    pub component: BTreeMap<String, Entry>,
    /// Personas made out of a component, by name.
    pub persona: BTreeMap<String, Persona>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    pub host: String,
    pub port: u16,
    /// Where Twilio reaches this server, if that cannot be told from its requests.
    pub public_url: Option<String>,
    /// Peers whose word is taken for the address that was asked for (`Forwarded`, `X-Forwarded-…`):
    /// addresses or networks.
    pub trusted_proxies: Vec<Network>,
    /// Pages of these origins may use this server from a browser: `https://example.com`.
    pub origins: Vec<String>,
    /// Requests of one client to one route; Twilio's own and those of this machine are not counted.
    pub requests_per_minute: u32,
    /// Calls at once.
    pub calls: u32,
    /// How long live calls may go on once the server was asked to stop.
    pub drain: Seconds,
    /// Where compiled components are kept between starts; empty: nowhere.
    pub cache: PathBuf,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8765,
            public_url: None,
            trusted_proxies: vec![
                Network(IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8).trunc())),
                Network(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128))),
            ],
            origins: Vec::new(),
            requests_per_minute: 120,
            calls: 500,
            drain: Seconds(Duration::from_secs(300)),
            cache: default_cache(),
            metrics: Metrics::default(),
        }
    }
}

/// Several servers that share their calls.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nodes {
    /// Where they share them: a Redis server, `redis://HOST:6379`. Without it this one is alone.
    pub redis: Option<String>,
    /// What people call this one; without it a random id.
    pub name: Option<String>,
    /// Where the others reach this one (`http://10.0.0.3:8765`); without it where it listens.
    pub address: Option<String>,
}

/// An address (`10.0.0.7`) or a network (`10.0.0.0/8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Network(pub IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| {
            let wrong = format!("{text:?} is neither an address nor a network like 10.0.0.0/8");
            serde::de::Error::custom(wrong)
        })
    }
}

/// The account that calls come from. Its secrets are not here: they are variables (`TWILIO_AUTH_TOKEN`,
/// or `TWILIO_API_KEY` with `TWILIO_API_SECRET`, `TWILIO_WEBHOOK_SHARED_KEY`).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Twilio {
    pub account_sid: Option<String>,
    /// The number that calls are placed from.
    pub phone_number: Option<String>,
    /// `ie1`, `au1` …
    pub region: Option<String>,
    /// `dublin`, `sydney` …
    pub edge: Option<String>,
    /// In place of Twilio's own address.
    pub base_url: Option<String>,
    /// false: whoever says that they are Twilio is believed
    pub signatures: bool,
}

impl Default for Twilio {
    fn default() -> Self {
        Self {
            account_sid: None,
            phone_number: None,
            region: None,
            edge: None,
            base_url: None,
            signatures: true,
        }
    }
}

/// Calls that this server places. They cost money.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Numbers that begin with one of these may be called (`+1`, `+4420`); none named: all.
    pub prefixes: Vec<String>,
    pub per_minute: u32,
    /// At once.
    pub concurrent: u32,
    /// Whether it is found out that a machine has picked up.
    pub machine_detection: MachineDetection,
    /// How long it may ring.
    pub ring: Seconds,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineDetection {
    /// while the agent already speaks
    #[default]
    Async,
    /// before it speaks: whoever picks up waits in silence
    Sync,
    Off,
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            prefixes: Vec::new(),
            per_minute: 30,
            concurrent: 50,
            machine_detection: MachineDetection::default(),
            ring: Seconds(Duration::from_secs(60)),
        }
    }
}

/// Who answers, and with which providers: one, or several that stand in for those before them. `auto`: the best one for which there is a key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Route {
    pub persona: String,
    /// `none`: nothing recognises what the caller says
    pub stt: Providers,
    pub llm: Providers,
    pub tts: Providers,
    /// BCP 47
    pub language: String,
    /// IANA name
    pub timezone: String,
    /// a voice that the provider knows
    pub voice: Option<String>,
    /// false: calls of this route are not recorded
    pub record: bool,
    /// whether calls of this route have a journal; unset: as `journal.on` says
    pub journal: Option<bool>,
    /// Said before anything else, and not to be interrupted: that the call is recorded, for instance.
    pub announcement: Option<String>,
    /// Where callers can be put through to, by name.
    pub transfers: BTreeMap<String, String>,
    /// What calls are held over.
    pub line: LineKind,
    /// What they go on with where that cannot be opened.
    pub fallback: Fallback,
    /// Attributes of `<ConversationRelay>`, by Twilio's names.
    pub relay: BTreeMap<String, String>,
    pub gather: Gather,
    /// Where the caller goes when the call cannot go on: one of `transfers`, or a number. Unset, they hear
    /// the apology, and the call ends.
    pub last_resort: Option<String>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            persona: "guest-relations".into(),
            stt: Providers::one("auto"),
            llm: Providers::one("auto"),
            tts: Providers::one("auto"),
            language: "en-US".into(),
            timezone: "UTC".into(),
            voice: None,
            record: true,
            journal: None,
            announcement: None,
            transfers: BTreeMap::new(),
            line: LineKind::default(),
            fallback: Fallback::default(),
            relay: BTreeMap::new(),
            gather: Gather::default(),
            last_resort: None,
        }
    }
}

/// When the caller's turn is over, in seconds after the end of speech.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpointing {
    /// once the words are known and end a sentence
    pub min_delay: Seconds,
    /// where they do not end one
    pub no_punctuation_delay: Seconds,
    /// where they end with a number
    pub number_delay: Seconds,
    /// whatever is known
    pub max_delay: Seconds,
}

impl Default for Endpointing {
    fn default() -> Self {
        let default = call::audio::Endpointing::default();
        Self {
            min_delay: Seconds(default.min_delay),
            no_punctuation_delay: Seconds(default.no_punctuation_delay),
            number_delay: Seconds(default.number_delay),
            max_delay: Seconds(default.max_delay),
        }
    }
}

/// The caller speaks over the agent.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Interruption {
    /// false: only keys interrupt
    pub enabled: bool,
    /// so long a sound pauses the agent
    pub min_duration: Seconds,
    /// so many words end its reply
    pub min_words: u32,
    /// the agent goes on where no words come of a sound; else any sound ends its reply
    pub resume_false_interruption: bool,
    /// so long after the sound has ended
    pub false_interruption_timeout: Seconds,
    /// so long after the agent begins to speak, a sound may be its own echo, and only words count
    pub echo: Seconds,
}

impl Default for Interruption {
    fn default() -> Self {
        let default = call::audio::BargeIn::default();
        Self {
            enabled: true,
            min_duration: Seconds(default.min_duration),
            min_words: default.min_words as u32,
            resume_false_interruption: default.resume,
            false_interruption_timeout: Seconds(default.timeout),
            echo: Seconds(default.echo),
        }
    }
}

/// When a sound is speech.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vad {
    pub detector: Detector,
    pub confidence: f32,
    pub start_secs: Seconds,
    pub stop_secs: Seconds,
    /// For `onnx`: where the ONNX Runtime is, a `libonnxruntime.so`.
    pub onnxruntime: Option<PathBuf>,
    /// For `onnx`: the model, a `silero_vad.onnx`.
    pub model: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Detector {
    /// Silero's network, built in
    #[default]
    Silero,
    /// whatever is loud
    Energy,
    /// a model on the ONNX Runtime
    Onnx,
}

impl Default for Vad {
    fn default() -> Self {
        let default = call::audio::Endpointing::default();
        Self {
            detector: Detector::default(),
            confidence: default.confidence,
            start_secs: Seconds(default.start),
            stop_secs: Seconds(default.stop),
            onnxruntime: None,
            model: None,
        }
    }
}

/// Every call in a WAV file of its own: the caller left, the agent right.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    pub enabled: bool,
    /// where the files go; it is made where it is missing
    pub folder: PathBuf,
    pub format: RecordingFormat,
    /// what a crash can cost, in seconds
    pub flush: Seconds,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingFormat {
    /// 16 kB for a second
    #[default]
    Mulaw,
    /// twice as much, for programs that know nothing else
    Pcm16,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            enabled: true,
            folder: "recordings".into(),
            format: RecordingFormat::default(),
            flush: Seconds(Duration::from_secs(5)),
        }
    }
}

/// A file for each call with all that its components were told and what they said about it, for `cordboard
/// replay`. No secrets stand in it; what was said does, word for word, and nothing is redacted: that
/// would be another call.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    pub on: bool,
    /// where the files go; it is made where it is missing
    pub folder: PathBuf,
}

impl Default for Journal {
    fn default() -> Self {
        Self { on: false, folder: "journals".into() }
    }
}

/// How long things may take, in seconds.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub call: Seconds,
    /// a whole answer, tools included
    pub turn: Seconds,
    /// until a model says something
    pub llm_first_output: Seconds,
    /// that a model may pause within an answer
    pub llm_stall: Seconds,
    /// until a recogniser gives a sign of life after speech
    pub stt_first_output: Seconds,
    /// until a voice gives audio
    pub tts_first_output: Seconds,
    /// a silence of which the persona is told
    pub user_away: Seconds,
    /// a tool that takes longer is covered by the filler
    pub filler_after: Seconds,
}

impl Default for Limits {
    fn default() -> Self {
        let default = call::conversation::Settings::default();
        Self {
            call: Seconds(default.call),
            turn: Seconds(default.turn),
            llm_first_output: Seconds(default.first_output),
            llm_stall: Seconds(default.stall),
            stt_first_output: Seconds(call::audio::Settings::default().first_words),
            tts_first_output: Seconds(call::audio::Settings::default().first_output),
            user_away: Seconds(default.patience),
            filler_after: Seconds(default.filler_after),
        }
    }
}

/// What the host says on its own.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Speech {
    /// while a tool runs; empty: nothing
    pub filler: String,
    /// when a call cannot go on
    pub apology: String,
    /// when a call cannot go on, before the caller is put through to the last resort
    pub connecting: String,
    /// in Twilio's voice, when the server that held the call is gone, and the conversation begins anew
    pub cut_off: String,
    /// in Twilio's voice, when nobody is there whom the caller could be put through to
    pub not_reached: String,
}

impl Default for Speech {
    fn default() -> Self {
        let default = call::conversation::Settings::default();
        Self {
            filler: default.filler.unwrap_or_default(),
            apology: default.apology,
            connecting:
                "I am sorry, something went wrong here. I am connecting you to somebody who can help \
                         you. Please hold the line."
                    .into(),
            cut_off: "I am sorry, we were cut off. Let us begin again.".into(),
            not_reached: "I am sorry, nobody can take your call right now. Please call again later. Goodbye."
                .into(),
        }
    }
}

/// A length of time, written as a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| serde::de::Error::custom(format!("{seconds} is not a number of seconds")))
    }
}

fn default_cache() -> PathBuf {
    let home = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")));
    cache.map(|cache| cache.join("cordboard")).unwrap_or_default()
}

impl Config {
    /// What only shows once a call needs it is found out at once.
    pub fn check(&self) -> anyhow::Result<()> {
        let number = |key: &str, number: &str| {
            let parsed = number.parse::<twilio::number::Number>();
            parsed.map(drop).map_err(|e| anyhow::anyhow!("`{key}`: {e}"))
        };
        let routes = self.rules().filter_map(|(key, _, rule)| Some((key, rule.transfers.as_ref()?)));
        for (route, targets) in [("route".to_owned(), &self.route.transfers)].into_iter().chain(routes) {
            for (name, to) in targets {
                number(&format!("{route}.transfers.{name}"), to)?;
            }
        }
        self.check_routes()?;
        self.check_lines()?;
        self.check_last_resorts()?;
        if let Some(own) = &self.twilio.phone_number {
            number("twilio.phone_number", own)?;
        }
        for prefix in &self.outbound.prefixes {
            let digits = prefix.strip_prefix('+').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                anyhow::bail!(
                    "`outbound.prefixes`: {prefix:?} is no beginning of a number; it looks like +1 or +4420"
                );
            }
        }
        if self.outbound.ring.0 > Duration::from_secs(600) || self.outbound.ring.0 < Duration::from_secs(1) {
            anyhow::bail!("`outbound.ring`: Twilio lets it ring for 1 to 600 seconds");
        }
        Ok(())
    }

    /// How one call is held. `recogniser`: there is one; `voice_continues`: the voice speaks its
    /// pieces as one; `last_resort`: what can be said without a voice.
    pub fn call(
        &self,
        recogniser: bool,
        voice_continues: bool,
        last_resort: Vec<call::audio::Phrase>,
    ) -> call::Config {
        let filler = Some(self.speech.filler.clone()).filter(|filler| !filler.trim().is_empty());
        call::Config {
            conversation: call::conversation::Settings {
                first_output: self.limits.llm_first_output.0,
                stall: self.limits.llm_stall.0,
                turn: self.limits.turn.0,
                call: self.limits.call.0,
                patience: self.limits.user_away.0,
                filler_after: self.limits.filler_after.0,
                filler,
                apology: self.speech.apology.clone(),
                interruptions: self.interruption.enabled,
                ..call::conversation::Settings::default()
            },
            line: call::Line::Audio(call::audio::Settings {
                endpointing: call::audio::Endpointing {
                    confidence: self.vad.confidence,
                    start: self.vad.start_secs.0,
                    stop: self.vad.stop_secs.0,
                    min_delay: self.endpointing.min_delay.0,
                    no_punctuation_delay: self.endpointing.no_punctuation_delay.0,
                    number_delay: self.endpointing.number_delay.0,
                    max_delay: self.endpointing.max_delay.0,
                },
                barge_in: call::audio::BargeIn {
                    min_duration: self.interruption.min_duration.0,
                    min_words: self.interruption.min_words as usize,
                    resume: self.interruption.resume_false_interruption,
                    timeout: self.interruption.false_interruption_timeout.0,
                    echo: self.interruption.echo.0,
                },
                last_resort,
                voice_continues,
                first_output: self.limits.tts_first_output.0,
                first_words: self.limits.stt_first_output.0,
                recogniser,
                ..call::audio::Settings::default()
            }),
        }
    }
}

impl Server {
    /// The address to listen on, as a name and a port.
    pub fn address(&self) -> (String, u16) {
        (self.host.clone(), self.port)
    }
}

/// `HOST:PORT`, `[IPV6]:PORT`, `HOST` or `:PORT`.
pub fn parse_bind(text: &str) -> Result<(Option<String>, Option<u16>), String> {
    let wrong = || format!("{text:?} is not an address; it looks like 127.0.0.1:8765, 0.0.0.0 or :9000");
    let port = |port: &str| port.parse::<u16>().map_err(|_| wrong());
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((Some(address.to_string()), None));
    }
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once("]:")) {
        return Ok((Some(host.to_owned()), Some(port(rest)?)));
    }
    match text.rsplit_once(':') {
        Some(("", rest)) => Ok((None, Some(port(rest)?))),
        Some((host, rest)) if !host.contains(':') => Ok((Some(host.to_owned()), Some(port(rest)?))),
        None if !text.is_empty() => Ok((Some(text.to_owned()), None)),
        _ => Err(wrong()),
    }
}
