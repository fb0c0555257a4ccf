//! The figures as text, with what is read at the moment of asking.

use super::{ComponentCount, Figures, Scraped};
use crate::app::App;
use prometheus::{Counter, TextEncoder};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

/// What the text is, for the header of the answer.
pub const FORMAT: &str = prometheus::TEXT_FORMAT;

impl Figures {
    /// In Prometheus' text format.
    pub fn text(&self, app: &App) -> anyhow::Result<String> {
        let _turn = self.scraped.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.scraped.read(app);
        for queue in self.queues.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            self.scraped.queues.with_label_values(&[queue.name]).set((queue.depth)() as f64);
        }
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

impl Scraped {
    fn read(&self, app: &App) {
        self.live.set(app.registry.live() as f64);
        let failures = app.services.vitals.twilio.failures();
        self.twilio_failures.inc_by(failures.saturating_sub(self.twilio_failures.get()));
        for (component, consumed) in app.services.host().consumed() {
            let label = [component.as_str()];
            raise(&self.component_cpu.with_label_values(&label), consumed.cpu);
            self.component_memory.with_label_values(&label).set(consumed.memory as f64);
            self.component_sessions.with_label_values(&label).set(consumed.sessions as f64);
            for ComponentCount { counter, of } in &self.component_counts {
                let counter = counter.with_label_values(&label);
                counter.inc_by(of(&consumed).saturating_sub(counter.get()));
            }
        }
        raise(&self.cpu, computed());
        if let Some(bytes) = resident_memory() {
            self.memory.set(bytes as f64);
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            self.files.set(files.count() as f64);
        }
        self.started.set(app.began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64());
    }
}

/// To what was counted elsewhere, which never falls.
fn raise(counter: &Counter, to: Duration) {
    let more = to.as_secs_f64() - counter.get();
    if more > 0.0 {
        counter.inc_by(more);
    }
}

/// What this process computed, all in all.
pub(super) fn computed() -> Duration {
    let computed = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(computed.tv_sec.unsigned_abs(), computed.tv_nsec.unsigned_abs() as u32)
}

/// None: this system does not say.
pub(super) fn resident_memory() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    Some(resident.saturating_mul(rustix::param::page_size() as u64))
}
