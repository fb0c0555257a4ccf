//! What one input may cost: a short one that takes long, or a small one that becomes large, is a
//! finding as much as a panic.

use crate::Problem;
use rustix::time::{ClockId, clock_gettime};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// For everything that the property does with one input.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// CPU time
    pub time: Duration,
    /// memory held at once, in bytes: so much for any input …
    pub memory: u64,
    /// … and so much more for each of its bytes
    pub memory_per_byte: u64,
}

impl Default for Limits {
    /// For inputs of at most 64 KiB, in a build for development, on a slow machine that does other things
    /// too: what grows with the square takes seconds.
    fn default() -> Self {
        Self { time: Duration::from_millis(500), memory: 1 << 20, memory_per_byte: 256 }
    }
}

/// Of one input; or the most of any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub time: Duration,
    /// bytes held at once
    pub memory: u64,
}

impl Cost {
    pub(crate) fn at_least(self, other: Self) -> Self {
        Self { time: self.time.max(other.time), memory: self.memory.max(other.memory) }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum Excess {
    #[error(
        "{length} bytes take {took:?}, and at most {most:?} are fine: does the time grow with the square?"
    )]
    Time { length: usize, took: Duration, most: Duration },
    #[error("{length} bytes take {held} bytes of memory, and at most {most} are fine")]
    Memory { length: usize, held: u64, most: u64 },
}

impl Limits {
    /// What came of the input, and what it cost.
    pub(crate) fn measure<K>(
        &self,
        input: &[u8],
        property: impl Fn(&[u8]) -> K,
    ) -> Result<(K, Cost), Problem> {
        let mut result = None;
        let began = Instant::now();
        let memory = allocation_counter::measure(|| {
            // a property has no state that a panic could leave broken
            result = Some(catch_unwind(AssertUnwindSafe(|| property(input))));
        });
        let mut took = began.elapsed();
        let outcome = match result {
            Some(Ok(outcome)) => outcome,
            Some(Err(payload)) => return Err(Problem::Panic(message(&*payload))),
            None => return Err(Problem::Panic("it did not run".into())),
        };
        let (length, held) = (input.len(), memory.bytes_max);
        let most = self.memory + self.memory_per_byte * length as u64;
        if held > most {
            return Err(Excess::Memory { length, held, most }.into());
        }
        if took > self.time / 4 {
            // others use the processor too: what counts is what this thread itself computes, at its best
            let again = || {
                let began = cpu();
                // it did not panic before
                let _ = catch_unwind(AssertUnwindSafe(|| property(input)));
                cpu().saturating_sub(began)
            };
            took = again().min(again());
        }
        if took > self.time {
            return Err(Excess::Time { length, took, most: self.time }.into());
        }
        Ok((outcome, Cost { time: took, memory: held }))
    }
}

/// The CPU time of this thread.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}
