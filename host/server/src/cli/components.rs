//! `cordboard components` and `cordboard swap`: what is plugged into a running server, and exchanging it.

use super::client::Server;
use crate::config::{self, Flags};
use ::components::Artifact;
use anyhow::{Context, bail};
use clap::Args;
use comfy_table::{Table, presets};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;

pub const EXAMPLES: &str = "Examples:
  cordboard swap my-persona.wasm                       all calls, at once
  cordboard swap my-persona.wasm --share 10            a tenth of the calls try it first
  cordboard swap my-persona.wasm --number +15555550101 calls from or to this number try it
  cordboard swap my-persona --promote                  now all of them
  cordboard swap my-persona --rollback                 the build before is back";

#[derive(Args)]
pub struct List {
    /// The server [default: the configured address, on this machine]
    #[arg(long)]
    url: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct Swap {
    /// A .wasm file; or, with --promote and --rollback, the id of a component
    component: PathBuf,
    /// So many of a hundred calls try it first
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
    share: Option<u8>,
    /// Calls from or to this number try it first; may be given many times
    #[arg(long = "number", value_name = "NUMBER", conflicts_with = "share")]
    numbers: Vec<String>,
    /// Give all calls what some of them try
    #[arg(long, conflicts_with_all = ["share", "numbers", "rollback"])]
    promote: bool,
    /// Take out what some calls try; else bring back the build before
    #[arg(long, conflicts_with_all = ["share", "numbers"])]
    rollback: bool,
    /// The server [default: the configured address, on this machine]
    #[arg(long)]
    url: Option<String>,
}

pub fn list(flags: &Flags, arguments: List) -> anyhow::Result<ExitCode> {
    let loaded = config::load(flags)?;
    let server = Server::new(arguments.url, &loaded)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let known = runtime.block_on(server.json(server.request(Method::GET, "/components")))?;
    match arguments.json {
        true => println!("{known:#}"),
        false => println!("{}", table(&known)),
    }
    Ok(ExitCode::SUCCESS)
}

pub fn swap(flags: &Flags, arguments: Swap) -> anyhow::Result<ExitCode> {
    let loaded = config::load(flags)?;
    let server = Server::new(arguments.url.clone(), &loaded)?;
    let request = match (arguments.promote, arguments.rollback) {
        (false, false) => {
            let path = &arguments.component;
            let wasm = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let artifact = Artifact::from_bytes(wasm.clone(), Some(path.clone()))?;
            let query =
                [("share", arguments.share.map(|share| share.to_string())), ("numbers", numbers(&arguments))];
            let query = query.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let mut query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            if !query.is_empty() {
                query.insert(0, '?');
            }
            server
                .request(Method::POST, &format!("/components/{}{query}", artifact.manifest.id))
                .header(CONTENT_TYPE, "application/wasm")
                .body(wasm)
        }
        (promote, _) => {
            let id = arguments.component.to_string_lossy();
            if id.ends_with(".wasm") {
                bail!("--promote and --rollback are told the id of a component, not a file");
            }
            let what = if promote { "promote" } else { "rollback" };
            server.request(Method::POST, &format!("/components/{id}/{what}"))
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(server.json(request))?;
    println!("{}", told(&done));
    Ok(ExitCode::SUCCESS)
}

fn numbers(arguments: &Swap) -> Option<String> {
    (!arguments.numbers.is_empty()).then(|| arguments.numbers.join(","))
}

fn told(done: &Value) -> String {
    let text = |name: &str| done.get(name).and_then(Value::as_str).unwrap_or_default();
    let what = format!("{} {} ({})", text("component"), text("version"), text("hash"));
    let generation = done.get("generation").and_then(Value::as_u64).unwrap_or_default();
    let how = match (done.get("unchanged").and_then(Value::as_bool), generation) {
        (Some(true), _) => "is in use already".to_owned(),
        (_, 0) => "can be used; nothing uses it so far".to_owned(),
        (_, generation) => format!("is plugged in, as generation {generation}"),
    };
    match text("kept") {
        "" => format!("{what} {how}"),
        kept => format!("{what} {how}, and kept as {kept}"),
    }
}

fn table(known: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "component",
        "kind",
        "version",
        "hash",
        "calls",
        "state",
        "",
    ]);
    let components = known.get("components").and_then(Value::as_array).into_iter().flatten();
    for component in components {
        let text = |value: &Value, name: &str| match value.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let uses = component.get("uses").and_then(Value::as_array).filter(|uses| !uses.is_empty());
        let Some(uses) = uses else {
            let [id, kind, version, hash] =
                ["id", "kind", "version", "hash"].map(|name| text(component, name));
            table.add_row([id, kind, version, hash, "–".into(), "not in use".into(), String::new()]);
            continue;
        };
        for one in uses {
            let builds = [("", "current"), ("canary: ", "canary")];
            for (what, build) in builds.into_iter().filter_map(|(what, key)| Some((what, one.get(key)?))) {
                let share = text(build, "share");
                let pinned = build.get("pinned").and_then(Value::as_object).map_or(0, |pinned| pinned.len());
                let mut notes = vec![text(one, "reason"), share];
                if pinned > 0 {
                    notes.push(format!("{pinned} calls cannot leave it"));
                }
                notes.retain(|note| !note.is_empty());
                table.add_row([
                    format!("{what}{}", text(one, "name")),
                    text(component, "kind"),
                    text(build, "version"),
                    text(build, "hash"),
                    text(build, "calls"),
                    text(one, "state"),
                    notes.join("; "),
                ]);
            }
        }
    }
    table.to_string()
}
