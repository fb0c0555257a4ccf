//! Where values come from, and what is said when one of them is wrong.

use super::Config;
use anyhow::{Context, anyhow, bail};
use components::grant::{Entry, Operator};
use components::manifest::nearest;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file that is read where none is named.
const FILE: &str = "cordboard.toml";

/// Variables that give values of the configuration: the later ones win.
const VARIABLES: [(&str, &str); 38] = [
    ("HOST", "server.host"),
    ("SERVER_HOST", "server.host"),
    ("PORT", "server.port"),
    ("SERVER_PORT", "server.port"),
    ("PUBLIC_URL", "server.public_url"),
    ("CORDBOARD_CALLS", "server.calls"),
    ("CORDBOARD_DRAIN", "server.drain"),
    ("REDIS_URL", "nodes.redis"),
    ("CORDBOARD_NODE_NAME", "nodes.name"),
    ("CORDBOARD_NODE_ADDRESS", "nodes.address"),
    ("TWILIO_ACCOUNT_SID", "twilio.account_sid"),
    ("TWILIO_PHONE_NUMBER", "twilio.phone_number"),
    ("TWILIO_REGION", "twilio.region"),
    ("TWILIO_EDGE", "twilio.edge"),
    ("TWILIO_BASE_URL", "twilio.base_url"),
    ("CORDBOARD_SIGNATURES", "twilio.signatures"),
    ("CORDBOARD_CACHE", "server.cache"),
    ("CORDBOARD_COMPONENTS", "components"),
    ("CORDBOARD_PERSONA", "route.persona"),
    ("CORDBOARD_STT", "route.stt"),
    ("CORDBOARD_LLM", "route.llm"),
    ("CORDBOARD_TTS", "route.tts"),
    ("CORDBOARD_LANGUAGE", "route.language"),
    ("CORDBOARD_TIMEZONE", "route.timezone"),
    ("CORDBOARD_VOICE", "route.voice"),
    ("CORDBOARD_LINE", "route.line"),
    ("CORDBOARD_RECORDING", "recording.enabled"),
    ("CORDBOARD_RECORDINGS", "recording.folder"),
    ("CORDBOARD_JOURNAL", "journal.on"),
    ("CORDBOARD_JOURNALS", "journal.folder"),
    ("DATABASE_URL", "store.database"),
    ("CORDBOARD_ONNXRUNTIME", "vad.onnxruntime"),
    ("CORDBOARD_SILERO_ONNX", "vad.model"),
    ("CORDBOARD_METRICS", "server.metrics"),
    ("CORDBOARD_LOGS", "logs.folder"),
    ("CORDBOARD_LOG_FORMAT", "logs.format"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces.endpoint"),
    ("SILENCE_THRESHOLD_SECONDS", "endpointing.max_delay"),
];

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub file: Option<PathBuf>,
    /// values under their keys
    pub values: Vec<(&'static str, &'static str, String)>,
}

/// The configuration with the origin of each value, and the variables that components may name.
pub struct Loaded {
    pub config: Config,
    /// of `cordboard.toml`: paths of pages count from there
    pub folder: PathBuf,
    figment: Figment,
    variables: BTreeMap<String, (String, &'static str)>,
}

impl Loaded {
    /// Where the value under this key came from.
    pub fn origin(&self, key: &str) -> String {
        // what stands in a list has the origin of the list
        let key = key.split('[').next().unwrap_or_default();
        match self.figment.find_metadata(key) {
            Some(metadata) => match metadata.source.as_ref().and_then(|source| source.file_path()) {
                Some(path) => path.display().to_string(),
                None => metadata.name.to_string(),
            },
            None => "default".into(),
        }
    }

    /// Every value, under its key.
    pub fn values(&self) -> Vec<(String, String)> {
        let mut values = Vec::new();
        if let Ok(Value::Dict(_, dict)) = self.figment.extract::<Value>() {
            flatten("", &dict, &mut values);
        }
        values
    }

    /// Where a variable was set; none: nowhere.
    pub fn variable_origin(&self, name: &str) -> Option<&'static str> {
        self.variables.get(name).map(|(_, origin)| *origin)
    }
}

impl Operator for Loaded {
    fn entry(&self, id: &str) -> Option<&Entry> {
        self.config.component.get(id)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|(value, _)| value.clone())
    }
}

fn flatten(prefix: &str, dict: &Dict, values: &mut Vec<(String, String)>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            // components report their settings themselves
            Value::Dict(..) if key == "component" => {}
            Value::Dict(_, inner) => flatten(&key, inner, values),
            Value::Array(_, several) if several.iter().any(|one| one.as_dict().is_some()) => {
                for (at, one) in several.iter().enumerate() {
                    if let Some(inner) = one.as_dict() {
                        flatten(&format!("{key}[{at}]"), inner, values);
                    }
                }
            }
            other => values.push((key, written(other))),
        }
    }
}

/// As it would stand in the file.
fn written(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Empty(..) => "–".into(),
        Value::Bool(_, truth) => truth.to_string(),
        Value::Num(_, number) => {
            let whole = number.to_i128().map(|n| n.to_string()).or(number.to_u128().map(|n| n.to_string()));
            whole.or(number.to_f64().map(|n| n.to_string())).unwrap_or_default()
        }
        Value::Array(_, values) => format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

/// Reads everything. Fails where a source cannot be read or holds what is not known.
pub fn load(flags: &Flags) -> anyhow::Result<Loaded> {
    let mut figment = Figment::from(Defaults);
    let mut folder = PathBuf::new();
    if let Some(path) = file(flags)? {
        folder = path.parent().map(Path::to_owned).unwrap_or_default();
        figment = figment.merge(Toml::file_exact(path));
    }
    let mut variables = BTreeMap::new();
    for (name, value) in dot_env()? {
        variables.insert(name, (value, ".env"));
    }
    // what is no text cannot be a value of ours
    for (name, value) in std::env::vars_os() {
        if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
            variables.insert(name, (value, "the environment"));
        }
    }
    // an empty variable is one that is not set
    variables.retain(|_, (value, _)| !value.trim().is_empty());
    for from in [".env", "the environment"] {
        for (name, key) in VARIABLES {
            if let Some((value, _)) = variables.get(name).filter(|(_, origin)| *origin == from) {
                figment = figment.merge(One::new(format!("{name} in {from}"), key, value));
            }
        }
    }
    for (flag, key, value) in &flags.values {
        figment = figment.merge(One::new((*flag).to_owned(), key, value));
    }
    let config: Config = figment.extract().map_err(explain)?;
    config.check()?;
    Ok(Loaded { config, folder, figment, variables })
}

/// The file to read, if there is one.
fn file(flags: &Flags) -> anyhow::Result<Option<PathBuf>> {
    let named = flags.file.clone().or_else(|| std::env::var_os("CORDBOARD_CONFIG").map(PathBuf::from));
    match named {
        Some(path) if !path.is_file() => bail!("there is no configuration file {}", path.display()),
        Some(path) => Ok(Some(path)),
        None => Ok(Path::new(FILE).is_file().then(|| PathBuf::from(FILE))),
    }
}

/// The variables of `.env` in this folder, which do not become part of the environment.
fn dot_env() -> anyhow::Result<Vec<(String, String)>> {
    let path = Path::new(".env");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let variables = dotenvy::from_path_iter(path).context("cannot read .env")?;
    variables.collect::<Result<_, _>>().map_err(|wrong| match wrong {
        // what stands there may be a secret
        dotenvy::Error::LineParse(line, _) => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let at =
                text.lines().position(|other| other.trim() == line.trim()).map(|at| format!(" {}", at + 1));
            let at = at.unwrap_or_default();
            anyhow!("line{at} of .env is not NAME=value; a value with spaces needs quotes")
        }
        other => anyhow::Error::new(other).context("cannot read .env"),
    })
}

/// What holds where nothing else is said.
struct Defaults;

impl Provider for Defaults {
    fn metadata(&self) -> Metadata {
        Metadata::named("default")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Serialized::defaults(Config::default()).data()
    }
}

/// One value under one key.
struct One {
    name: String,
    key: &'static str,
    value: Value,
}

impl One {
    fn new(name: String, key: &'static str, text: &str) -> Self {
        // numbers are wanted as numbers; what does not parse is refused as the text it is
        let numeric =
            matches!(key, "server.port" | "server.calls" | "server.drain" | "endpointing.max_delay");
        let number = numeric.then(|| text.trim().parse::<f64>().ok()).flatten();
        let truth = matches!(key, "recording.enabled" | "journal.on" | "twilio.signatures")
            .then(|| text.trim().parse::<bool>().ok())
            .flatten();
        let value = match number {
            _ if truth.is_some() => Value::from(truth.unwrap_or_default()),
            Some(number) if number.fract() == 0.0 && number >= 0.0 => Value::from(number as u64),
            Some(number) => Value::from(number),
            None => Value::from(text.trim()),
        };
        Self { name, key, value }
    }
}

impl Provider for One {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        let mut value = self.value.clone();
        for name in self.key.rsplit('.') {
            value = Value::from(Dict::from([(name.to_owned(), value)]));
        }
        let dict = value.into_dict().unwrap_or_default();
        Ok(Map::from([(Profile::default(), dict)]))
    }
}

/// What is wrong, where, and what was probably meant.
fn explain(error: figment::Error) -> anyhow::Error {
    let from = error.metadata.as_ref().map(|metadata| {
        let file = metadata.source.as_ref().and_then(|source| source.file_path());
        file.map_or_else(|| metadata.name.to_string(), |path| path.display().to_string())
    });
    let from = from.unwrap_or_else(|| "the configuration".into());
    let path = error.path.iter().fold(String::new(), |path, part| match path.is_empty() {
        true => part.clone(),
        false if part.bytes().all(|byte| byte.is_ascii_digit()) => format!("{path}[{part}]"),
        false => format!("{path}.{part}"),
    });
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let key = match path.is_empty() {
                true => field.clone(),
                false if error.path.last() == Some(field) => path,
                false => format!("{path}.{field}"),
            };
            let section = key.strip_suffix(field.as_str()).unwrap_or_default();
            let hint = nearest(field, known.iter().copied())
                .map(|name| format!("; did you mean `{section}{name}`?"))
                .unwrap_or_else(|| format!("; there are: {}", known.join(", ")));
            anyhow!("{from}: unknown key `{key}`{hint}")
        }
        Kind::UnknownVariant(value, known) => {
            let hint = nearest(value, known.iter().copied())
                .filter(|_| known.len() > 1)
                .map(|name| format!("; did you mean {name:?}?"))
                .unwrap_or_else(|| format!("; there is: {}", known.join(", ")));
            anyhow!("{from}: `{path}`: {value:?} is nothing that this build knows{hint}")
        }
        kind if path.is_empty() => anyhow!("{from}: {kind}"),
        kind => anyhow!("{from}: `{path}`: {kind}"),
    }
}
