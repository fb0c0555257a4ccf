//! Bugs that were put there are found, on the corpus of `stream`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use fuzz::{Excess, Finding, FuzzError, Limits, Plan, Problem, Report, Target};
use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

/// More than enough.
const PLAN: Plan = Plan { time: Duration::from_secs(60), seed: 1 };

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn finding(result: Result<Report, FuzzError>) -> Finding {
    match result {
        Err(FuzzError::Finding(finding)) => *finding,
        other => panic!("{other:?}"),
    }
}

fn contains(input: &[u8], text: &str) -> bool {
    input.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_panic_is_found_made_short_and_left_in_a_file() {
    let scratch = scratch();
    let found = finding(Target::new("stream").run(PLAN, scratch.path(), |input| {
        assert!(!contains(input, "\"chunk\":\"4294967296\""), "a chunk number that is too large");
        [()]
    }));
    assert!(matches!(&found.problem, Problem::Panic(said) if said == "a chunk number that is too large"));
    assert_eq!(std::fs::read(&found.path).unwrap(), b"\"chunk\":\"4294967296\"");
    let said = found.to_string();
    assert!(
        said.contains("CORDBOARD_FUZZ_SEED=1") && said.contains(&*found.path.to_string_lossy()),
        "{said}"
    );
    let left: Vec<_> = std::fs::read_dir(scratch.path().join("fuzz")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the finding: {left:?}");
}

#[test]
fn what_leads_to_something_new_is_changed_further() {
    // by chance alone, all four in their order take years
    let words = &["alpha", "beta", "gamma", "delta"];
    let found =
        finding(Target::new("stream").dictionary(words).longest(24).run(PLAN, scratch().path(), |input| {
            let reached = (1..=words.len()).take_while(|n| contains(input, &words[..*n].concat())).count();
            assert!(reached < words.len(), "all the way");
            [reached]
        }));
    assert!(matches!(found.problem, Problem::Panic(_)));
}

#[test]
fn what_takes_too_long_or_too_much_is_found() {
    let limits = Limits { time: Duration::from_millis(20), ..Limits::default() };
    let slow = finding(Target::new("stream").limits(limits).run(PLAN, scratch().path(), |input| {
        // every byte is compared with every other
        let pairs = input.iter().flat_map(|a| input.iter().map(move |b| u64::from(a ^ b)));
        [pairs.sum::<u64>() == 1]
    }));
    assert!(matches!(slow.problem, Problem::Excess(Excess::Time { .. })), "{slow}");

    let large = finding(Target::new("stream").run(PLAN, scratch().path(), |input| {
        let claimed = if contains(input, "65536") { 1 << 24 } else { 1 };
        [vec![0u8; claimed].len()]
    }));
    assert!(matches!(large.problem, Problem::Excess(Excess::Memory { .. })), "{large}");
}

#[test]
fn a_seed_repeats_a_run_and_another_one_does_not() {
    let inputs = |seed| {
        let inputs = RefCell::new(Vec::new());
        let plan = Plan { time: Duration::from_millis(200), seed };
        let report = Target::new("stream").run(plan, scratch().path(), |input| {
            inputs.borrow_mut().push(input.to_vec());
            [input.len() % 7]
        });
        let runs = report.unwrap().runs as usize;
        assert!(runs > 100, "{runs}");
        let mut inputs = inputs.into_inner();
        inputs.truncate(100);
        inputs
    };
    assert_eq!(inputs(7), inputs(7));
    assert_ne!(inputs(7), inputs(8));
}

#[test]
fn an_input_that_took_the_process_with_it_comes_first_in_the_next() {
    let scratch = scratch();
    std::fs::create_dir(scratch.path().join("fuzz")).unwrap();
    std::fs::write(scratch.path().join("fuzz/stream.running"), "it was me").unwrap();
    let first = RefCell::new(None);
    let replay = Plan { time: Duration::ZERO, seed: 1 };
    let run = |scratch: &Path| {
        Target::new("stream").run(replay, scratch, |input| {
            first.borrow_mut().get_or_insert(input.to_vec());
            [()]
        })
    };
    assert_eq!(run(scratch.path()).unwrap().runs, 0, "only what is on disk");
    assert_eq!(first.take().unwrap(), b"it was me");
    run(scratch.path()).unwrap();
    assert_ne!(first.take().unwrap(), b"it was me");
}
