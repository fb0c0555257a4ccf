//! Figures of a measurement, and the table they make.

use super::server::{self, Cores, Server};
use super::telephone::Heard;
use std::fmt;
use std::time::Duration;

pub const LEGEND: &str = "\
v2v: voice to voice, in ms; barge: from speaking over the agent to `clear`, in ms; greet: from connecting
to the greeting, in ms; gaps: pauses of over 20 ms in a minute of the agent's speech; cpu: CPU seconds of
the server for a minute of one call; mem: private memory for each call, in kB; core: how busy the server's
core was by the server; late: how late the callers' frames were sent, p99 in ms; other: what else the
machine did, in cores.";

pub fn heading(cores: &Cores, seconds: u64) -> String {
    let sharing = match cores.count {
        1 => "everything on one core: the callers disturb the server".to_owned(),
        count => format!("the server on one core, callers and stand-ins on {} more", count - 1),
    };
    format!(
        "{seconds} s for each row; {sharing}.\nStand-ins: STT 100 ms after the end of speech, LLM 100 ms to the \
         first token and 10 ms a token, TTS 50 ms."
    )
}

/// What all calls of a measurement heard.
#[derive(Debug, Default)]
pub struct Figures {
    greeting: Vec<Duration>,
    voice_to_voice: Vec<Duration>,
    barge_in: Vec<Duration>,
    lateness: Vec<Duration>,
    agent: Duration,
    gaps: u32,
    calls: u32,
    failed: u32,
    problems: Vec<String>,
}

impl Figures {
    pub fn add(&mut self, heard: Heard) {
        self.calls += 1;
        self.greeting.extend(heard.greeting);
        self.voice_to_voice.extend(heard.voice_to_voice);
        self.barge_in.extend(heard.barge_in);
        self.lateness.extend(heard.lateness);
        self.agent += heard.agent;
        self.gaps += heard.gaps;
        if let Some(problem) = heard.problem {
            self.failed += 1;
            self.problem(problem);
        }
    }

    pub fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// What was used by whom, until a moment or between two.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    server: Duration,
    own: Duration,
    busy: Duration,
    all: Duration,
    at: std::time::Instant,
    lasted: Duration,
}

impl Load {
    pub fn now(server: &Server) -> anyhow::Result<Self> {
        let (busy, all) = server::machine()?;
        let at = std::time::Instant::now();
        let lasted = Duration::ZERO;
        Ok(Self { server: server.cpu()?, own: server::own_cpu()?, busy, all, at, lasted })
    }

    pub fn since(&self, before: &Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            own: self.own.saturating_sub(before.own),
            busy: self.busy.saturating_sub(before.busy),
            all: self.all.saturating_sub(before.all),
            at: self.at,
            lasted: self.at.saturating_duration_since(before.at),
        }
    }

    /// What the machine did that was none of ours, in cores.
    fn other(&self) -> f64 {
        let other = self.busy.saturating_sub(self.server).saturating_sub(self.own);
        other.as_secs_f64() / self.lasted.as_secs_f64().max(0.001)
    }
}

/// A measurement.
pub struct Row {
    pub calls: usize,
    pub figures: Figures,
    pub load: Load,
    /// private memory of all calls together, in bytes
    pub memory: u64,
}

pub fn columns() -> String {
    format!(
        "{:>5} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5} {:>6} {:>6} {:>6}",
        "calls",
        "v2v50",
        "v2v95",
        "v2v99",
        "barge50",
        "barge95",
        "greet50",
        "greet95",
        "gaps",
        "cpu",
        "mem",
        "core",
        "late",
        "other",
        "turns"
    )
}

impl Row {
    pub fn problems(&self) -> &[String] {
        &self.figures.problems
    }

    /// Whether no more than this share of the calls went wrong.
    pub fn is_well(&self, tolerance: f64) -> bool {
        f64::from(self.figures.failed) <= tolerance * f64::from(self.figures.calls)
            && !self.figures.voice_to_voice.is_empty()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { voice_to_voice, barge_in, greeting, lateness, .. } = &self.figures;
        let minutes = self.load.lasted.as_secs_f64() / 60.0;
        let agent_minutes = self.figures.agent.as_secs_f64() / 60.0;
        let per_call_minute = self.load.server.as_secs_f64() / minutes / self.calls as f64;
        write!(
            f,
            "{:>5} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>6.2} {:>6.3} {:>6} {:>4.0}% {:>6} {:>6.2} {:>6}",
            self.calls,
            percentile(voice_to_voice, 50),
            percentile(voice_to_voice, 95),
            percentile(voice_to_voice, 99),
            percentile(barge_in, 50),
            percentile(barge_in, 95),
            percentile(greeting, 50),
            percentile(greeting, 95),
            f64::from(self.figures.gaps) / agent_minutes.max(0.001),
            per_call_minute,
            self.memory / 1024 / self.calls as u64,
            100.0 * self.load.server.as_secs_f64() / self.load.lasted.as_secs_f64(),
            percentile(lateness, 99),
            self.load.other(),
            voice_to_voice.len(),
        )
    }
}

/// In milliseconds; `–` where nothing was measured.
fn percentile(values: &[Duration], percent: usize) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    // the smallest value that at least so many are not above
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    match sorted.get(rank - 1) {
        Some(value) => format!("{:.0}", value.as_secs_f64() * 1000.0),
        None => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<Duration> = (1..=20).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), "10");
        assert_eq!(percentile(&values, 95), "19");
        assert_eq!(percentile(&values, 99), "20");
        assert_eq!(percentile(&values[..1], 50), "20");
        assert_eq!(percentile(&[], 50), "–");
    }
}
