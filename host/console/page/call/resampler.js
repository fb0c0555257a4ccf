// From one sample rate to another, piece by piece: a windowed-sinc low-pass (Kaiser), evaluated where the
// samples of the other rate lie. It passes what both rates can carry and keeps out what would fold back:
// between 8000 Hz and 48000 Hz up to 3.4 kHz are unchanged, and beyond 4 kHz is 80 dB down.

// zero crossings of the sinc on each side, counted at the lower rate; they are the delay: 4 ms at 8000 Hz
const CROSSINGS = 32;
// where it falls to a half, as a part of what the lower rate can carry
const EDGE = 0.925;
const BETA = 7.86;

export class Resampler {
  #up;
  #down;
  #half;
  // by phase: what each of the 2 × half samples around a place counts
  #kernels;
  #held;
  #length;
  // the place of the next sample: among those held, and behind it by phase / up
  #at;
  #phase = 0;

  /** Rates in Hz, whole numbers. */
  constructor(from, to) {
    const divisor = greatestCommonDivisor(from, to);
    this.#up = to / divisor;
    this.#down = from / divisor;
    const lower = Math.min(1, to / from);
    this.#half = Math.ceil(CROSSINGS / lower);
    this.#kernels = Array.from({ length: this.#up }, (_, phase) => kernel(phase / this.#up, this.#half, lower * EDGE));
    this.#held = new Float32Array(4 * this.#half + 1024);
    // before the first sample there was silence
    this.#length = this.#half - 1;
    this.#at = this.#half - 1;
  }

  /** What these samples (Float32Array) make known of the other rate. */
  process(samples) {
    this.#hold(samples);
    const out = [];
    while (this.#at + this.#half < this.#length) {
      out.push(this.#sample());
      this.#phase += this.#down;
      this.#at += Math.floor(this.#phase / this.#up);
      this.#phase %= this.#up;
    }
    this.#forget();
    return Float32Array.from(out);
  }

  #hold(samples) {
    if (this.#length + samples.length > this.#held.length) {
      const longer = new Float32Array(2 * (this.#length + samples.length));
      longer.set(this.#held.subarray(0, this.#length));
      this.#held = longer;
    }
    this.#held.set(samples, this.#length);
    this.#length += samples.length;
  }

  #sample() {
    const kernel = this.#kernels[this.#phase];
    const from = this.#at - this.#half + 1;
    let sum = 0;
    for (let i = 0; i < kernel.length; i += 1) sum += kernel[i] * this.#held[from + i];
    return sum;
  }

  // going down by a large step, the next place may lie behind all that is held
  #forget() {
    const gone = Math.min(this.#at - this.#half + 1, this.#length);
    this.#held.copyWithin(0, gone, this.#length);
    this.#length -= gone;
    this.#at -= gone;
  }
}

function kernel(fraction, half, edge) {
  const values = Float32Array.from({ length: 2 * half }, (_, i) => {
    const distance = i - (half - 1) - fraction;
    return edge * sinc(edge * distance) * kaiser(distance / half);
  });
  // silence and a steady tone keep their level at every phase
  const sum = values.reduce((sum, value) => sum + value, 0);
  return values.map((value) => value / sum);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x) {
  return Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA);
}

// the modified Bessel function of order zero, by its series
function bessel(x) {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a, b) {
  return b ? greatestCommonDivisor(b, a % b) : a;
}
