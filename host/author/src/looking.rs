//! What a component is, what it asks, and whether a host can use it: `check` and `inspect`.

use crate::talks::{self, Desk, nobody};
use call::Moment;
use components::manifest::{CEILING, Egress, Kind, Limits, Manifest, Setting};
use components::{Artifact, Fault, Generation, Host, Listening, LoadError, Speaking, Surroundings};
use std::fmt::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use wasmparser::{Parser, Payload};

/// What is more than this takes long to be sent and to be compiled.
const LARGE: usize = 64 * 1024 * 1024;
/// A caller waits meanwhile.
const SLOW: Duration = Duration::from_millis(250);

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub good: bool,
    pub what: String,
    /// what to do; empty: nothing
    pub advice: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<8} {}", if self.good { "ok" } else { "problem" }, self.what)?;
        for line in self.advice.lines() {
            write!(f, "\n         {line}")?;
        }
        Ok(())
    }
}

fn good(what: impl Into<String>) -> Finding {
    Finding { good: true, what: what.into(), advice: String::new() }
}

fn good_if(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { good: true, what: what.into(), advice: advice.into() }
}

fn problem(what: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { good: false, what: what.into(), advice: advice.into() }
}

/// The component in this file.
pub fn read(path: &Path) -> Result<(Artifact, Vec<u8>), LoadError> {
    let wasm = std::fs::read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    Ok((Artifact::from_bytes(wasm.clone(), Some(path.to_owned()))?, wasm))
}

/// Looks at a component as a host would, one thing after the other.
pub fn check(host: &Host, path: &Path) -> Vec<Finding> {
    let (artifact, wasm) = match read(path) {
        Ok(read) => read,
        Err(error) => return vec![problem(error.to_string(), what_to_do(&error))],
    };
    let manifest = artifact.manifest.clone();
    let Manifest { id, version, kind, contract, .. } = &manifest;
    let hash = artifact.hash.clone();
    let mut findings = vec![good(format!(
        "manifest: {id} {version}, a {kind} component for the contract {contract} ({hash})"
    ))];
    let generation = match talks::load(host, artifact, &Desk::with_examples(&manifest)) {
        Ok(generation) => generation,
        Err(error) => {
            findings.push(problem(error.to_string(), what_to_do(&error)));
            return findings;
        }
    };
    let Boundary { imports, .. } = boundary(&wasm);
    findings.push(good(format!("contract: it exports what a {kind} component must")));
    findings.push(good(match imports.len() {
        0 => "imports: none".to_owned(),
        _ => format!("imports: {}", imports.join(", ")),
    }));
    findings.push(begins(&generation, *kind));
    findings.extend(settings(&manifest));
    findings.extend(asks(&manifest));
    findings.push(size(wasm.len()));
    findings.push(limits(id, manifest.limits));
    findings
}

fn what_to_do(error: &LoadError) -> String {
    match error {
        LoadError::Read { .. } => "build it first: cordboard build".into(),
        LoadError::NotAComponent { .. } => {
            "build it with `cordboard build`, which makes a component of it; a core module is none".into()
        }
        LoadError::Contract { kind, .. } => format!(
            "the kind in the manifest says what it must export: is it a {kind} component, and built with the SDK of \
             this version? `cordboard inspect` shows what it exports"
        ),
        LoadError::Manifest { .. } => "correct the manifest beside the source, and build it again".into(),
        _ => String::new(),
    }
}

/// Whether a session of it can be opened.
fn begins(generation: &Arc<Generation>, kind: Kind) -> Finding {
    let (arrivals, _nobody) = mpsc::channel(1);
    let surroundings = Surroundings::new("at a check", 0, 7, arrivals);
    let began = Instant::now();
    let now = Moment::START;
    let opened: Result<(), String> = match kind {
        Kind::Persona => match generation.open_persona(&surroundings, now, &nobody()) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(Fault::Refused(failure))) => Err(failure.to_string()),
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(error) => Err(error.to_string()),
        },
        Kind::Stt => first_failure(
            generation.open_stt(&surroundings, now, Listening::default()).map(|(_, effects)| effects),
            |effect| match effect {
                call::stt::Effect::Failed(failure) => Some(failure.to_string()),
                _ => None,
            },
        ),
        Kind::Llm => {
            first_failure(generation.open_llm(&surroundings, now).map(|(_, effects)| effects), |effect| {
                match effect {
                    call::llm::Effect::Failed(failure) => Some(failure.to_string()),
                    _ => None,
                }
            })
        }
        Kind::Tts => first_failure(
            generation.open_tts(&surroundings, now, Speaking::default()).map(|(_, effects)| effects),
            |effect| match effect {
                call::tts::Effect::Failed(failure) => Some(failure.to_string()),
                _ => None,
            },
        ),
    };
    let took = began.elapsed();
    match opened {
        Err(why) => problem(
            format!("it does not begin: {why}"),
            "it is opened with the defaults of its settings: they must be such that it can begin",
        ),
        Ok(()) if took > SLOW => good_if(
            format!("it begins, in {} ms", took.as_millis()),
            "a caller waits so long for the first word: do less before it",
        ),
        Ok(()) => good("it begins"),
    }
}

fn first_failure<E>(
    opened: Result<Vec<E>, LoadError>,
    failure: impl Fn(&E) -> Option<String>,
) -> Result<(), String> {
    let effects = opened.map_err(|error| error.to_string())?;
    effects.iter().find_map(failure).map_or(Ok(()), Err)
}

fn settings(manifest: &Manifest) -> Option<Finding> {
    if manifest.settings.is_empty() {
        return None;
    }
    let all: Vec<&str> = manifest.settings.keys().map(String::as_str).collect();
    let missing = manifest.settings.iter().filter(|(_, setting)| setting.default.is_none());
    let lines: Vec<String> =
        missing.map(|(name, setting)| format!("{name} = …   # {}", setting.kind)).collect();
    let advice = match lines.is_empty() {
        true => String::new(),
        false => format!(
            "these have no default; whoever runs it puts them into cordboard.toml:\n[component.{}.settings]\n{}",
            manifest.id,
            lines.join("\n")
        ),
    };
    Some(good_if(format!("settings: {}", all.join(", ")), advice))
}

/// Addresses and keys, and what an operator writes to give them.
fn asks(manifest: &Manifest) -> Option<Finding> {
    let Manifest { id, egress, secrets, .. } = manifest;
    if egress.is_empty() && secrets.is_empty() {
        return Some(good("asks: neither addresses nor keys"));
    }
    let urls = egress.iter().map(|Egress { url }| with_defaults(manifest, url));
    let urls: Vec<String> = urls.collect();
    let mut what = format!("asks: to reach {}", urls.join(", "));
    let mut grant = format!("[component.{id}.grant]\negress = {urls:?}");
    if !secrets.is_empty() {
        let places = secrets.iter().map(|s| format!("{} = {:?}", s.name, with_defaults(manifest, &s.url)));
        let names: Vec<&str> = secrets.iter().map(|secret| secret.name.as_str()).collect();
        let _ = write!(what, "; to have {} in its requests", names.join(", "));
        let _ = write!(grant, "\nsecrets = {{ {} }}", places.collect::<Vec<_>>().join(", "));
    }
    Some(good_if(what, format!("whoever runs it grants that in cordboard.toml:\n{grant}")))
}

fn with_defaults(manifest: &Manifest, url: &str) -> String {
    manifest.settings.iter().fold(url.to_owned(), |url, (name, setting)| {
        let default = setting.default.as_ref().and_then(toml::Value::as_str);
        default.map_or(url.clone(), |value| url.replace(&format!("{{{name}}}"), value.trim_end_matches('/')))
    })
}

fn size(bytes: usize) -> Finding {
    let what = format!("size: {}", readable(bytes));
    match bytes > LARGE {
        false => good(what),
        true => problem(what, "a host reads and compiles all of it: leave out what it does not need"),
    }
}

/// A size for a person.
pub fn readable(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn limits(id: &str, asked: Limits) -> Finding {
    let default = Limits::default();
    let pairs = |limits: Limits| {
        let Limits { memory_mb, call_ms, effects, frame_kb, connections, queue } = limits;
        [
            ("memory_mb", memory_mb),
            ("call_ms", call_ms),
            ("effects", effects),
            ("frame_kb", frame_kb),
            ("connections", connections),
            ("queue", queue),
        ]
    };
    let all = || pairs(asked).into_iter().zip(pairs(default)).zip(pairs(CEILING));
    let over: Vec<String> = all()
        .filter(|(((_, asked), _), (_, most))| asked > most)
        .map(|(((name, asked), _), (_, most))| format!("{name} = {asked} (at most {most})"))
        .collect();
    if !over.is_empty() {
        return problem(
            format!("limits: it asks for more than any host gives: {}", over.join(", ")),
            "ask for less under [limits] in its manifest",
        );
    }
    let more: Vec<String> = all()
        .filter(|(((_, asked), (_, default)), _)| asked > default)
        .map(|(((name, asked), _), _)| format!("{name} = {asked}"))
        .collect();
    match more.is_empty() {
        true => good(format!("limits: {} MiB of memory, {} ms a call", asked.memory_mb, asked.call_ms)),
        false => good_if(
            format!("limits: it asks for more than the defaults: {}", more.join(", ")),
            format!(
                "whoever runs it sets them in cordboard.toml:\n[component.{id}.limits]\n{}",
                more.join("\n")
            ),
        ),
    }
}

/// What crosses the boundary of a component.
#[derive(Debug, Default)]
struct Boundary {
    imports: Vec<String>,
    exports: Vec<String>,
}

fn boundary(wasm: &[u8]) -> Boundary {
    let mut boundary = Boundary::default();
    // what is nested in it has a boundary of its own
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                let names = section.into_iter().filter_map(|import| Some(import.ok()?.name.name.to_owned()));
                boundary.imports.extend(names);
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                let names = section.into_iter().filter_map(|export| Some(export.ok()?.name.name.to_owned()));
                boundary.exports.extend(names);
            }
            _ => {}
        }
    }
    boundary
}

/// All that a component says of itself, for a person.
pub fn inspect(path: &Path) -> Result<String, LoadError> {
    let (Artifact { manifest, hash, .. }, wasm) = read(path)?;
    let Boundary { imports, exports } = boundary(&wasm);
    let mut text = String::new();
    let mut row = |name: &str, what: &str| {
        let _ = writeln!(text, "{name:<10} {what}");
    };
    row("component", &format!("{} {}", manifest.id, manifest.version));
    row("about", &manifest.about);
    row("kind", manifest.kind.name());
    row("contract", &manifest.contract);
    row("file", &format!("{} ({}, {hash})", path.display(), readable(wasm.len())));
    exports.iter().for_each(|name| row("exports", name));
    imports.iter().for_each(|name| row("imports", name));
    for (name, setting) in &manifest.settings {
        let Setting { kind, default, about, .. } = setting;
        let default =
            default.as_ref().map_or("no default".to_owned(), |default| format!("default {default}"));
        row("setting", format!("{name}: {kind}, {default}. {about}").trim_end());
    }
    for egress in &manifest.egress {
        row("reaches", &with_defaults(&manifest, &egress.url));
    }
    for secret in &manifest.secrets {
        let at = with_defaults(&manifest, &secret.url);
        row("secret", &format!("{} into the header {} of requests below {at}", secret.name, secret.header));
    }
    for (name, field) in &manifest.fields {
        row("keeps", format!("{name}: {}. {}", field.kind, field.about).trim_end());
    }
    let Limits { memory_mb, call_ms, effects, frame_kb, connections, queue } = manifest.limits;
    row(
        "limits",
        &format!(
            "{memory_mb} MiB, {call_ms} ms and {effects} effects a call, frames of {frame_kb} KiB, \
             {connections} connections, a queue of {queue}"
        ),
    );
    Ok(text)
}
