//! `cordboard replay`: a call once more, out of its journal.
//!
//! What it prints follows from the journal and the components alone: twice the same is the same to the
//! byte.

use super::read;
use crate::config::Flags;
use anyhow::Context;
use clap::Args;
use components::journal::{Cast, Divergence, Ending, Kept, Line, Part, Replayed};
use components::{Artifact, EngineSettings, Host};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

pub const EXAMPLES: &str = "Examples:
  cordboard replay journals/20261121_143005_CA0123.journal
  cordboard replay 20261121_143005_CA0123.journal --with target/wasm32-wasip2/release/my_persona.wasm";

/// What differs, and what cannot be done at all, besides success.
const DIVERGED: u8 = 1;
const IMPOSSIBLE: u8 = 2;

/// Sessions that may be open at once in one call.
const SESSIONS: u32 = 256;
/// Of a list of what was done, so many are shown.
const MOST_SHOWN: usize = 12;

#[derive(Args)]
pub struct Arguments {
    /// The journal of the call
    #[arg(value_name = "FILE")]
    journal: PathBuf,
    /// Have this build of a component play the part of the same id
    #[arg(long, value_name = "WASM")]
    with: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn replay(flags: &Flags, arguments: &Arguments) -> ExitCode {
    match again(flags, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(DIVERGED),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(IMPOSSIBLE)
        }
    }
}

/// Whether all was as it was.
fn again(flags: &Flags, arguments: &Arguments) -> anyhow::Result<bool> {
    let path = arguments.journal.display();
    let bytes = std::fs::read(&arguments.journal).with_context(|| format!("{path} cannot be read"))?;
    let kept = Kept::read(&bytes).with_context(|| format!("{path} cannot be replayed"))?;
    let (loaded, catalogue) = read(flags)?;
    let with = arguments.with.as_ref().map(|path| {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        anyhow::Ok(Artifact::from_bytes(bytes, Some(path.clone()))?)
    });
    let cast = Cast::new(&kept, &catalogue, with.transpose()?)?;
    let cache = Some(loaded.config.server.cache).filter(|cache| !cache.as_os_str().is_empty());
    let host = Host::new(&EngineSettings { sessions: SESSIONS, cache })?;
    let mut lines = Vec::new();
    if !arguments.json {
        println!("{}", head(&kept, &cast.parts()));
    }
    let replayed = cast.replay(&host, &mut |line| {
        if arguments.json {
            lines.push(json!({ "at_ms": line.at, "who": line.who.name(), "text": line.text }));
        } else {
            println!("{}", spoken(&line));
        }
    });
    let replayed = replayed.with_context(|| format!("{path} cannot be replayed"))?;
    match arguments.json {
        true => println!("{:#}", document(&kept, &cast.parts(), lines, &replayed)),
        false => println!("\n{}", verdict(&replayed)),
    }
    Ok(replayed.divergence.is_none())
}

/// Which call it was, and who plays it.
fn head(kept: &Kept<'_>, parts: &[Part<'_>]) -> String {
    let mut head = format!(
        "call      {}\nbegan     {}\nduration  {}\nhost      Cordboard {}\njournal   {}\n",
        kept.call(),
        began(kept),
        time(kept.lasted()),
        kept.host(),
        ending(kept.ending),
    );
    for Part { took, player } in parts {
        let name = if took.name == took.id { String::new() } else { format!("{} = ", took.name) };
        let now = match player.hash == took.hash {
            true => "the same now".into(),
            false => format!("now {} ({}), {}", player.manifest.version, player.hash, player.from()),
        };
        let (kind, id, version, hash) = (took.kind.name(), took.id, took.version, took.hash);
        head.push_str(&format!("{kind:<9} {name}{id} {version} ({hash}), {now}\n"));
    }
    head
}

fn began(kept: &Kept<'_>) -> String {
    let milliseconds = i64::try_from(kept.began()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(milliseconds);
    moment.map_or_else(|_| "at no time that there is".into(), |moment| moment.to_string())
}

fn ending(ending: Ending) -> String {
    match ending {
        Ending::Whole => "whole".into(),
        Ending::Incomplete => "not whole: what came later could not be written".into(),
        Ending::Missing => "without an end: the host was cut off, or the call goes on".into(),
        Ending::Torn(bytes) => format!("torn: {bytes} bytes at its end are no whole record"),
    }
}

/// Minutes, seconds and milliseconds.
fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!("{:02}:{:02}.{:03}", seconds / 60, seconds % 60, milliseconds % 1000)
}

fn spoken(line: &Line) -> String {
    // a line of its own for each, whatever stands in it
    let text: String = line.text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{}  {:<8}  {}", time(line.at), line.who, text.trim_end())
}

fn verdict(replayed: &Replayed) -> String {
    let Replayed { sessions, events, effects, not_compared, divergence } = replayed;
    let mut verdict = match divergence {
        None => format!("identical: {events} events, {effects} effects in {sessions} sessions"),
        Some(divergence) => diverged(divergence),
    };
    if *not_compared > 0 {
        verdict.push_str(&format!(
            "\nnot compared: {not_compared} that the host ended then because it computed for too long"
        ));
    }
    verdict
}

fn diverged(divergence: &Divergence) -> String {
    let Divergence { at, kind, id, session, told, same, then, now } = divergence;
    let list = |items: &[String]| {
        if items.is_empty() {
            return "  nothing more\n".to_owned();
        }
        let shown: String = items.iter().take(MOST_SHOWN).map(|item| format!("  {item}\n")).collect();
        match items.len().saturating_sub(MOST_SHOWN) {
            0 => shown,
            more => format!("{shown}  … and {more} more\n"),
        }
    };
    let after = match same {
        0 => String::new(),
        1 => ", after one thing that is the same".into(),
        same => format!(", after {same} things that are the same"),
    };
    let text = format!(
        "diverged at {}: the {kind} {id}, session {session}, was told\n{}then{after}:\n{}now{after}:\n{}",
        time(*at),
        list(told),
        list(then),
        list(now),
    );
    text.trim_end().to_owned()
}

fn document(kept: &Kept<'_>, parts: &[Part<'_>], lines: Vec<Value>, replayed: &Replayed) -> Value {
    let part = |Part { took, player }: &Part<'_>| {
        json!({
            "kind": took.kind.name(), "id": took.id, "name": took.name,
            "then": { "version": took.version, "hash": took.hash },
            "now": { "version": player.manifest.version, "hash": player.hash, "from": player.from() },
        })
    };
    let divergence = replayed.divergence.as_ref().map(|divergence| {
        json!({
            "at_ms": divergence.at, "kind": divergence.kind.name(), "id": divergence.id,
            "session": divergence.session, "told": divergence.told, "same": divergence.same,
            "then": divergence.then, "now": divergence.now,
        })
    });
    json!({
        "call": kept.call(), "began": began(kept), "duration_ms": kept.lasted(), "host": kept.host(),
        "whole": kept.ending == Ending::Whole,
        "components": parts.iter().map(part).collect::<Vec<_>>(),
        "conversation": lines,
        "identical": divergence.is_none(),
        "sessions": replayed.sessions, "events": replayed.events, "effects": replayed.effects,
        "not_compared": replayed.not_compared,
        "divergence": divergence,
    })
}
