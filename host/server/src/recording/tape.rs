//! Both sides of a call on one clock: the caller left, the agent right as it was heard.
//!
//! The clock is the call's own. The caller's audio follows itself without gaps, as the line sends
//! it; the agent's lies where it began to sound. What is missing is silence. Only what lies behind
//! the clock leaves the tape, because a barge-in still takes back what lies before it.
//!
//! Positions are samples of µ-law at 8000.

use audio::TELEPHONE;
use audio::detect::level;
use audio::g711::{self, SILENCE};
use std::collections::VecDeque;
use std::time::Duration;

/// The caller's audio may lag the clock by this much before it counts as lost.
const LAG: usize = 4_000;
/// So much of it may be on its way.
const JITTER: usize = 800;
/// It never runs ahead of the clock by more than this.
const TOO_FAR: usize = 8_000;
/// In dB relative to full scale.
const QUIET: f32 = -45.0;

#[derive(Debug, Default)]
pub struct Tape {
    /// how much has left the tape
    taken: usize,
    caller: VecDeque<u8>,
    agent: VecDeque<u8>,
    paused: bool,
}

impl Tape {
    /// The caller's next audio, which came at this moment of the call.
    pub fn caller(&mut self, at: Duration, audio: &[u8]) {
        self.fill_caller(at);
        // what comes late, after its time was filled with silence, catches up where it is quiet itself
        let ahead = (self.taken + self.caller.len()).saturating_sub(position(at));
        if ahead > TOO_FAR || ahead > JITTER && level(&g711::decode_all(audio)) < QUIET {
            return;
        }
        let heard = audio.iter().map(|sample| if self.paused { SILENCE } else { *sample });
        self.caller.extend(heard);
    }

    /// The agent's next audio: it sounds from this moment on, or behind what sounds already.
    pub fn agent(&mut self, at: Duration, audio: &[u8]) {
        let begins = position(at).saturating_sub(self.taken);
        if self.agent.len() < begins {
            self.agent.resize(begins, SILENCE);
        }
        let spoken = audio.iter().map(|sample| if self.paused { SILENCE } else { *sample });
        self.agent.extend(spoken);
    }

    /// The far end forgets what it has not played.
    pub fn clear(&mut self, at: Duration) {
        self.agent.truncate(position(at).saturating_sub(self.taken));
    }

    /// While it is paused the clock goes on, and both sides are silent.
    pub fn pause(&mut self, at: Duration, paused: bool) {
        if paused && !self.paused {
            // what was sent before and not heard yet is not to be heard either
            let heard = position(at).saturating_sub(self.taken);
            self.agent.iter_mut().skip(heard).for_each(|sample| *sample = SILENCE);
        }
        self.paused = paused;
    }

    /// Takes what is certain by this moment, left and right in turn.
    pub fn take(&mut self, at: Duration) -> Vec<u8> {
        self.fill_caller(at);
        let count = self.caller.len().min(position(at).saturating_sub(self.taken));
        self.take_first(count)
    }

    /// Takes all there is up to the end of the call.
    pub fn take_rest(&mut self, at: Duration) -> Vec<u8> {
        let end = position(at).saturating_sub(self.taken);
        self.agent.truncate(end);
        self.caller.resize(end, SILENCE);
        self.take_first(end)
    }

    /// How much could be taken, at most.
    pub fn waiting(&self) -> usize {
        self.caller.len()
    }

    fn take_first(&mut self, count: usize) -> Vec<u8> {
        if self.agent.len() < count {
            self.agent.resize(count, SILENCE);
        }
        self.taken += count;
        self.caller.drain(..count).zip(self.agent.drain(..count)).flat_map(|(l, r)| [l, r]).collect()
    }

    /// Silence for audio that did not come.
    fn fill_caller(&mut self, at: Duration) {
        let now = position(at).saturating_sub(self.taken);
        if self.caller.len() + LAG < now {
            self.caller.resize(now - JITTER, SILENCE);
        }
    }
}

fn position(at: Duration) -> usize {
    TELEPHONE.samples_in(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// How many milliseconds of what.
    type Runs = Vec<(u8, usize)>;

    /// Both sides, from everything taken.
    fn sides(taken: &[u8]) -> (Runs, Runs) {
        let side = |first: usize| {
            let mut runs: Runs = Vec::new();
            for sample in taken.iter().skip(first).step_by(2) {
                match runs.last_mut() {
                    Some((of, count)) if of == sample => *count += 1,
                    _ => runs.push((*sample, 1)),
                }
            }
            runs.into_iter().map(|(of, count)| (of, count / 8)).collect()
        };
        (side(0), side(1))
    }

    #[test]
    fn the_agent_lies_where_it_was_heard_and_what_was_taken_back_is_not_there() {
        let mut tape = Tape::default();
        for frame in 0..50 {
            tape.caller(ms(20 * (frame + 1)), &[1; 160]);
        }
        tape.agent(ms(300), &[2; 160]);
        tape.agent(ms(300), &[2; 3040]);
        tape.clear(ms(500));
        let taken = tape.take(ms(1000));
        let (caller, agent) = sides(&taken);
        assert_eq!(caller, [(1, 1000)]);
        assert_eq!(agent, [(SILENCE, 300), (2, 200), (SILENCE, 500)]);
    }

    #[test]
    fn what_lies_ahead_of_the_clock_stays_on_the_tape() {
        let mut tape = Tape::default();
        tape.caller(ms(20), &[1; 160]);
        tape.agent(ms(20), &[2; 1600]);
        assert_eq!(tape.take(ms(20)).len(), 2 * 160);
        tape.clear(ms(30));
        tape.caller(ms(40), &[1; 160]);
        let (_, agent) = sides(&tape.take(ms(40)));
        assert_eq!(agent, [(2, 10), (SILENCE, 10)]);
    }

    #[test]
    fn a_caller_whose_audio_stops_is_silent_and_the_clock_goes_on() {
        let mut tape = Tape::default();
        tape.caller(ms(20), &[1; 160]);
        tape.agent(ms(1000), &[2; 800]);
        let mut taken = tape.take(ms(2000));
        tape.caller(ms(2020), &[3; 160]);
        taken.extend(tape.take_rest(ms(2100)));
        let (caller, agent) = sides(&taken);
        assert_eq!(caller, [(1, 20), (SILENCE, 1880), (3, 20), (SILENCE, 180)]);
        assert_eq!(agent, [(SILENCE, 1000), (2, 100), (SILENCE, 1000)]);
    }

    #[test]
    fn what_comes_in_a_burst_catches_up_in_its_quiet_moments() {
        let quiet = [g711::encode(40); 160];
        let mut tape = Tape::default();
        tape.caller(ms(20), &quiet);
        // nothing for two seconds, then all of it at once, and on as before
        for _ in 0..100 {
            tape.caller(ms(2020), &quiet);
        }
        for frame in 0..100 {
            tape.caller(ms(2040 + 20 * frame), &quiet);
        }
        let end = ms(2040 + 20 * 99);
        let ahead = (tape.taken + tape.caller.len()).saturating_sub(position(end));
        assert!(ahead <= JITTER + 160, "{ahead} samples ahead");
    }

    #[test]
    fn a_pause_hides_both_sides_and_keeps_the_time() {
        let mut tape = Tape::default();
        tape.agent(ms(0), &[2; 1600]);
        tape.caller(ms(100), &[1; 800]);
        tape.pause(ms(100), true);
        tape.caller(ms(200), &[1; 800]);
        tape.agent(ms(200), &[2; 800]);
        tape.caller(ms(300), &[1; 800]);
        tape.pause(ms(300), false);
        tape.caller(ms(400), &[1; 800]);
        let (caller, agent) = sides(&tape.take_rest(ms(400)));
        assert_eq!(caller, [(1, 100), (SILENCE, 200), (1, 100)]);
        assert_eq!(agent, [(2, 100), (SILENCE, 300)]);
    }
}
