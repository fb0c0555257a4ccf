// Reads recordings: WAV files with two channels, µ-law or PCM of 16 bits, also one that still grows; and tells
// how loud each side was.

import { decode } from "./call/mulaw.js";
import { loudness } from "./call/level.js";

const MULAW = 7;
const PCM = 1;
const FULL_SCALE = 32_768;

/**
 * What is in a WAV file. `bytes`: the whole file. Gives
 * `{format: "mulaw"|"pcm16", sampleRate (Hz), channels, start, length, durationMs}`; `start` and `length`, in
 * bytes, say where the samples are. Where the sizes in the head are not final, the samples go on to the end
 * of what there is. Throws where it is no such file.
 */
export function readHead(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || name(view, 0) !== "RIFF" || name(view, 8) !== "WAVE") {
    throw new Error("this recording is no WAV file");
  }
  const grows = view.getUint32(4, true) + 8 < bytes.length;
  let format;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name(view, at) === "fmt " && start + 16 <= bytes.length) format = readFormat(view, start);
    if (name(view, at) === "data") return withSamples(format, start, size, bytes.length, grows);
    // chunks begin at even places
    at = start + size + (size % 2);
  }
  throw new Error("this recording has no sound in it yet");
}

function name(view, at) {
  return String.fromCharCode(...[0, 1, 2, 3].map((offset) => view.getUint8(at + offset)));
}

function readFormat(view, at) {
  const tag = view.getUint16(at, true);
  const bits = view.getUint16(at + 14, true);
  const known = (tag === MULAW && bits === 8) || (tag === PCM && bits === 16);
  if (!known) throw new Error(`this recording has a format that cannot be drawn (${tag}, ${bits} bits)`);
  return {
    format: tag === MULAW ? "mulaw" : "pcm16",
    channels: view.getUint16(at + 2, true),
    sampleRate: view.getUint32(at + 4, true),
  };
}

function withSamples(format, start, size, end, grows) {
  if (!format) throw new Error("this recording does not say what its sound is");
  const final = size > 0 && start + size <= end && !grows;
  const frame = format.channels * (format.format === "mulaw" ? 1 : 2);
  const there = final ? size : end - start;
  const length = there - (there % frame);
  return { ...format, start, length, durationMs: (length / frame / format.sampleRate) * 1000 };
}

/** Makes the sizes in the head those of what there is, so that a player plays all of it. Changes `bytes`. */
export function settle(bytes, head) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(4, bytes.length - 8, true);
  view.setUint32(head.start - 4, head.length, true);
}

/**
 * How loud both sides are: `{step_ms, caller: Uint8Array, agent: Uint8Array}`, 0 (silence, -60 dBFS and below)
 * to 100 (full scale), one for each step. The caller is left, the agent right.
 */
export function levels(bytes, head, step_ms = 20) {
  if (head.channels !== 2) throw new Error("this recording does not keep caller and agent apart");
  const perStep = Math.round((head.sampleRate * step_ms) / 1000);
  const energy = head.format === "mulaw" ? mulawEnergy(bytes, head.start) : pcmEnergy(bytes, head.start);
  const samples = head.length / (head.format === "mulaw" ? 2 : 4);
  const steps = Math.ceil(samples / perStep);
  const sides = [new Uint8Array(steps), new Uint8Array(steps)];
  for (let step = 0; step < steps; step += 1) {
    const first = step * perStep;
    const behind = Math.min(first + perStep, samples);
    sides.forEach((side, channel) => {
      let sum = 0;
      for (let sample = first; sample < behind; sample += 1) sum += energy(sample * 2 + channel);
      side[step] = loudness(Math.sqrt(sum / (behind - first)) / FULL_SCALE);
    });
  }
  return { step_ms, caller: sides[0], agent: sides[1] };
}

const MULAW_ENERGY = Float64Array.from({ length: 256 }, (_, byte) => decode(byte) ** 2);

function mulawEnergy(bytes, start) {
  return (index) => MULAW_ENERGY[bytes[start + index]];
}

function pcmEnergy(bytes, start) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  return (index) => view.getInt16(index * 2, true) ** 2;
}
