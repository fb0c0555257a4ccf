// A microphone or a loudspeaker of another rate than the telephone's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Resampler } from "../../page/call/resampler.js";

const SECOND = 1;

/** A second of a tone through a resampler, block by block as a browser has it, without its beginning. */
function tone(hertz, from, to) {
  const resampler = new Resampler(from, to);
  const samples = Float32Array.from({ length: from * SECOND }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / from));
  const out = [];
  for (let at = 0; at < samples.length; at += 128) out.push(...resampler.process(samples.subarray(at, at + 128)));
  return { out, steady: out.slice(to / 10) };
}

function decibels(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(2 * power);
}

for (const [from, to] of [[48_000, 8000], [44_100, 8000], [8000, 48_000], [8000, 44_100], [16_000, 8000], [96_000, 8000]]) {
  test(`speech passes unchanged from ${from} to ${to} Hz`, () => {
    for (const hertz of [100, 1000, 3000, 3400]) {
      const { out, steady } = tone(hertz, from, to);
      assert.ok(Math.abs(decibels(steady)) < 0.1, `${hertz} Hz: ${decibels(steady)} dB`);
      // what is not known yet is the delay
      assert.ok(out.length <= to && out.length > to * 0.99, `${out.length} samples`);
    }
  });
}

test("what the telephone cannot carry is kept out, and does not fold back", () => {
  for (const from of [48_000, 44_100]) {
    for (const hertz of [4100, 5000, 7900, 8000, 12_000, 20_000]) {
      const level = decibels(tone(hertz, from, 8000).steady);
      assert.ok(level < -70, `${hertz} Hz of ${from}: ${level} dB`);
    }
  }
});

test("between the telephone's samples there is nothing but its own sound", () => {
  const { steady } = tone(1000, 8000, 48_000);
  // the tone itself taken out, by its neighbours half a period away
  const rest = steady.slice(24).map((sample, i) => sample + steady[i]);
  assert.ok(decibels(rest) < -70, `${decibels(rest)} dB`);
});
