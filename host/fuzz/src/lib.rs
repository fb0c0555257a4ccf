//! Fuzzing as a test: real messages, changed at random, against one parser, for so many seconds.
//!
//! ```text
//! regressions/NAME ─┐
//! corpus/NAME ──────┴─▶ replayed ─▶ pool ─▶ mutation ─▶ property ─▶ new kind of outcome? ─▶ pool
//!                                                          └─▶ panic, too slow, too large ─▶ finding
//! ```
//!
//! It runs on the stable toolchain and needs nothing but it. There is no instrumentation; what guides
//! it is what the property says that came of an input: one with an outcome that was not seen before is
//! kept, and changed further. With a seed, a run is the same again, as far as it goes in its time.
//!
//! - `corpus`: the inputs on disk
//! - `mutation`: what is done to them
//! - `limits`: the time and the memory of one input
//! - `watch`: an input that never comes back, or takes the process with it
//! - `shrink`: a finding, made short
//!
//! The targets are in `tests/parsers/`. Not here: whether an answer is the right one. That is what the
//! parsers' own tests are for; a property holds for any input.

#![forbid(unsafe_code)]

mod corpus;
mod limits;
mod mutation;
mod shrink;
mod watch;

pub use corpus::CorpusError;
pub use limits::{Cost, Excess, Limits};

use corpus::Corpus;
use mutation::{Mutator, Pool};
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use watch::Watch;

/// How long a target runs, in seconds; 0: it only replays what is on disk.
pub const SECONDS: &str = "CORDBOARD_FUZZ_SECONDS";
/// Repeats a run that printed it.
pub const SEED: &str = "CORDBOARD_FUZZ_SEED";

/// Without [`SECONDS`].
const USUALLY: Duration = Duration::from_secs(1);
/// A run ends with so many inputs for each of its seconds, if that is sooner.
const MOST_A_SECOND: f64 = 1_000_000.0;
/// Longer inputs are not kept: what is new about them is rarely their length.
const LONGEST_KEPT: usize = 8192;

/// One parser, and what is known of its language.
#[derive(Clone, Debug)]
pub struct Target {
    /// of its folders in `corpus` and `regressions`
    pub name: &'static str,
    /// words that its inputs may have, beside those of the corpus
    pub dictionary: Vec<&'static str>,
    /// in bytes
    pub longest: usize,
    pub limits: Limits,
}

/// For how long, and which of all runs.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// without what is on disk, which always runs
    pub time: Duration,
    pub seed: u64,
}

/// How often, how fast, and how it would be repeated.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub seed: u64,
    pub runs: u64,
    pub time: Duration,
    /// kinds of outcomes
    pub outcomes: usize,
    /// inputs on disk
    pub given: usize,
    pub most: Cost,
}

/// An input that should not do what it does.
#[derive(Debug, thiserror::Error)]
#[error(
    "{name}: {problem}\n\nThe input, {length} bytes, is in {path}. {SEED}={seed} repeats the run. Once it is \
     mended, keep the input in host/fuzz/regressions/{name}/."
)]
pub struct Finding {
    pub name: &'static str,
    pub seed: u64,
    pub path: PathBuf,
    pub length: usize,
    pub problem: Problem,
}

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the property does not hold: {0}")]
    Panic(String),
    #[error(transparent)]
    Excess(#[from] Excess),
}

#[derive(Debug, thiserror::Error)]
pub enum FuzzError {
    #[error(transparent)]
    Finding(Box<Finding>),
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    #[error("{name} is {value:?}: give it a number that is not negative")]
    Setting { name: &'static str, value: String },
}

impl Target {
    pub fn new(name: &'static str) -> Self {
        Self { name, dictionary: Vec::new(), longest: 64 * 1024, limits: Limits::default() }
    }

    /// More words.
    pub fn dictionary(mut self, words: &[&'static str]) -> Self {
        self.dictionary.extend(words);
        self
    }

    pub fn longest(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Runs the property on what is on disk, and then on changes of it until the time is over. The
    /// property panics where it does not hold, and gives back all that came of the input, each in one of
    /// a few kinds. `scratch`: a folder for findings, `CARGO_TARGET_TMPDIR`.
    pub fn run<K>(
        &self,
        plan: Plan,
        scratch: &Path,
        property: impl Fn(&[u8]) -> K,
    ) -> Result<Report, FuzzError>
    where
        K: IntoIterator<Item: Hash>,
    {
        let Plan { time, seed } = plan;
        println!("{}: {SEED}={seed}", self.name);
        let corpus = Corpus::read(self.name, scratch)?;
        let (watch, earlier) = Watch::begin(self.name, corpus.running())?;
        let (outcomes, most) = (HashSet::new(), Cost::default());
        let mut trial = Trial { target: self, property, watch, corpus: &corpus, seed, outcomes, most };

        let inputs: Vec<_> = earlier.iter().chain(corpus.inputs()).cloned().collect();
        for input in &inputs {
            trial.run(input)?;
        }
        let (given, mut pool) = (inputs.len(), Pool::new(inputs));
        let mut mutator = Mutator::new(seed ^ hash(self.name), &pool, &self.dictionary, self.longest);
        let (began, most_runs) = (Instant::now(), (time.as_secs_f64() * MOST_A_SECOND) as u64);
        let mut runs = 0;
        while runs < most_runs && began.elapsed() < time {
            let input = mutator.next(&pool);
            runs += 1;
            if trial.run(&input)? && input.len() <= LONGEST_KEPT {
                mutator.keep(input, &mut pool);
            }
        }
        let (time, outcomes, most) = (began.elapsed(), trial.outcomes.len(), trial.most);
        let report = Report { seed, runs, time, outcomes, given, most };
        println!("{}: {report}", self.name);
        Ok(report)
    }
}

impl Plan {
    /// As the environment says; else for a second, each time another.
    pub fn of_environment() -> Result<Self, FuzzError> {
        let time = match setting::<f64>(SECONDS)? {
            Some(seconds) => Duration::try_from_secs_f64(seconds)
                .map_err(|_| FuzzError::Setting { name: SECONDS, value: seconds.to_string() })?,
            None => USUALLY,
        };
        Ok(Self { time, seed: setting(SEED)?.unwrap_or_else(|| fastrand::u64(..)) })
    }
}

/// A target at work.
struct Trial<'a, P> {
    target: &'a Target,
    property: P,
    watch: Watch,
    corpus: &'a Corpus,
    seed: u64,
    outcomes: HashSet<u64>,
    most: Cost,
}

impl<K: IntoIterator<Item: Hash>, P: Fn(&[u8]) -> K> Trial<'_, P> {
    /// Whether anything that came of it is new.
    fn run(&mut self, input: &[u8]) -> Result<bool, FuzzError> {
        self.watch.about_to_run(input)?;
        let limits = &self.target.limits;
        match limits.measure(input, &self.property) {
            Ok((outcomes, cost)) => {
                self.most = self.most.at_least(cost);
                let new = outcomes.into_iter().filter(|outcome| self.outcomes.insert(hash(outcome)));
                Ok(new.count() > 0)
            }
            Err(first) => {
                let fails = |input: &[u8]| limits.measure(input, &self.property).err();
                let (input, problem) = shrink::shrink(input, first, fails);
                let path = self.corpus.write_finding(&input)?;
                let (name, seed, length) = (self.target.name, self.seed, input.len());
                Err(FuzzError::Finding(Box::new(Finding { name, seed, path, length, problem })))
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, time, outcomes, given, most, .. } = self;
        let seconds = time.as_secs_f64();
        write!(
            f,
            "{runs} inputs in {seconds:.1} s ({:.0}/s), {outcomes} kinds of outcomes; {given} inputs on disk; one \
             takes {:.1} ms and {} KiB at most",
            *runs as f64 / seconds.max(1e-3),
            most.time.as_secs_f64() * 1e3,
            most.memory / 1024
        )
    }
}

fn setting<T: std::str::FromStr>(name: &'static str) -> Result<Option<T>, FuzzError> {
    let Some(value) = std::env::var(name).ok().filter(|value| !value.is_empty()) else { return Ok(None) };
    let parsed = value.parse().map_err(|_| FuzzError::Setting { name, value })?;
    Ok(Some(parsed))
}

fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
