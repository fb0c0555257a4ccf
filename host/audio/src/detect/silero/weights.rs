//! The weights, in the order in which they are read.
//!
//! The file holds PyTorch's tensors (see `models/README.md`). Here the weights of eight outputs lie
//! side by side, for one input after the other, so that a layer reads its memory once, straight on.

use super::lanes::LANES;
use std::sync::OnceLock;

/// Samples that one Fourier transform sees.
pub(super) const FRAME: usize = 128;
/// From one frame to the next.
pub(super) const HOP: usize = 64;
/// Frames in one step.
pub(super) const FRAMES: usize = 4;
/// Frequencies, from 0 to 4000 Hz.
pub(super) const BINS: usize = FRAME / 2 + 1;
/// Units of the recurrent layer.
pub(super) const UNITS: usize = 128;

/// Weights or biases of eight outputs. A load never crosses a line of the cache.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Eight(pub(super) [f32; LANES]);

/// A layer whose outputs are computed V · 8 at a time, with TAPS weights for each input.
pub(super) struct Layer<const V: usize, const TAPS: usize> {
    /// for each V · 8 outputs, for each input
    pub(super) rows: Vec<[[Eight; V]; TAPS]>,
    pub(super) biases: Vec<[Eight; V]>,
}

pub(super) struct Network {
    /// cosine and sine for eight frequencies, for each of [`HOP`] samples: the window is symmetric,
    /// so that the other half of the frame is folded onto this one
    pub(super) fourier: Layer<2, 1>,
    pub(super) convolutions: Convolutions,
    /// the gates i, f, g, o of 16 units; 128 inputs, then 128 hidden
    pub(super) recurrent: Layer<8, 1>,
    pub(super) output: [Eight; UNITS / LANES],
    pub(super) output_bias: f32,
}

/// Three taps each, but of the last two some only ever meet the padding.
pub(super) struct Convolutions {
    pub(super) first: Layer<2, 3>,
    pub(super) second: Layer<4, 3>,
    pub(super) third: Layer<8, 2>,
    pub(super) fourth: Layer<8, 1>,
}

/// One for all streams; made with the first.
pub(super) fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| read(FILE))
}

pub(super) static FILE: &[u8; 942_596] = include_bytes!("../../../models/silero_vad_8k.f32");

fn read(file: &[u8]) -> Network {
    let (floats, _) = file.as_chunks::<4>();
    let mut floats = floats.iter().map(|bytes| f32::from_le_bytes(*bytes));
    // evaluated in the order of the file
    let basis = Tensor::take(&mut floats, 2 * BINS, FRAME, 1);
    let convolutions = Convolutions {
        first: convolution(&mut floats, 128, BINS, 0),
        second: convolution(&mut floats, 64, 128, 0),
        third: convolution(&mut floats, 64, 64, 1),
        fourth: convolution(&mut floats, 128, 64, 1),
    };
    let weights = [(); 2].map(|()| Tensor::take(&mut floats, 4 * UNITS, UNITS, 1));
    let biases = [(); 2].map(|()| Tensor::take(&mut floats, 4 * UNITS, 1, 1));
    let output = Tensor::take(&mut floats, 1, UNITS, 1);
    let output_bias = floats.next().unwrap_or_default();

    let [from_input, from_hidden] = weights;
    // PyTorch keeps all units of a gate together
    let gate = |v: usize, block: usize, lane: usize| v / 2 * UNITS + block * 16 + v % 2 * LANES + lane;
    Network {
        fourier: layer(
            BINS.div_ceil(LANES),
            HOP,
            |v, block, lane, input, _| match block * LANES + lane {
                bin @ ..BINS => basis.at(v * BINS + bin, input + 1, 0),
                _ => 0.0,
            },
            |_, _, _| 0.0,
        ),
        convolutions,
        recurrent: layer(
            UNITS / 16,
            2 * UNITS,
            |v, block, lane, input, _| match input {
                ..UNITS => from_input.at(gate(v, block, lane), input, 0),
                _ => from_hidden.at(gate(v, block, lane), input - UNITS, 0),
            },
            |v, block, lane| biases.iter().map(|b| b.at(gate(v, block, lane), 0, 0)).sum(),
        ),
        output: std::array::from_fn(|n| Eight(std::array::from_fn(|lane| output.at(0, n * LANES + lane, 0)))),
        output_bias,
    }
}

/// The next convolution of the file, from its tap `first` on.
fn convolution<const V: usize, const TAPS: usize>(
    floats: &mut impl Iterator<Item = f32>,
    outputs: usize,
    inputs: usize,
    first: usize,
) -> Layer<V, TAPS> {
    let weights = Tensor::take(floats, outputs, inputs, 3);
    let biases = Tensor::take(floats, outputs, 1, 1);
    let output = |v: usize, block: usize, lane: usize| (block * V + v) * LANES + lane;
    layer(
        outputs / (V * LANES),
        inputs,
        |v, block, lane, input, tap| weights.at(output(v, block, lane), input, first + tap),
        |v, block, lane| biases.at(output(v, block, lane), 0, 0),
    )
}

/// `weight` is asked for (vector, block, lane, input, tap), `bias` for (vector, block, lane).
fn layer<const V: usize, const TAPS: usize>(
    blocks: usize,
    inputs: usize,
    weight: impl Fn(usize, usize, usize, usize, usize) -> f32,
    bias: impl Fn(usize, usize, usize) -> f32,
) -> Layer<V, TAPS> {
    use std::array::from_fn;
    let row =
        |block, input| from_fn(|tap| from_fn(|v| Eight(from_fn(|lane| weight(v, block, lane, input, tap)))));
    Layer {
        rows: (0..blocks)
            .flat_map(|block| (0..inputs).map(move |input| (block, input)))
            .map(|(b, i)| row(b, i))
            .collect(),
        biases: (0..blocks).map(|block| from_fn(|v| Eight(from_fn(|lane| bias(v, block, lane))))).collect(),
    }
}

/// One tensor of the file: outputs × inputs × taps.
struct Tensor {
    inputs: usize,
    taps: usize,
    values: Vec<f32>,
}

impl Tensor {
    fn take(floats: &mut impl Iterator<Item = f32>, outputs: usize, inputs: usize, taps: usize) -> Self {
        Self { inputs, taps, values: floats.take(outputs * inputs * taps).collect() }
    }

    fn at(&self, output: usize, input: usize, tap: usize) -> f32 {
        let index = (output * self.inputs + input) * self.taps + tap;
        self.values.get(index).copied().unwrap_or_default()
    }
}
