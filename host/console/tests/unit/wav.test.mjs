// What recordings say of themselves, and how loud they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { levels, readHead, settle } from "../../page/wav.js";

const MULAW_SILENCE = 0xff;
const MULAW_FULL = 0x80;

/** A recording as the server writes it. `extra`: a chunk before the samples. */
function wav({ tag = 7, bits = 8, channels = 2, rate = 8000, samples, size, riff, extra = [] }) {
  const head = new DataView(new ArrayBuffer(36));
  const write = (at, text) => [...text].forEach((letter, index) => head.setUint8(at + index, letter.charCodeAt(0)));
  write(0, "RIFF");
  write(8, "WAVE");
  write(12, "fmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, tag, true);
  head.setUint16(22, channels, true);
  head.setUint32(24, rate, true);
  head.setUint16(34, bits, true);
  const data = new DataView(new ArrayBuffer(8));
  [..."data"].forEach((letter, index) => data.setUint8(index, letter.charCodeAt(0)));
  data.setUint32(4, size ?? samples.length, true);
  const bytes = new Uint8Array([...new Uint8Array(head.buffer), ...extra, ...new Uint8Array(data.buffer), ...samples]);
  new DataView(bytes.buffer).setUint32(4, riff ?? bytes.length - 8, true);
  return bytes;
}

/** So many frames of two channels. */
function frames(count, left, right) {
  return Array.from({ length: count }, () => [left, right]).flat();
}

function pcm(...values) {
  return values.flatMap((value) => [value & 0xff, (value >> 8) & 0xff]);
}

test("a µ-law recording tells its format and its length", () => {
  const head = readHead(wav({ samples: frames(8000, MULAW_SILENCE, MULAW_SILENCE) }));
  assert.deepEqual(head, { format: "mulaw", channels: 2, sampleRate: 8000, start: 44, length: 16000, durationMs: 1000 });
});

test("a recording of 16 bits has four bytes a frame", () => {
  const head = readHead(wav({ tag: 1, bits: 16, samples: pcm(...frames(160, 5, -5)) }));
  assert.equal(head.format, "pcm16");
  assert.equal(head.durationMs, 20);
});

test("a chunk of odd length before the samples is stepped over, with the byte that fills it up", () => {
  const list = [..."LIST"].map((letter) => letter.charCodeAt(0)).concat([3, 0, 0, 0, 1, 2, 3, 0]);
  assert.equal(readHead(wav({ extra: list, samples: frames(160, 1, 1) })).start, 44 + list.length);
});

test("a recording that still grows goes on to the end of what there is", () => {
  const samples = frames(800, MULAW_FULL, MULAW_SILENCE);
  // nothing was flushed; half of it was; the file was cut off; the head promises the longest possible
  const heads = [{ size: 0 }, { size: 800, riff: 836 }, { size: 1_000_000 }, { size: 0xffffffff, riff: 0xffffffff }];
  for (const sizes of heads) {
    const head = readHead(wav({ samples, ...sizes }));
    assert.deepEqual([head.length, head.durationMs], [1600, 100], JSON.stringify(sizes));
  }
});

test("what follows the samples in a finished file is no sound", () => {
  const head = readHead(wav({ samples: [...frames(80, 1, 1), ..."LIST...."].map(Number), size: 160 }));
  assert.equal(head.length, 160);
});

test("half a frame at the end is left out", () => {
  assert.equal(readHead(wav({ samples: [...frames(80, 1, 1), 7], size: 0 })).length, 160);
});

test("a growing recording is settled so that a player plays all of it", () => {
  const bytes = wav({ samples: frames(800, MULAW_FULL, MULAW_FULL), size: 0 });
  settle(bytes, readHead(bytes));
  const view = new DataView(bytes.buffer);
  assert.deepEqual([view.getUint32(4, true), view.getUint32(40, true)], [bytes.length - 8, 1600]);
});

test("the caller is left and the agent right, and each step of 20 ms has its loudness", () => {
  const samples = [...frames(160, MULAW_FULL, MULAW_SILENCE), ...frames(160, MULAW_SILENCE, MULAW_FULL)];
  const bytes = wav({ samples });
  const { step_ms, caller, agent } = levels(bytes, readHead(bytes));
  assert.equal(step_ms, 20);
  assert.deepEqual([[...caller], [...agent]], [[100, 0], [0, 100]]);
});

test("loudness is in dB: a tenth of full scale is 20 dB less, a thousandth is silence", () => {
  for (const [value, loudness] of [[32767, 100], [-32768, 100], [3277, 67], [328, 33], [33, 0], [0, 0]]) {
    const bytes = wav({ tag: 1, bits: 16, samples: pcm(...frames(160, value, 0)) });
    assert.deepEqual([...levels(bytes, readHead(bytes)).caller], [loudness], `${value}`);
  }
});

test("µ-law and 16 bits of the same sound are as loud as each other", () => {
  // 0x9f is 8316 (ITU-T G.711: 2079 in 14 bits)
  const one = wav({ samples: frames(160, 0x9f, 0x1f) });
  const other = wav({ tag: 1, bits: 16, samples: pcm(...frames(160, 8316, -8316)) });
  assert.deepEqual(levels(one, readHead(one)), levels(other, readHead(other)));
});

test("a last step that is not full is as loud as what is in it", () => {
  const bytes = wav({ samples: frames(200, MULAW_FULL, MULAW_SILENCE) });
  assert.deepEqual([...levels(bytes, readHead(bytes)).caller], [100, 100]);
});

test("what is no recording is said, and nothing is drawn of it", () => {
  assert.throws(() => readHead(new Uint8Array([1, 2, 3])), /no WAV file/);
  assert.throws(() => readHead(new TextEncoder().encode("<html>not a recording</html>")), /no WAV file/);
  assert.throws(() => readHead(wav({ tag: 6, samples: frames(160, 1, 1) })), /cannot be drawn/);
  assert.throws(() => readHead(wav({ samples: [] }).subarray(0, 40)), /no sound in it yet/);
  const mono = wav({ channels: 1, samples: frames(80, 1, 1) });
  assert.throws(() => levels(mono, readHead(mono)), /apart/);
});
