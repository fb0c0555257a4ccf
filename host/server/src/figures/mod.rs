//! Figures for Prometheus: how many calls, how fast, what failed, what is used.
//!
//! Labels come from small sets: directions, departures, stages, and ids of components that are there.
//! Never numbers, names of calls, or words. What changes all the time is read when it is asked for
//! (`scrape.rs`); nothing is counted for each frame of audio. `history.rs` has the same of the last hours,
//! for plots.

pub mod history;
mod scrape;

pub use scrape::FORMAT;

use crate::app::Shared;
use crate::calls::stages::{Failed, Stage, StageTimes};
use crate::calls::usage::{UNITS, Usage};
use crate::config::Prices;
use anyhow::Context;
use call::persona::{Departure, Direction};
use components::Consumed;
use history::History;
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    Opts, Registry,
};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// What people notice in a conversation: from a twentieth of a second to ten seconds.
const VOICE: [f64; 14] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0];
/// Calls, in seconds.
const CALLS: [f64; 10] = [5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1800.0, 3600.0];

/// Why a call was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// there are as many as the host may carry
    Full,
    /// the host is about to stop
    Draining,
}

/// How often calls are counted for the history.
const LOOK: Duration = Duration::from_secs(2);

pub struct Figures {
    pub history: History,
    registry: Registry,
    calls: IntCounterVec,
    durations: Histogram,
    turns: Histogram,
    first: HistogramVec,
    processing: HistogramVec,
    interruptions: IntCounter,
    failures: IntCounterVec,
    failed_over: IntCounterVec,
    exchanged: IntCounterVec,
    trouble: IntCounter,
    turned_away: IntCounterVec,
    webhooks_refused: IntCounter,
    used: IntCounterVec,
    cost: CounterVec,
    scraped: Scraped,
    queues: Mutex<Vec<Queue>>,
}

/// Read when somebody asks.
struct Scraped {
    live: Gauge,
    twilio_failures: IntCounter,
    queues: GaugeVec,
    component_cpu: CounterVec,
    component_memory: GaugeVec,
    component_sessions: GaugeVec,
    component_counts: [ComponentCount; 7],
    cpu: Counter,
    memory: Gauge,
    files: Gauge,
    started: Gauge,
    /// one at a time, or what was counted elsewhere would be added twice
    turn: Mutex<()>,
}

/// Something that only grows, counted where components work.
struct ComponentCount {
    counter: IntCounterVec,
    of: fn(&Consumed) -> u64,
}

struct Queue {
    name: &'static str,
    depth: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Figures {
    pub fn new() -> anyhow::Result<Self> {
        Self::registered().context("the figures cannot be set up")
    }

    fn registered() -> prometheus::Result<Self> {
        let new = New(Registry::new());
        Ok(Self {
            history: History::default(),
            calls: new.counters(
                "cordboard_calls_total",
                "Conversations that are over, by how they ended",
                &["direction", "persona", "outcome"],
            )?,
            durations: new.histogram("cordboard_call_duration_seconds", "How long calls lasted", &CALLS)?,
            turns: new.histogram(
                "cordboard_turn_latency_seconds",
                "From the end of the caller's speech to the first frame of the answer",
                &VOICE,
            )?,
            first: new
                .histograms("cordboard_stage_first_seconds", "From the request to the first useful output")?,
            processing: new
                .histograms("cordboard_stage_processing_seconds", "From the request to its last output")?,
            interruptions: new
                .counter("cordboard_interruptions_total", "Times that the agent was cut short by a caller")?,
            failures: new.counters(
                "cordboard_failures_total",
                "Times that a component failed or gave nothing in time",
                &["stage", "provider"],
            )?,
            failed_over: new.counters(
                "cordboard_failovers_total",
                "Times that a provider went on in a call in place of another one",
                &["stage", "from", "to"],
            )?,
            exchanged: new.counters(
                "cordboard_exchanged_total",
                "Times that a call went on with another build of a component",
                &["stage", "component"],
            )?,
            trouble: new.counter("cordboard_trouble_total", "What did not go as it should in calls")?,
            turned_away: new.counters(
                "cordboard_calls_turned_away_total",
                "Calls that were not taken: full, or draining",
                &["reason"],
            )?,
            webhooks_refused: new.counter(
                "cordboard_webhooks_refused_total",
                "Webhooks that were refused: not signed by Twilio, most of them",
            )?,
            used: new.counters(
                "cordboard_usage_total",
                "What was used of providers: tokens, characters, milliseconds of audio",
                &["provider", "unit"],
            )?,
            cost: new.registered(CounterVec::new(
                Opts::new("cordboard_cost_total", "What calls cost, by the prices of the configuration"),
                &["currency"],
            )?)?,
            scraped: Scraped::registered(&new)?,
            queues: Mutex::default(),
            registry: new.0,
        })
    }

    /// A conversation is over. `persona`: the id of one that is there.
    pub fn call_ended(&self, direction: Direction, persona: &str, departure: Departure, lasted: Duration) {
        let direction = crate::registry::direction_name(direction);
        let outcome = crate::registry::departure_name(departure);
        self.calls.with_label_values(&[direction, persona, outcome]).inc();
        self.durations.observe(lasted.as_secs_f64());
        self.history.ended(departure == Departure::Failed);
    }

    /// The caller was answered so long after the end of their speech.
    pub fn answered_after(&self, latency: Duration) {
        self.turns.observe(latency.as_secs_f64());
        self.history.answered_after(latency);
    }

    pub fn stage(&self, times: &StageTimes) {
        self.history.stage(times);
        let labels = [times.stage.name(), times.provider.as_str()];
        if let Some(first) = times.first() {
            self.first.with_label_values(&labels).observe(first.as_secs_f64());
        }
        if let Some(processing) = times.processing() {
            self.processing.with_label_values(&labels).observe(processing.as_secs_f64());
        }
    }

    pub fn failed(&self, failed: &Failed) {
        self.history.failed(failed);
        self.failures.with_label_values(&[failed.stage, failed.provider.as_str()]).inc();
    }

    /// A provider went on in place of another one.
    pub fn failed_over(&self, stage: &'static str, from: &str, to: &str) {
        self.history.failed_over(stage, from, to);
        self.failed_over.with_label_values(&[stage, from, to]).inc();
    }

    /// A call went on with another build.
    pub fn exchanged(&self, stage: &str, component: &str) {
        self.exchanged.with_label_values(&[stage, component]).inc();
    }

    pub fn interrupted(&self) {
        self.interruptions.inc();
        self.history.interrupted();
    }

    pub fn trouble(&self) {
        self.trouble.inc();
    }

    pub fn turned_away(&self, why: TurnedAway) {
        let reason = match why {
            TurnedAway::Full => "full",
            TurnedAway::Draining => "draining",
        };
        self.turned_away.with_label_values(&[reason]).inc();
        self.history.turned_away();
    }

    pub fn webhook_refused(&self) {
        self.webhooks_refused.inc();
    }

    /// What a call used, once it is over.
    pub fn used(&self, usage: &Usage, prices: &Prices) {
        for (_, provider, unit, amount) in usage.amounts().filter(|(_, _, unit, _)| UNITS.contains(unit)) {
            self.used.with_label_values(&[provider, unit]).inc_by(amount);
        }
        if let Some(cost) = usage.cost(prices) {
            let amount: f64 = cost.amount.parse().unwrap_or_default();
            self.cost.with_label_values(&[&cost.currency]).inc_by(amount);
            self.history.cost(amount);
        }
    }

    /// How much waits in this queue: asked whenever somebody reads the figures, so it must not wait.
    pub fn watch_queue(&self, name: &'static str, depth: impl Fn() -> u64 + Send + Sync + 'static) {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.push(Queue { name, depth: Box::new(depth) });
    }

    /// Providers show with a zero before they fail for the first time: what appears out of nowhere is
    /// no increase to whoever watches.
    pub fn expect(&self, stage: &'static str, provider: &str) {
        self.failures.with_label_values(&[stage, provider]);
        if Stage::ALL.iter().any(|known| known.name() == stage) {
            self.first.with_label_values(&[stage, provider]);
            self.processing.with_label_values(&[stage, provider]);
        }
    }
}

/// Keeps the history, as long as the program runs.
pub async fn follow(app: Shared) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        looks.tick().await;
        app.figures.history.look(app.registry.live(), scrape::computed(), scrape::resident_memory());
    }
}

impl Scraped {
    fn registered(new: &New) -> prometheus::Result<Self> {
        Ok(Self {
            live: new.gauge("cordboard_calls_live", "Conversations that go on")?,
            twilio_failures: new
                .counter("cordboard_twilio_failures_total", "Requests to Twilio that failed")?,
            queues: new.gauges("cordboard_queue_depth", "What waits to be written or sent", &["queue"])?,
            component_cpu: new.registered(CounterVec::new(
                Opts::new("cordboard_component_cpu_seconds_total", "What a component computed"),
                &["component"],
            )?)?,
            component_memory: new.gauges(
                "cordboard_component_memory_bytes",
                "Linear memory of a component's sessions that live",
                &["component"],
            )?,
            component_sessions: new.gauges(
                "cordboard_component_sessions",
                "Sessions of a component that live",
                &["component"],
            )?,
            component_counts: [
                new.component("sessions_opened", "Sessions of a component that were opened", |c| c.opened)?,
                new.component("entries", "Calls into a component", |c| c.entries)?,
                new.component("effects", "Effects and actions that a component gave", |c| c.effects)?,
                new.component("bytes_in", "Bytes that a component was told", |c| c.bytes_in)?,
                new.component("bytes_out", "Bytes that a component gave", |c| c.bytes_out)?,
                new.component("faults", "Sessions of a component that were ended for what they did", |c| {
                    c.faults
                })?,
                new.component("refusals", "Sessions of a component that refused to begin", |c| c.refusals)?,
            ],
            cpu: new.registered(Counter::new("process_cpu_seconds_total", "What this process computed")?)?,
            memory: new.gauge("process_resident_memory_bytes", "Memory of this process")?,
            files: new.gauge("process_open_fds", "Open files and sockets of this process")?,
            started: new.gauge("process_start_time_seconds", "When this process began, since 1970")?,
            turn: Mutex::default(),
        })
    }
}

/// Makes figures that belong to a registry.
struct New(Registry);

impl New {
    fn registered<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        figure: C,
    ) -> prometheus::Result<C> {
        self.0.register(Box::new(figure.clone()))?;
        Ok(figure)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.registered(IntCounter::new(name, help)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// `cordboard_component_…_total`
    fn component(
        &self,
        name: &str,
        help: &str,
        of: fn(&Consumed) -> u64,
    ) -> prometheus::Result<ComponentCount> {
        let counter = self.counters(&format!("cordboard_component_{name}_total"), help, &["component"])?;
        Ok(ComponentCount { counter, of })
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.registered(Gauge::new(name, help)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        self.registered(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> prometheus::Result<Histogram> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.registered(Histogram::with_opts(options)?)
    }

    fn histograms(&self, name: &str, help: &str) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts::new(name, help).buckets(VOICE.to_vec());
        self.registered(HistogramVec::new(options, &["stage", "provider"])?)
    }
}
