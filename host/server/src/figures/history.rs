//! The figures of the last hours, for plots: counted in steps of ten seconds, and forgotten with the program.
//!
//! Latencies are kept as they were measured, so that percentiles are those of the calls and not of
//! buckets; of very many in one step, an even selection.

use crate::calls::stages::{Failed, StageTimes};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use utoipa::ToSchema;

/// Things are counted together for so long.
const STEP: u64 = 10;
/// So far back, in seconds.
pub const KEPT: u64 = 6 * 3600;
/// Of one latency in one step, so many are kept.
const MOST: usize = 100;
/// A plot has so many points at most.
const POINTS: u64 = 90;

/// A latency that is measured: the stage, who did it, and what of it.
type Measured = (&'static str, String, &'static str);

#[derive(Default)]
pub struct History(Mutex<Steps>);

#[derive(Default)]
struct Steps {
    /// the oldest first; the last one is not over. Whoever reads them holds up nobody.
    steps: VecDeque<Arc<Step>>,
    /// what the processor had done at the end of the last one
    cpu: Option<Duration>,
}

#[derive(Clone, Default)]
struct Step {
    /// seconds since 1970, a multiple of [`STEP`]
    at: u64,
    calls: usize,
    counts: Counts,
    /// cores, and bytes; none: it is not over
    used: Option<(f64, Option<u64>)>,
    latencies: BTreeMap<Measured, Selection>,
    providers: BTreeMap<(&'static str, String), Failures>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    ended: u32,
    failed: u32,
    turned_away: u32,
    interruptions: u32,
    failovers: u32,
    failures: u32,
    cost: f64,
}

#[derive(Clone, Copy, Default)]
struct Failures {
    failures: u32,
    failed_over_from: u32,
    failed_over_to: u32,
}

/// Milliseconds: all of them, or every second, every fourth …
#[derive(Clone, Default)]
struct Selection {
    kept: Vec<u32>,
    every: u64,
    seen: u64,
}

/// The figures of a while. Lists have a value for each step; null: there was nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Figures {
    from: String,
    to: String,
    step_s: u64,
    /// when each step began: seconds since 1970
    at: Vec<u64>,
    /// the most that went on at once
    calls: Vec<Option<usize>>,
    ended: Vec<Option<u32>>,
    failed: Vec<Option<u32>>,
    turned_away: Vec<Option<u32>>,
    interruptions: Vec<Option<u32>>,
    failovers: Vec<Option<u32>>,
    failures: Vec<Option<u32>>,
    cost: Vec<Option<f64>>,
    /// cores that were used
    cpu: Vec<Option<f64>>,
    memory_mb: Vec<Option<f64>>,
    latencies: Vec<Latency>,
    providers: Vec<Provider>,
    /// of `cost`; null: nothing has a price
    pub currency: Option<String>,
    /// calls that go on now
    pub live: usize,
}

/// Milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Latency {
    /// `turn`, `stt`, `llm`, `tts`
    stage: &'static str,
    /// empty: all of them together
    provider: String,
    /// `voice to voice`, `first` (output), `processing`
    what: &'static str,
    count: u64,
    p50: Option<u32>,
    p95: Option<u32>,
    p99: Option<u32>,
    series: Series,
}

#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Series {
    p50: Vec<Option<u32>>,
    p95: Vec<Option<u32>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Provider {
    stage: &'static str,
    provider: String,
    failures: u32,
    failed_over_from: u32,
    failed_over_to: u32,
}

impl History {
    pub fn ended(&self, failed: bool) {
        self.count(|counts| {
            counts.ended += 1;
            counts.failed += u32::from(failed);
        });
    }

    pub fn answered_after(&self, latency: Duration) {
        self.measured("turn", "", "voice to voice", latency);
    }

    pub fn stage(&self, times: &StageTimes) {
        let stage = times.stage.name();
        if let Some(first) = times.first() {
            self.measured(stage, &times.provider, "first", first);
        }
        if let Some(processing) = times.processing() {
            self.measured(stage, &times.provider, "processing", processing);
        }
    }

    pub fn failed(&self, Failed { stage, provider }: &Failed) {
        let mut steps = self.now();
        let Some(step) = steps.last() else { return };
        step.counts.failures += 1;
        step.providers.entry((stage, provider.clone())).or_default().failures += 1;
    }

    pub fn failed_over(&self, stage: &'static str, from: &str, to: &str) {
        let mut steps = self.now();
        let Some(step) = steps.last() else { return };
        step.counts.failovers += 1;
        step.providers.entry((stage, from.to_owned())).or_default().failed_over_from += 1;
        step.providers.entry((stage, to.to_owned())).or_default().failed_over_to += 1;
    }

    pub fn interrupted(&self) {
        self.count(|counts| counts.interruptions += 1);
    }

    pub fn turned_away(&self) {
        self.count(|counts| counts.turned_away += 1);
    }

    pub fn cost(&self, amount: f64) {
        self.count(|counts| counts.cost += amount);
    }

    /// So many calls go on; so much the processor has done in all, and so many bytes are in use.
    pub fn look(&self, calls: usize, cpu: Duration, memory: Option<u64>) {
        let mut steps = self.now();
        let Steps { steps, cpu: before } = &mut *steps;
        if let Some(step) = steps.back_mut().map(Arc::make_mut) {
            step.calls = step.calls.max(calls);
        }
        // the one before the last is over
        let over = steps.len().checked_sub(2).and_then(|over| steps.get_mut(over));
        if let Some(over) = over.filter(|over| over.used.is_none()).map(Arc::make_mut) {
            let used = before.map(|before| cpu.saturating_sub(before).as_secs_f64() / STEP as f64);
            over.used = Some((used.unwrap_or_default(), memory));
            *before = Some(cpu);
        }
        before.get_or_insert(cpu);
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        if let Some(step) = self.now().last() {
            count(&mut step.counts);
        }
    }

    fn measured(&self, stage: &'static str, provider: &str, what: &'static str, took: Duration) {
        if let Some(step) = self.now().last() {
            let latency = step.latencies.entry((stage, provider.to_owned(), what)).or_default();
            latency.add(u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
        }
    }

    fn now(&self) -> MutexGuard<'_, Steps> {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        steps.reach(seconds());
        steps
    }

    /// The last so many seconds, up to now.
    pub fn figures(&self, back: u64) -> Figures {
        let now = seconds();
        let steps: Vec<Arc<Step>> = self.now().steps.iter().cloned().collect();
        figures(&steps, now, back)
    }
}

impl Steps {
    /// There is a step for this time, and none that is too old.
    fn reach(&mut self, now: u64) {
        let at = now - now % STEP;
        if self.steps.back().is_none_or(|last| last.at < at) {
            self.steps.push_back(Arc::new(Step { at, ..Step::default() }));
        }
        while self.steps.front().is_some_and(|first| first.at + KEPT < at) {
            self.steps.pop_front();
        }
    }

    /// The one that is not over.
    fn last(&mut self) -> Option<&mut Step> {
        self.steps.back_mut().map(Arc::make_mut)
    }
}

/// The last so many seconds of them, up to now.
fn figures(steps: &[Arc<Step>], now: u64, back: u64) -> Figures {
    let back = back.clamp(STEP, KEPT);
    let step_s = back.div_ceil(POINTS).next_multiple_of(STEP);
    let last = now - now % step_s;
    let first = last.saturating_sub(back - back % step_s);
    let at: Vec<u64> = (first..=last).step_by(usize::try_from(step_s).unwrap_or(1)).collect();
    let together: Vec<Vec<&Step>> = at.iter().map(|at| within(steps, *at, at + step_s)).collect();
    let counted = |of: fn(&Counts) -> u32| {
        let sum =
            |steps: &Vec<&Step>| (!steps.is_empty()).then(|| steps.iter().map(|step| of(&step.counts)).sum());
        together.iter().map(sum).collect()
    };
    let over = |steps: &&Step| steps.used;
    let average =
        |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    let megabytes = |(_, memory): (f64, Option<u64>)| Some(memory? as f64 / 1e6);
    Figures {
        from: time(first),
        to: time(now),
        step_s,
        calls: together.iter().map(|steps| steps.iter().map(|step| step.calls).max()).collect(),
        ended: counted(|counts| counts.ended),
        failed: counted(|counts| counts.failed),
        turned_away: counted(|counts| counts.turned_away),
        interruptions: counted(|counts| counts.interruptions),
        failovers: counted(|counts| counts.failovers),
        failures: counted(|counts| counts.failures),
        cost: together
            .iter()
            .map(|steps| (!steps.is_empty()).then(|| steps.iter().map(|step| step.counts.cost).sum()))
            .collect(),
        cpu: together
            .iter()
            .map(|steps| average(steps.iter().filter_map(over).map(|(cores, _)| cores).collect()))
            .collect(),
        memory_mb: together
            .iter()
            .map(|steps| average(steps.iter().filter_map(over).filter_map(megabytes).collect()))
            .collect(),
        latencies: latencies(&together),
        providers: providers(&together),
        currency: None,
        live: 0,
        at,
    }
}

/// Those that began in this time; they are in order.
fn within(steps: &[Arc<Step>], from: u64, to: u64) -> Vec<&Step> {
    let first = steps.partition_point(|step| step.at < from);
    let after = steps.partition_point(|step| step.at < to);
    steps.get(first..after).unwrap_or_default().iter().map(Arc::as_ref).collect()
}

fn latencies(together: &[Vec<&Step>]) -> Vec<Latency> {
    let mut measured: Vec<&Measured> =
        together.iter().flatten().flat_map(|step| step.latencies.keys()).collect();
    measured.sort_unstable();
    measured.dedup();
    let latency = |measured: &Measured| {
        let of = |steps: &Vec<&Step>| {
            let selections: Vec<&Selection> =
                steps.iter().filter_map(|step| step.latencies.get(measured)).collect();
            sorted(&selections)
        };
        let each: Vec<Vec<u32>> = together.iter().map(of).collect();
        let series = Series {
            p50: each.iter().map(|sorted| percentile(sorted, 50)).collect(),
            p95: each.iter().map(|sorted| percentile(sorted, 95)).collect(),
        };
        let selections: Vec<&Selection> =
            together.iter().flatten().filter_map(|step| step.latencies.get(measured)).collect();
        let all = sorted(&selections);
        let (stage, provider, what) = measured.clone();
        let count = selections.iter().map(|selection| selection.seen).sum();
        let [p50, p95, p99] = [50, 95, 99].map(|percent| percentile(&all, percent));
        Latency { stage, provider, what, count, p50, p95, p99, series }
    };
    measured.into_iter().map(latency).collect()
}

fn providers(together: &[Vec<&Step>]) -> Vec<Provider> {
    let mut sums: BTreeMap<&(&'static str, String), Failures> = BTreeMap::new();
    for (provider, failures) in together.iter().flatten().flat_map(|step| &step.providers) {
        let sum = sums.entry(provider).or_default();
        sum.failures += failures.failures;
        sum.failed_over_from += failures.failed_over_from;
        sum.failed_over_to += failures.failed_over_to;
    }
    let provider = |((stage, provider), sum): (&(&'static str, String), Failures)| {
        let Failures { failures, failed_over_from, failed_over_to } = sum;
        Provider { stage, provider: provider.clone(), failures, failed_over_from, failed_over_to }
    };
    sums.into_iter().map(provider).collect()
}

impl Selection {
    fn add(&mut self, milliseconds: u32) {
        if self.seen.is_multiple_of(self.every.max(1)) {
            if self.kept.len() == MOST {
                let mut odd = false;
                self.kept.retain(|_| {
                    odd = !odd;
                    odd
                });
                self.every = self.every.max(1) * 2;
            }
            self.kept.push(milliseconds);
        }
        self.seen += 1;
    }
}

/// Each stands for as many as its selection passed over.
fn sorted(selections: &[&Selection]) -> Vec<u32> {
    let all = selections.iter().flat_map(|selection| {
        let times = usize::try_from(selection.every.max(1)).unwrap_or(1);
        selection.kept.iter().flat_map(move |value| std::iter::repeat_n(*value, times))
    });
    let mut all: Vec<u32> = all.collect();
    all.sort_unstable();
    all
}

/// The nearest rank; none: there is nothing.
fn percentile(sorted: &[u32], percent: usize) -> Option<u32> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn seconds() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default()
}

fn time(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    #[test]
    fn a_while_is_told_in_steps_and_what_nobody_saw_is_no_zero() {
        let mut steps = Steps::default();
        for at in [NOON + 60, NOON + 70, NOON + 300] {
            steps.reach(at);
            let step = steps.last().unwrap();
            step.calls = 3;
            step.counts.ended = 2;
        }
        let figures = figures(steps.steps.make_contiguous(), NOON + 305, 3600);
        assert_eq!(figures.step_s, 40);
        let sum: u32 = figures.ended.iter().flatten().sum();
        assert_eq!(sum, 6);
        assert_eq!(figures.at.len(), figures.ended.len());
        assert_eq!(figures.ended.iter().flatten().count(), 2, "{:?}", figures.ended);
        assert_eq!(figures.calls.last(), Some(&Some(3)));
        assert!(figures.cpu.iter().all(Option::is_none));
    }

    #[test]
    fn percentiles_are_those_of_what_was_measured() {
        let (mut first, mut second) =
            (Step { at: NOON, ..Step::default() }, Step { at: NOON + 10, ..Step::default() });
        let measured = || ("llm", "openai-llm".to_owned(), "first");
        (1..=50).for_each(|took| first.latencies.entry(measured()).or_default().add(took));
        (51..=100).for_each(|took| second.latencies.entry(measured()).or_default().add(took));
        let figures = figures(&[Arc::new(first), Arc::new(second)], NOON + 19, 600);
        let [latency] = figures.latencies.as_slice() else { panic!("{:?}", figures.latencies) };
        assert_eq!(
            (latency.count, latency.p50, latency.p95, latency.p99),
            (100, Some(50), Some(95), Some(99))
        );
        assert_eq!(latency.series.p50.iter().flatten().collect::<Vec<_>>(), [&25, &75]);
    }

    #[test]
    fn of_very_many_an_even_selection_is_kept() {
        let mut selection = Selection::default();
        (0..10_000).for_each(|took| selection.add(took));
        assert!(selection.kept.len() <= MOST);
        assert_eq!(selection.seen, 10_000);
        let median = percentile(&sorted(&[&selection]), 50).unwrap();
        assert!((4800..5200).contains(&median), "{median}");
    }

    #[test]
    fn what_is_too_old_is_forgotten() {
        let mut steps = Steps::default();
        steps.reach(NOON);
        steps.reach(NOON + KEPT + 30);
        assert_eq!(steps.steps.len(), 1);
    }
}
