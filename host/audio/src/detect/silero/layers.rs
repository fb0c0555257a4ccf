//! One pass through the network.

use super::lanes::{Computation, LANES, Lanes, sigmoid, tanh};
use super::weights::{BINS, Eight, FRAME, FRAMES, HOP, Layer, Network, UNITS};
use super::{Memory, SEEN};

/// What is seen, and half a hop of reflection.
const PADDED: usize = SEEN + HOP / 2;
const _: () = assert!(PADDED == FRAME + (FRAMES - 1) * HOP);

pub(super) struct Pass<'a> {
    pub(super) network: &'a Network,
    pub(super) memory: &'a mut Memory,
    pub(super) samples: &'a [f32; SEEN],
}

impl Computation for Pass<'_> {
    type Output = f32;

    #[inline(always)]
    fn with<L: Lanes>(self, lanes: L) -> f32 {
        let Self { network, memory, samples } = self;
        let spectrum = fourier(lanes, &network.fourier, samples);
        let layers = &network.convolutions;
        // channels × times; every layer sees one step back and one forward
        let first: [[f32; 4]; 128] = convolve::<_, 2, 3, _, _, _, _, 1, 0>(lanes, &layers.first, &spectrum);
        let second: [[f32; 2]; 64] = convolve::<_, 4, 3, _, _, _, _, 2, 0>(lanes, &layers.second, &first);
        let third: [[f32; 1]; 64] = convolve::<_, 8, 2, _, _, _, _, 2, 1>(lanes, &layers.third, &second);
        let fourth: [[f32; 1]; UNITS] = convolve::<_, 8, 1, _, _, _, _, 1, 1>(lanes, &layers.fourth, &third);
        recur(lanes, &network.recurrent, &fourth, memory);
        output(lanes, network, &memory.hidden)
    }
}

/// The magnitudes of every frame's frequencies.
#[inline(always)]
fn fourier<L: Lanes>(lanes: L, layer: &Layer<2, 1>, samples: &[f32; SEEN]) -> [[f32; FRAMES]; BINS] {
    let mut padded = [0.0; PADDED];
    for (to, from) in padded.iter_mut().zip(samples.iter().chain(samples.iter().rev().skip(1))) {
        *to = *from;
    }
    let folded = fold(&padded);
    let mut spectrum = [[0.0; FRAMES]; BINS];
    for (rows, bins) in layer.rows.chunks_exact(HOP).zip(spectrum.chunks_mut(LANES)) {
        let mut real = [lanes.splat(0.0); FRAMES];
        let mut imaginary = [lanes.splat(0.0); FRAMES];
        for ([[cosine, sine]], (sums, differences)) in rows.iter().zip(&folded) {
            let (cosine, sine) = (lanes.load(&cosine.0), lanes.load(&sine.0));
            for (real, sum) in real.iter_mut().zip(sums) {
                *real = lanes.mul_add(cosine, lanes.splat(*sum), *real);
            }
            for (imaginary, difference) in imaginary.iter_mut().zip(differences) {
                *imaginary = lanes.mul_add(sine, lanes.splat(*difference), *imaginary);
            }
        }
        for (frame, (real, imaginary)) in real.into_iter().zip(imaginary).enumerate() {
            let power = lanes.mul_add(real, real, lanes.mul(imaginary, imaginary));
            for (bin, magnitude) in bins.iter_mut().zip(lanes.store(lanes.sqrt(power))) {
                if let Some(at) = bin.get_mut(frame) {
                    *at = magnitude;
                }
            }
        }
    }
    spectrum
}

/// For the samples 1 to 64 of every frame: the sum with the one that lies as far from the other end,
/// which is all that the cosines see, and the difference, which is all that the sines see.
#[inline(always)]
fn fold(padded: &[f32; PADDED]) -> [([f32; FRAMES], [f32; FRAMES]); HOP] {
    let mut folded = [([0.0; FRAMES], [0.0; FRAMES]); HOP];
    for (frame, samples) in padded.windows(FRAME).step_by(HOP).enumerate() {
        let (head, tail) = samples.split_at(HOP);
        let ahead = head.iter().skip(1).chain(tail.first());
        for ((sums, differences), (a, b)) in folded.iter_mut().zip(ahead.zip(tail.iter().rev())) {
            if let (Some(sum), Some(difference)) = (sums.get_mut(frame), differences.get_mut(frame)) {
                (*sum, *difference) = (a + b, a - b);
            }
        }
    }
    // the middle has no partner
    if let Some((sums, _)) = folded.last_mut() {
        *sums = sums.map(|sum| sum / 2.0);
    }
    folded
}

/// A convolution over time with a step of padding at both ends, and what is below 0 cut off.
/// FIRST: the first of the three taps that meets anything but padding.
#[inline(always)]
fn convolve<
    L: Lanes,
    const V: usize,
    const TAPS: usize,
    const INPUTS: usize,
    const TIMES_IN: usize,
    const OUTPUTS: usize,
    const TIMES_OUT: usize,
    const STRIDE: usize,
    const FIRST: usize,
>(
    lanes: L,
    layer: &Layer<V, TAPS>,
    inputs: &[[f32; TIMES_IN]; INPUTS],
) -> [[f32; TIMES_OUT]; OUTPUTS] {
    let mut outputs = [[0.0; TIMES_OUT]; OUTPUTS];
    let blocks = layer.rows.chunks_exact(INPUTS).zip(&layer.biases);
    for ((rows, biases), outputs) in blocks.zip(outputs.chunks_exact_mut(V * LANES)) {
        let mut sums = biases.map(|bias| [lanes.load(&bias.0); TIMES_OUT]);
        for (row, input) in rows.iter().zip(inputs) {
            for (tap, weights) in row.iter().enumerate() {
                for (sums, weights) in sums.iter_mut().zip(weights) {
                    let weights = lanes.load(&weights.0);
                    for (time, sum) in sums.iter_mut().enumerate() {
                        // before the beginning this is a huge number, which is not there either
                        let at = (time * STRIDE + FIRST + tap).wrapping_sub(1);
                        if let Some(value) = input.get(at) {
                            *sum = lanes.mul_add(weights, lanes.splat(*value), *sum);
                        }
                    }
                }
            }
        }
        for (sums, outputs) in sums.iter().zip(outputs.chunks_exact_mut(LANES)) {
            for (time, sum) in sums.iter().enumerate() {
                let values = lanes.store(lanes.max(*sum, lanes.splat(0.0)));
                for (output, value) in outputs.iter_mut().zip(values) {
                    if let Some(at) = output.get_mut(time) {
                        *at = value;
                    }
                }
            }
        }
    }
    outputs
}

/// A step of the LSTM.
#[inline(always)]
fn recur<L: Lanes>(lanes: L, layer: &Layer<8, 1>, inputs: &[[f32; 1]; UNITS], memory: &mut Memory) {
    let before = memory.hidden;
    let inputs = || inputs.as_flattened().iter().chain(&before);
    let blocks = layer.rows.chunks_exact(2 * UNITS).zip(&layer.biases);
    let units = memory.hidden.chunks_exact_mut(16).zip(memory.cell.chunks_exact_mut(16));
    for ((rows, biases), (hidden, cell)) in blocks.zip(units) {
        let mut sums = biases.map(|bias| lanes.load(&bias.0));
        for ([weights], input) in rows.iter().zip(inputs()) {
            let input = lanes.splat(*input);
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = lanes.mul_add(lanes.load(&weights.0), input, *sum);
            }
        }
        let [i0, i1, f0, f1, g0, g1, o0, o1] = sums;
        let gates = [[i0, f0, g0, o0], [i1, f1, g1, o1]];
        let (hidden, cell) = (hidden.as_chunks_mut::<LANES>().0, cell.as_chunks_mut::<LANES>().0);
        for ([i, f, g, o], (hidden, cell)) in gates.into_iter().zip(hidden.iter_mut().zip(cell)) {
            let kept = lanes.mul(sigmoid(lanes, f), lanes.load(cell));
            let now = lanes.mul_add(sigmoid(lanes, i), tanh(lanes, g), kept);
            *cell = lanes.store(now);
            *hidden = lanes.store(lanes.mul(sigmoid(lanes, o), tanh(lanes, now)));
        }
    }
}

#[inline(always)]
fn output<L: Lanes>(lanes: L, network: &Network, hidden: &[f32; UNITS]) -> f32 {
    let mut sum = lanes.splat(0.0);
    for (Eight(weights), hidden) in network.output.iter().zip(hidden.as_chunks::<LANES>().0) {
        let positive = lanes.max(lanes.load(hidden), lanes.splat(0.0));
        sum = lanes.mul_add(lanes.load(weights), positive, sum);
    }
    let sum: f32 = lanes.store(sum).iter().sum();
    1.0 / (1.0 + (-sum - network.output_bias).exp())
}
