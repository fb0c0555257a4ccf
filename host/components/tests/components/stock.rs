//! Instances that are made before a call needs them: a session that has one of them is as any other, and whoever
//! needs room gets it.

use crate::desk::*;
use call::{Moment, llm};
use components::journal::{Cast, Journal, Kept, Sink};
use components::{Artifact, Catalogue, EngineSettings, Generation, Host, LlmSession, Surroundings};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A model that does this when it is started: takes its time (`d`), traps (`t`), loops (`l`).
fn started(deed: u8) -> Artifact {
    let path = guest("hostile-start");
    let mut wasm = std::fs::read(&path).unwrap();
    let written = b"when started:l";
    let at = wasm.windows(written.len()).position(|bytes| bytes == written).unwrap();
    wasm[at + written.len() - 1] = deed;
    Artifact::from_bytes(wasm, Some(path)).unwrap()
}

fn load(host: &Host, artifact: Artifact) -> Arc<Generation> {
    Arc::new(Generation::load(host, artifact, None, &Desk::default()).unwrap())
}

fn parrot(host: &Host) -> Arc<Generation> {
    let path = guest("parrot-llm");
    load(host, Artifact::from_bytes(std::fs::read(&path).unwrap(), Some(path)).unwrap())
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came to this: {what}");
        std::thread::yield_now();
    }
}

/// All wishes of this host for stock so far are granted, or never will be: they are in turn.
fn settled(host: &Host) {
    let other = load(host, started(b'd'));
    other.expect_sessions(true);
    until("another component has stock", || other.ready() == 2);
}

fn open(generation: &Arc<Generation>) -> (LlmSession, Vec<llm::Effect>) {
    let (surroundings, _arrivals) = surroundings("CA-stock");
    generation.open_llm(&surroundings, Moment::START).unwrap()
}

#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<u8>>>);

impl Sink for Shelf {
    fn take(&self, piece: Vec<u8>) -> bool {
        self.0.lock().unwrap().extend(piece);
        true
    }
}

/// Two replies of one call, and its journal.
fn a_call(generation: &Arc<Generation>, seed: u64) -> ([String; 2], Vec<u8>) {
    let shelf = Shelf::default();
    let (arrivals, _) = mpsc::channel(1);
    let journal = Some(Journal::new(shelf.clone()));
    let surroundings = Surroundings::new("CA-stock", 1_800_000_000_000, seed, arrivals).journaled(journal);
    let said = [1000, 2000].map(|at| {
        let now = Moment::since_start(Duration::from_millis(at));
        let (mut session, _) = generation.open_llm(&surroundings, now).unwrap();
        text(&session.handle(now + Duration::from_millis(500), llm::Event::Generate(prompt("Hello?"))))
    });
    drop(surroundings);
    let bytes = shelf.0.lock().unwrap().clone();
    (said, bytes)
}

#[tokio::test]
async fn a_session_from_stock_is_the_same_as_one_whose_instance_was_made_for_it_and_so_is_its_replay() {
    let host = host();
    let slow = load(host, started(b'd'));
    let (made, made_log) = logged(async { a_call(&slow, 42) }).await;
    assert_eq!(slow.ready(), 0, "nobody expected anything");
    slow.expect_sessions(true);
    until("there is stock", || slow.ready() == 2);
    let (taken, taken_log) = logged(async { a_call(&slow, 42) }).await;
    assert_eq!(made, taken);
    // what it sees when it starts is always the same; later it is of its session
    let [first, second] = &made.0;
    for (said, opened, told) in
        [(first, "1800000001000", "1800000001500"), (second, "1800000002000", "1800000002500")]
    {
        assert!(said.starts_with("started clock 0 drew "), "{said}");
        assert!(said.contains(&format!("opened clock {opened} ")), "{said}");
        assert!(said.contains(&format!("told clock {told} ")), "{said}");
    }
    let start = |said: &str| said.split(';').next().unwrap().to_owned();
    let rest = |said: &str| said.split("drew ").nth(2).unwrap().to_owned();
    assert_eq!(start(first), start(second));
    assert_ne!(rest(first), rest(second), "sessions of a call differ");
    let other = a_call(&slow, 43).0;
    assert_eq!(start(first), start(&other[0]));
    assert_ne!(rest(first), rest(&other[0]), "what decides is the seed");
    // what it wrote before it had a call is the call's
    for log in [made_log, taken_log] {
        let lines = log.lines().filter(|line| line.contains("it has started") && line.contains("CA-stock"));
        assert_eq!(lines.count(), 2, "{log}");
    }
    let kept = Kept::read(&taken.1).unwrap();
    let cast = Cast::new(&kept, &Catalogue::read(None).unwrap(), Some(started(b'd'))).unwrap();
    let replayed = cast.replay(host, &mut |_| {}).unwrap();
    assert!(replayed.divergence.is_none() && replayed.sessions == 2, "{replayed:?}");
}

#[test]
fn what_was_taken_is_made_again_and_what_it_took_is_the_sessions() {
    let host = Host::new(&EngineSettings { sessions: 16, cache: None }).unwrap();
    let slow = load(&host, started(b'd'));
    slow.expect_sessions(true);
    for round in 1..4 {
        until("there is stock", || slow.ready() == 2);
        let before = host.consumed_by("hostile-start");
        assert_eq!((before.sessions, before.memory, before.opened), (0, 0, round - 1), "stock is no session");
        let (session, effects) = open(&slow);
        assert_eq!(effects, []);
        drop(session);
        let after = host.consumed_by("hostile-start");
        assert_eq!((after.sessions, after.opened, after.entries), (0, round, round));
        assert!(after.most_memory > 0, "{after:?}");
        // it did nothing but be started, before
        assert!(after.cpu - before.cpu > Duration::from_micros(300), "{after:?}");
    }
}

#[test]
fn a_call_that_needs_room_gets_it_and_stock_gives_way() {
    let host = Host::new(&EngineSettings { sessions: 6, cache: None }).unwrap();
    let (one, other) = (load(&host, started(b'd')), load(&host, started(b'd')));
    for slow in [&one, &other] {
        slow.expect_sessions(true);
        until("there is stock", || slow.ready() == 2);
    }
    let parrot = parrot(&host);
    let sessions: Vec<_> = (0..6)
        .map(|number| {
            let (session, effects) = open(&parrot);
            assert_eq!(effects, [], "session {number}");
            session
        })
        .collect();
    assert_eq!((one.ready(), other.ready()), (0, 0));
    // one more than there is room for
    assert!(failure(&open(&parrot).1).is_some());
    drop(sessions);
    // it is modest for a while: these are made for their calls
    assert_eq!(open(&one).1, []);
    assert_eq!(one.ready(), 0);
}

#[test]
fn there_is_none_of_what_nobody_expects_nor_of_what_is_made_in_no_time() {
    let host = Host::new(&EngineSettings { sessions: 16, cache: None }).unwrap();
    let (slow, quick) = (load(&host, started(b'd')), parrot(&host));
    slow.expect_sessions(true);
    until("there is stock", || slow.ready() == 2);
    slow.expect_sessions(false);
    assert_eq!(slow.ready(), 0, "it goes at once");
    quick.expect_sessions(true);
    for generation in [&slow, &quick] {
        assert_eq!(open(generation).1, []);
    }
    settled(&host);
    assert_eq!((slow.ready(), quick.ready()), (0, 0));
    // and with its component
    let weak = Arc::downgrade(&slow);
    drop(slow);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn one_that_breaks_when_it_is_started_is_found_out_by_the_call_that_needs_it() {
    let host = Host::new(&EngineSettings { sessions: 16, cache: None }).unwrap();
    for (deed, reason) in [(b't', "this is on purpose"), (b'l', "it computed for more than 50 ms")] {
        let broken = load(&host, started(deed));
        broken.expect_sessions(true);
        settled(&host);
        assert_eq!(broken.ready(), 0);
        let ((_, effects), log) = logged(async { open(&broken) }).await;
        assert!(failure(&effects).unwrap().contains(reason), "{effects:?}");
        for part in ["hostile-start", "CA-stock", reason] {
            assert!(log.contains(part), "{part:?} is not in the log:\n{log}");
        }
        // the thread that makes stock goes on with its work
        settled(&host);
        assert_eq!(broken.ready(), 0);
    }
    let consumed = host.consumed_by("hostile-start");
    assert_eq!((consumed.faults, consumed.sessions, consumed.entries), (2, 0, 2), "{consumed:?}");
}
