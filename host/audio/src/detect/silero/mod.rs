//! Silero VAD: a small neural network, the 8 kHz half of the official model, in plain Rust.
//!
//! Short Fourier transforms, four convolutions and an LSTM look at 32 ms at a time and at the last
//! 4 ms before them. `models/README.md` says where the weights come from. The answers are those of the
//! official runtime to within 2·10⁻⁵. Not here: other rates, and what a probability means.

mod lanes;
mod layers;
#[cfg(test)]
mod tests;
mod weights;

use super::{Detector, WINDOW};
use layers::Pass;
use weights::{UNITS, network};

/// Samples of the window before that the network is shown again.
const CONTEXT: usize = 32;
/// Samples that the network is shown.
pub(super) const SEEN: usize = CONTEXT + WINDOW;

/// Knows speech from other sounds, at any loudness.
///
/// The weights, a megabyte, are shared by all; one of these is 1.2 KB. A step takes the same time for
/// any sound: about 8 µs with AVX2 and FMA, which are used where the processor has them.
#[derive(Clone, Debug, Default)]
pub struct Silero {
    context: Context,
    memory: Memory,
}

impl Detector for Silero {
    fn step(&mut self, window: &[i16; WINDOW]) -> f32 {
        self.hear(window, |pass| lanes::run(pass))
    }
}

impl Silero {
    /// `run` chooses the instructions.
    fn hear(&mut self, window: &[i16; WINDOW], run: impl FnOnce(Pass<'_>) -> f32) -> f32 {
        let samples = self.context.before(window);
        run(Pass { network: network(), memory: &mut self.memory, samples: &samples })
    }
}

/// What the network remembers of a stream.
#[derive(Clone, Debug)]
struct Memory {
    hidden: [f32; UNITS],
    cell: [f32; UNITS],
}

impl Default for Memory {
    fn default() -> Self {
        Self { hidden: [0.0; UNITS], cell: [0.0; UNITS] }
    }
}

/// The end of the window before; silence before the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Context([f32; CONTEXT]);

impl Context {
    /// What the network is shown of a window: −1 to 1, with the context before it. The window's end is
    /// the next context.
    pub(super) fn before(&mut self, window: &[i16; WINDOW]) -> [f32; SEEN] {
        let new = window.iter().map(|sample| f32::from(*sample) / 32_768.0);
        let mut seen = [0.0; SEEN];
        for (to, from) in seen.iter_mut().zip(self.0.into_iter().chain(new)) {
            *to = from;
        }
        if let Some(end) = seen.last_chunk() {
            self.0 = *end;
        }
        seen
    }
}
