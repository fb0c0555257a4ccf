//! How long a session takes to open, of what ships and of whatever `CORDBOARD_OPENED` names (files of
//! components, with commas between them): `cargo test --workspace --test components -- --ignored --nocapture
//! how_long`. In a build for development wasmtime is optimised, and the little around it is not.

use crate::desk::*;
use call::Moment;
use call::persona::Event;
use components::manifest::Kind;
use components::{Artifact, Catalogue, Generation, Listening, Scene, Speaking};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SESSIONS: usize = 101;

/// Of sessions that were opened one after the other, each with an instance made for it, or taken from stock.
struct Took {
    opening: Vec<Duration>,
    /// the first event of a call, told to a persona
    first: Vec<Duration>,
}

fn open(generation: &Arc<Generation>, took: &mut Took) {
    let (surroundings, _arrivals) = surroundings("CA-opening");
    let began = Instant::now();
    match generation.artifact.manifest.kind {
        Kind::Stt => drop(generation.open_stt(&surroundings, Moment::START, Listening::default()).unwrap()),
        Kind::Llm => drop(generation.open_llm(&surroundings, Moment::START).unwrap()),
        Kind::Tts => drop(generation.open_tts(&surroundings, Moment::START, Speaking::default()).unwrap()),
        Kind::Persona => {
            let mut persona = generation
                .open_persona(&surroundings, Moment::START, &Scene::with_nobody())
                .unwrap()
                .unwrap();
            took.opening.push(began.elapsed());
            let began = Instant::now();
            persona.handle(Moment::START, Event::Started).unwrap();
            took.first.push(began.elapsed());
            return;
        }
    }
    took.opening.push(began.elapsed());
}

/// Waits for stock; whether there is any.
fn is_ready(generation: &Generation) -> bool {
    let began = Instant::now();
    while generation.ready() == 0 && began.elapsed() < Duration::from_millis(200) {
        std::thread::yield_now();
    }
    generation.ready() > 0
}

fn measured(generation: &Arc<Generation>, stocked: bool) -> Took {
    let mut took = Took { opening: Vec::new(), first: Vec::new() };
    generation.expect_sessions(stocked);
    for _ in 0..SESSIONS {
        // of what is made in no time there is none
        if stocked && !is_ready(generation) {
            break;
        }
        open(generation, &mut took);
    }
    generation.expect_sessions(false);
    took
}

fn median(times: &mut [Duration]) -> String {
    times.sort();
    times.get(times.len() / 2).map_or("-".into(), |median| format!("{:.3}", median.as_secs_f64() * 1000.0))
}

#[test]
#[ignore = "it measures, and asserts nothing"]
fn how_long_sessions_take_to_open() {
    let catalogue = Catalogue::read(None).unwrap();
    let mut generations: Vec<Arc<Generation>> = catalogue
        .artifacts()
        .filter(|artifact| artifact.manifest.id != "prompted")
        .filter_map(|artifact| {
            let manifest = &artifact.manifest;
            catalogue.load(host(), &manifest.id, manifest.kind, &Desk::default()).ok()
        })
        .collect();
    for path in std::env::var("CORDBOARD_OPENED").iter().flat_map(|paths| paths.split(',')) {
        let artifact = Artifact::from_bytes(std::fs::read(path).unwrap(), Some(path.into())).unwrap();
        let limits = Desk::default().entry(&artifact.manifest.id, "limits = { memory_mb = 64 }");
        generations.push(Arc::new(Generation::load(host(), artifact, None, &limits).unwrap()));
    }
    eprintln!(
        "{:<24}{:>12}{:>12}{:>12}   milliseconds, medians",
        "", "made for it", "from stock", "first event"
    );
    for generation in generations {
        let mut alone = measured(&generation, false);
        let mut stocked = measured(&generation, true);
        let from = generation.artifact.path.as_ref().and_then(|path| path.file_name());
        let name = from.map_or(generation.id().into(), |name| name.to_string_lossy());
        eprintln!(
            "{name:<24}{:>12}{:>12}{:>12}",
            median(&mut alone.opening),
            median(&mut stocked.opening),
            median(&mut alone.first)
        );
    }
}
