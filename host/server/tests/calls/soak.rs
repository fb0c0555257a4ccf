//! Many calls, while components are exchanged all the time: good ones, broken ones, ones that trap. No call
//! ends, none misses a turn, every sentence is heard whole, and nothing is left behind: no session, no call, and
//! no memory, as rounds of it show that are all alike.
//!
//! `CORDBOARD_SOAK=100x180` has a hundred calls for three minutes; without it there are few, for a short
//! while.

use crate::exchange::client;
use crate::house::*;
use crate::plugging::{build, exchange, known, manifest};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const ASKED: &str = "My soup was cold today.";
/// Between two exchanges.
const PACE: Duration = Duration::from_secs(1);
/// Of calls that all end. The first one pays for what a process takes once.
const ROUNDS: usize = 4;
/// What may be there after the last round that was not there after the first.
const SLACK: u64 = 16 << 20;

fn size() -> (usize, usize) {
    let wanted = std::env::var("CORDBOARD_SOAK").unwrap_or_else(|_| "12x40".into());
    let (calls, seconds) = wanted.split_once('x').unwrap();
    (calls.parse().unwrap(), seconds.parse().unwrap())
}

/// A component that ships, as another version and under another name.
fn renamed(package: &str, id: &str, version: &str) -> Vec<u8> {
    build(
        package,
        &manifest(package, version).replacen(&format!("id = {package:?}"), &format!("id = {id:?}"), 1),
    )
}

fn villain(of: &str, guest: &str, mode: &str) -> Vec<u8> {
    let text =
        |name: &str, value: &str| format!("\n[settings.{name}]\ntype = \"text\"\ndefault = {value:?}\n");
    build(guest, &(manifest(of, "6.6.6") + &text("mode", mode) + &text("base_url", "")))
}

/// What is exchanged, round and round: whose build, and whether it is any good.
fn builds() -> Vec<(&'static str, Vec<u8>, bool)> {
    vec![
        ("offline-llm", build("parrot-llm", &manifest("offline-llm", "2.0.0")), true),
        ("guest-relations", renamed("guest-relations", "guest-relations", "2.0.0"), true),
        ("flite-tts", renamed("flite-tts", "flite-tts", "2.0.0"), true),
        ("offline-llm", b"no component".to_vec(), false),
        ("offline-llm", villain("offline-llm", "hostile-llm", "trap-at-handle"), true),
        ("offline-llm", villain("offline-llm", "hostile-llm", "trap-at-open"), false),
        ("guest-relations", renamed("guest-relations", "guest-relations", "3.0.0"), true),
        ("flite-tts", villain("flite-tts", "hostile-tts", "trap-at-tenth"), true),
        ("flite-tts", renamed("flite-tts", "flite-tts", "3.0.0"), true),
        ("offline-llm", renamed("offline-llm", "offline-llm", "4.0.0"), true),
    ]
}

/// What one caller went through.
#[derive(Default)]
struct Heard {
    turns: usize,
    /// how many bytes of sound each sentence had, whenever it was heard
    sound: BTreeMap<String, Vec<usize>>,
}

/// A round: so many calls, while so many of these are exchanged, one after the other. Nothing of it is left.
async fn round(
    server: &Arc<Server>,
    number: usize,
    calls: usize,
    builds: impl Iterator<Item = &(&'static str, Vec<u8>, bool)>,
) -> Vec<Heard> {
    let (over, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..calls)
        .map(|call| {
            let (server, over, begun) = (server.clone(), over.clone(), begun.clone());
            tokio::spawn(async move {
                let call = format!("CA-soak-{number}-{call}");
                let mut phone = Phone::begin(&server, &call).await;
                let mut heard = Heard::default();
                assert_eq!(phone.hears().await, "Hello!");
                begun.fetch_add(1, Ordering::Relaxed);
                while !over.load(Ordering::Relaxed) {
                    let before = phone.heard;
                    phone.say(ASKED).await;
                    let answer = phone.hears().await;
                    assert!(!answer.contains("went wrong"), "{call}: {answer}");
                    heard.sound.entry(answer).or_default().push(phone.heard - before);
                    heard.turns += 1;
                }
                phone.say("Goodbye.").await;
                assert_eq!(phone.hears().await, "Bye!", "{call}");
                assert_eq!(phone.ended().await, "script", "{call}");
                heard
            })
        })
        .collect();
    let waiting = async {
        while begun.load(Ordering::Relaxed) < calls {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("not all calls have begun");

    let mut pace = tokio::time::interval(PACE);
    for (id, wasm, good) in builds {
        pace.tick().await;
        let (status, said) = exchange(server, id, "", wasm.clone()).await;
        assert_eq!(status == 200, *good, "{said}");
    }
    over.store(true, Ordering::Relaxed);
    let mut all = Vec::new();
    for caller in callers {
        let heard = tokio::time::timeout(PATIENCE, caller).await.expect("a call does not end");
        all.push(heard.unwrap_or_else(|_| panic!("{}", server.log())));
    }
    for id in ["offline-llm", "flite-tts", "guest-relations", "spare-llm", "spare-tts"] {
        let component = known(server, id).await;
        let uses = component["uses"].as_array().unwrap();
        for one in uses {
            assert_eq!(one["consumed"]["sessions"], 0, "{component}");
            assert_eq!(one["current"]["calls"], 0, "{component}");
        }
    }
    all
}

/// What the server holds of the machine's memory, in bytes.
async fn resident(server: &Server) -> u64 {
    let figures = client().get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let figure = figures.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes "));
    figure.unwrap_or_else(|| panic!("{figures}")).parse::<f64>().unwrap() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn components_are_exchanged_every_second_and_no_call_notices() {
    let (calls, seconds) = size();
    let server = Setup::brief()
        .file("components/README", "")
        .variable("CORDBOARD_COMPONENTS", "components")
        .toml(
            "[server]\nmetrics = \"open\"\n[limits]\nuser_away = 300\ntts_first_output = 2.0\n[route]\nllm = \
             [\"offline-llm\", \"spare-llm\"]\ntts = [\"flite-tts\", \"spare-tts\"]\nrecord = false\n",
        )
        .binary("components/spare-llm.wasm", renamed("offline-llm", "spare-llm", "0.1.0"))
        .binary("components/spare-tts.wasm", renamed("flite-tts", "spare-tts", "0.1.0"))
        .start()
        .await;
    let server = Arc::new(server);
    let builds = builds();
    // each round goes on with the builds where the one before it ended, and none of them is new after the first
    let mut builds_in_turn = builds.iter().cycle();
    let (mut turns, mut sound, mut memory) = (0, BTreeMap::<String, Vec<usize>>::new(), Vec::new());
    for number in 0..ROUNDS {
        let exchanges = builds_in_turn.by_ref().take((seconds / ROUNDS).max(builds.len()));
        for heard in round(&server, number, calls, exchanges).await {
            turns += heard.turns;
            for (answer, sizes) in heard.sound {
                sound.entry(answer).or_default().extend(sizes);
            }
        }
        memory.push(resident(&server).await);
    }
    assert!(turns > ROUNDS * calls, "{turns} turns of {calls} calls");
    // the voices are one voice: what is said is as long whoever says it, and heard whole
    for (answer, sizes) in &sound {
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most - least <= 3200, "{answer:?} had {least} to {most} bytes of sound");
    }
    // what guests say of themselves has their name beside it
    let log = server.log();
    let panics = log.lines().filter(|line| line.contains("panicked") && !line.contains("component=")).count();
    assert_eq!(panics, 0, "{log}");
    let megabytes: Vec<u64> = memory.iter().map(|bytes| bytes >> 20).collect();
    eprintln!("{calls} calls, {ROUNDS} rounds, {turns} turns, {megabytes:?} MiB after each");
    let (warm, last) = (memory[0], memory[ROUNDS - 1]);
    assert!(last <= warm + SLACK, "memory does not come back: {megabytes:?} MiB after each round");
}
