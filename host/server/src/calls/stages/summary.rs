//! What the stages of a call took, all in all.

use super::{Stage, StageEnd, StageTimes};
use std::collections::BTreeMap;
use std::time::Duration;

/// The shortest, the longest and the mean of some times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    pub min: Duration,
    pub max: Duration,
    sum: Duration,
    pub count: u32,
}

impl Spread {
    fn of(time: Duration) -> Self {
        Self { min: time, max: time, sum: time, count: 1 }
    }

    /// With one more.
    pub fn add(spread: &mut Option<Self>, time: Duration) {
        match spread {
            Some(spread) => {
                spread.min = spread.min.min(time);
                spread.max = spread.max.max(time);
                spread.sum = spread.sum.saturating_add(time);
                spread.count = spread.count.saturating_add(1);
            }
            None => *spread = Some(Self::of(time)),
        }
    }

    pub fn avg(&self) -> Duration {
        self.sum / self.count.max(1)
    }
}

/// What the stages of a call took, by stage and provider; and the call as its caller felt it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// from the end of the caller's speech to the first frame of the answer
    pub end_to_end: Option<Spread>,
    pub stages: BTreeMap<(Stage, String), StageSummary>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageSummary {
    /// none: none was complete
    pub processing: Option<Spread>,
    /// none: there was never any output
    pub first: Option<Spread>,
    pub requests: u32,
    pub failures: u32,
}

impl Summary {
    pub fn add(&mut self, times: &StageTimes) {
        let stage = self.stages.entry((times.stage, times.provider.clone())).or_default();
        stage.requests = stage.requests.saturating_add(1);
        stage.failures = stage.failures.saturating_add(u32::from(times.end == StageEnd::Failed));
        if let Some(first) = times.first() {
            Spread::add(&mut stage.first, first);
        }
        if let Some(processing) = times.processing() {
            Spread::add(&mut stage.processing, processing);
        }
    }

    pub fn answered_after(&mut self, latency: Duration) {
        Spread::add(&mut self.end_to_end, latency);
    }
}
