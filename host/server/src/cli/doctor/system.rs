//! What this machine gives: open files, memory mappings, folders and what is free in them, the port.

use super::finding::Finding;
use super::public::{Answer, ask};
use crate::cli::client::here;
use crate::config::{Config, Loaded};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::net::TcpListener;
use std::path::Path;

/// Sockets of one call: the line, the recogniser, the voice, the model.
const FILES_OF_A_CALL: u64 = 4;
/// What is open besides.
const FILES_BESIDES: u64 = 200;
/// Sessions of components in one call, as the engine counts them.
const SESSIONS_OF_A_CALL: u64 = 5;
/// What the system keeps for one session.
const MAPPINGS_OF_A_SESSION: u64 = 7;
/// What Linux gives where nobody asked for anything else.
const USUAL_MAPPINGS: u64 = 65_530;
/// In bytes.
const LITTLE_SPACE: u64 = 1_000_000_000;

pub fn examine(config: &Config) -> Vec<Finding> {
    let calls = u64::from(config.server.calls);
    let mut findings = vec![open_files(calls), mappings(calls)];
    let cache = &config.server.cache;
    match cache.as_os_str().is_empty() {
        true => findings.push(Finding::none("cache", "none: components are compiled at each start")),
        false => {
            findings.extend(folder("cache", cache, "choose another: `server.cache`, or CORDBOARD_CACHE"))
        }
    }
    match config.records() {
        true => {
            let advice = "choose another: `recording.folder`, or CORDBOARD_RECORDINGS";
            findings.extend(folder("recordings", &config.recording.folder, advice));
        }
        false => findings.push(Finding::none("recordings", "none are made")),
    }
    if config.journals() {
        let advice = "choose another: `journal.folder`, or CORDBOARD_JOURNALS";
        findings.extend(folder("journals", &config.journal.folder, advice));
    }
    findings
}

fn open_files(calls: u64) -> Finding {
    let what = "open files";
    let needed = calls.saturating_mul(FILES_OF_A_CALL).saturating_add(FILES_BESIDES);
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Finding::ok(what, "no limit");
    };
    if limit >= needed {
        return Finding::ok(what, format!("{limit} at most, for {calls} calls"));
    }
    let possible = limit.saturating_sub(FILES_BESIDES) / FILES_OF_A_CALL;
    let found = format!("{limit} at most: enough for about {possible} calls, and `server.calls` is {calls}");
    let advice = format!(
        "allow {needed}: `ulimit -n {needed}` before the start, LimitNOFILE= in a unit of systemd, \
         --ulimit nofile={needed} in Docker; or allow fewer calls"
    );
    match possible {
        0 => Finding::wrong(what, found).advise(advice),
        _ => Finding::warn(what, found).advise(advice),
    }
}

fn mappings(calls: u64) -> Finding {
    let what = "memory mappings";
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let Some(limit) = limit.ok().and_then(|text| text.trim().parse::<u64>().ok()) else {
        return Finding::none(what, "no limit that is known");
    };
    let needed = calls.saturating_mul(SESSIONS_OF_A_CALL * MAPPINGS_OF_A_SESSION).max(USUAL_MAPPINGS);
    let found = format!("{limit} at most (vm.max_map_count), for {calls} calls");
    match limit >= needed {
        true => Finding::ok(what, found),
        false => Finding::warn(what, found).advise(format!(
            "`sysctl -w vm.max_map_count={needed}`, and the same in /etc/sysctl.conf; or fewer calls"
        )),
    }
}

/// Whether files can be put there, and how much. Nothing is left behind.
fn folder(what: &'static str, folder: &Path, advice: &str) -> Vec<Finding> {
    let shown = folder.display();
    let wrong = |reason: String| vec![Finding::wrong(what, format!("{shown}: {reason}")).advise(advice)];
    if folder.exists() && !folder.is_dir() {
        return wrong("that is no folder".into());
    }
    let path = match std::path::absolute(folder) {
        Ok(path) => path,
        Err(error) => return wrong(error.to_string()),
    };
    // one that is missing is made at start, in the first that is there
    let Some(there) = path.ancestors().find(|path| path.is_dir()) else {
        return wrong("nothing of the path is there".into());
    };
    if let Err(error) = tempfile::tempfile_in(there) {
        return wrong(format!("nothing can be written there: {error}"));
    }
    let made = if folder.is_dir() { "" } else { ", which the start makes" };
    let Ok(space) = rustix::fs::statvfs(there) else {
        return vec![Finding::ok(what, format!("{shown}{made}"))];
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let found = format!("{shown}{made}; {:.1} GB free", free as f64 / 1e9);
    vec![match free < LITTLE_SPACE {
        true => Finding::warn(what, found).advise("make room: a minute of a recorded call takes about 1 MB"),
        false => Finding::ok(what, found),
    }]
}

/// Whether the server can listen, or does.
pub async fn port(loaded: &Loaded) -> Finding {
    let what = "port";
    let (host, port) = loaded.config.server.address();
    match ask(&format!("{}/health", here(&loaded.config))).await {
        Answer::Cordboard { version, .. } => {
            return Finding::ok(what, format!("{host}:{port}: Cordboard {version} is running there"));
        }
        Answer::Other(told) => {
            return Finding::wrong(what, format!("{host}:{port}: something else listens there ({told})"))
                .advise("stop it, or choose another port with PORT or --bind");
        }
        Answer::Nobody(_) => {}
    }
    match TcpListener::bind((host.as_str(), port)) {
        Ok(_) => Finding::ok(what, format!("{host}:{port} is free")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Finding::wrong(what, format!("{host}:{port}: {error}"))
                .advise("choose one from 1024 on (PORT), and let a proxy have the lower one")
        }
        Err(error) => Finding::wrong(what, format!("{host}:{port}: {error}"))
            .advise("stop what listens there, or choose another address with HOST and PORT, or --bind"),
    }
}
