//! What is measured of a call, for the figures, for the traces, and for whoever keeps records.

use super::Driver;
use crate::app::App;
use crate::calls::stages::{self, Spread, milliseconds};
use crate::records::End;
use crate::registry::departure_name;
use crate::routing::Route;
use crate::slots::Slot;
use crate::traces::CallTrace;
use call::persona::{Departure, Ending};
use call::{Observation, Summary};
use components::{Consumed, Scene};
use serde_json::{Value, json};

pub(super) struct Measures {
    /// what the stages took so far
    stages: stages::Summary,
    persona: String,
    interruptions: u32,
    /// none: nobody wants it
    trace: Option<CallTrace>,
}

impl Measures {
    pub(super) fn new(scene: &Scene, route: &Route, persona: &Slot, app: &App) -> Self {
        let attributes = || {
            let direction = crate::registry::direction_name(scene.direction);
            vec![
                ("persona", persona.id().to_owned()),
                ("route", route.name.clone()),
                ("direction", direction.to_owned()),
            ]
        };
        let trace = app.traces.as_ref().and_then(|_| CallTrace::new(&scene.call, attributes()));
        Self { stages: stages::Summary::default(), persona: persona.id().to_owned(), interruptions: 0, trace }
    }
}

impl Driver<'_> {
    /// Takes what was measured since the last time.
    pub(super) fn measure(&mut self) {
        for times in self.providers.take_stages() {
            self.app.figures.stage(&times);
            self.measures.stages.add(&times);
            if let Some(trace) = &mut self.measures.trace {
                trace.stage(&times);
            }
        }
        for failed in self.providers.take_failures() {
            self.app.figures.failed(&failed);
        }
    }

    /// What the call says of itself.
    pub(super) fn measure_observed(&mut self, observation: &Observation) {
        let Self { measures, app, .. } = self;
        match observation {
            Observation::Times(times) => {
                if let Some(latency) = times.voice_to_voice() {
                    app.figures.answered_after(latency);
                    measures.stages.answered_after(latency);
                }
                if let Some(trace) = &mut measures.trace {
                    trace.turn(times);
                }
            }
            // what was not heard at all was not cut short either
            Observation::Spoke { ending: Ending::Interrupted, turn, heard, .. } if !heard.is_empty() => {
                app.figures.interrupted();
                measures.interruptions += 1;
                if let Some(trace) = &mut measures.trace {
                    trace.interrupted(*turn);
                }
            }
            Observation::Trouble(_) => app.figures.trouble(),
            _ => {}
        }
    }

    fn log_stages(&self) {
        let average = |spread: Option<Spread>| spread.map(|spread| milliseconds(spread.avg()));
        for ((stage, provider), took) in &self.measures.stages.stages {
            tracing::debug!(
                call_sid = self.name,
                stage = stage.name(),
                provider,
                requests = took.requests,
                failures = took.failures,
                first_avg_ms = average(took.first),
                first_max_ms = took.first.map(|spread| milliseconds(spread.max)),
                processing_avg_ms = average(took.processing),
                processing_max_ms = took.processing.map(|spread| milliseconds(spread.max)),
                "all in all"
            );
        }
    }

    /// The call is over: what is to be kept of that.
    pub(super) fn measure_end(&mut self, summary: Summary) -> End {
        self.providers.end(summary.duration);
        self.measure();
        let figures = &self.app.figures;
        let departure = summary.departure;
        let lasted = summary.duration.elapsed();
        figures.call_ended(self.known.direction(), &self.measures.persona, departure, lasted);
        let (usage, prices) = (self.providers.usage(), &self.app.services.config.prices);
        figures.used(usage, prices);
        let (usage, cost) = (usage.json(), usage.cost(prices));
        tracing::info!(
            call_sid = self.name,
            %usage,
            cost = cost.as_ref().map(|cost| cost.amount.as_str()),
            currency = cost.as_ref().map(|cost| cost.currency.as_str()),
            "used"
        );
        self.log_stages();
        let consumed: serde_json::Map<_, _> =
            self.providers.consumed().into_iter().map(of_component).collect();
        self.record.happened("consumed", consumed.into());
        if let (Some(traces), Some(trace)) = (&self.app.traces, self.measures.trace.take()) {
            let failed = departure == Departure::Failed;
            traces.send(trace.end(summary.duration, departure_name(departure), failed));
        }
        End {
            departure: departure_name(departure),
            summary,
            usage,
            cost: cost.map(|cost| cost.amount),
            stages: std::mem::take(&mut self.measures.stages),
            interruptions: self.measures.interruptions,
        }
    }
}

/// What a component took of the machine for one call.
fn of_component((component, consumed): (String, Consumed)) -> (String, Value) {
    let figures = json!({
        "cpu_ms": milliseconds(consumed.cpu),
        "memory_bytes": consumed.most_memory,
        "sessions": consumed.opened,
        "entries": consumed.entries,
        "effects": consumed.effects,
        "bytes_in": consumed.bytes_in,
        "bytes_out": consumed.bytes_out,
        "faults": consumed.faults,
    });
    (component, figures)
}
