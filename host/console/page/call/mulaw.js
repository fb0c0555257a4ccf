// G.711 µ-law: one byte a sample, logarithmic, 8000 Hz on the telephone.
//
// Source: ITU-T G.711 (11/88), tables 2a and 2b. The 16 bit samples here are the recommendation's 14 bit ones
// times four. A sample that lies exactly on a decision value belongs to the larger code; zero is +0.

/** Digital silence: +0. Padding with 0x00 would be a full-scale click. */
export const SILENCE = 0xff;

/** Samples a second. */
export const RATE = 8000;

const BIAS = 132;
// the largest magnitude that has a code of its own
const CLIP = 32_635;

const DECODED = Int16Array.from({ length: 256 }, (_, byte) => expand(byte));

function expand(byte) {
  const value = ~byte & 0xff;
  const magnitude = ((((value & 0x0f) << 3) + BIAS) << ((value >> 4) & 7)) - BIAS;
  return value & 0x80 ? -magnitude : magnitude;
}

/** The code of one 16 bit sample. */
export function encode(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), CLIP) + BIAS;
  // the bias puts the highest bit of every magnitude at 7 to 14
  const exponent = 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

/** The 16 bit sample of one code: -32124 to 32124. */
export function decode(byte) {
  return DECODED[byte];
}

/** The code of a sample between -1 and 1; what is beyond is clipped. */
export function encodeFloat(sample) {
  return encode(Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
}

/** The sample of a code, between -1 and 1. */
export function decodeFloat(byte) {
  return DECODED[byte] / 32_768;
}
