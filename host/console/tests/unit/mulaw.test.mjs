// G.711 µ-law against its own definition, and the frames of a line made of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME, Framer } from "../../page/call/framer.js";
import { decode, decodeFloat, encode, encodeFloat } from "../../page/call/mulaw.js";
import { loudness } from "../../page/call/level.js";

/**
 * Table 2a/G.711, the positive half: eight segments of sixteen intervals, of which the first interval of the first
 * segment is half as wide. Decision values x(1)..x(128), in 14 bit.
 */
function decisionValues() {
  const values = [1];
  for (let segment = 0; segment < 8; segment += 1) {
    for (let step = segment ? 0 : 1; step < 16; step += 1) values.push(values.at(-1) + (2 << segment));
  }
  return values;
}

test("the segments end where the recommendation says", () => {
  const values = decisionValues();
  assert.equal(values.length, 128);
  const ends = [1, 2, 3, 4, 5, 6, 7, 8].map((segment) => values[segment * 16 - 1]);
  assert.deepEqual(ends, [31, 95, 223, 479, 991, 2015, 4063, 8159]);
});

test("every sample gets the code of the definition", () => {
  const values = decisionValues();
  let interval = 0;
  for (let magnitude = 0; magnitude <= 32_768; magnitude += 1) {
    while (interval < 127 && values[interval] * 4 <= magnitude) interval += 1;
    if (magnitude < 32_768) assert.equal(encode(magnitude), ~interval & 0xff, `sample ${magnitude}`);
    if (magnitude > 0) assert.equal(encode(-magnitude), ~interval & 0x7f, `sample ${-magnitude}`);
  }
});

test("every code decodes to the middle of its interval", () => {
  const edges = [0, ...decisionValues()];
  for (let interval = 0; interval < 128; interval += 1) {
    const middle = interval && (edges[interval] * 4 + edges[interval + 1] * 4) / 2;
    assert.equal(decode(~interval & 0xff), middle, `interval ${interval}`);
    assert.equal(decode(~interval & 0x7f) + middle, 0, `interval -${interval}`);
  }
});

test("known values come out as elsewhere", () => {
  const pairs = [[0, 0xff], [8, 0xfe], [-8, 0x7e], [100, 0xf2], [-100, 0x72], [1000, 0xce], [-1000, 0x4e], [8031, 0xa0]];
  for (const [sample, byte] of pairs) assert.equal(encode(sample), byte, `sample ${sample}`);
  assert.deepEqual([0x00, 0x80, 0xff, 0x8f, 0xd5].map(decode), [-32124, 32124, 0, 16764, 716]);
});

test("decoding and encoding again changes nothing but minus zero", () => {
  for (let byte = 0; byte < 256; byte += 1) assert.equal(encode(decode(byte)), byte === 0x7f ? 0xff : byte);
});

test("a browser's samples are clipped at full scale and stay what they are below", () => {
  assert.deepEqual([encodeFloat(1), encodeFloat(7), encodeFloat(-7), encodeFloat(0)], [0x80, 0x80, 0x00, 0xff]);
  assert.ok(Math.abs(decodeFloat(encodeFloat(0.25)) - 0.25) < 0.01);
});

test("a browser's blocks of 128 become frames of 20 ms, and nothing is lost between them", () => {
  const framer = new Framer();
  const all = Float32Array.from({ length: 640 }, (_, i) => Math.sin(i / 7) / 2);
  const frames = [];
  for (let at = 0; at < all.length; at += 128) frames.push(...framer.push(all.subarray(at, at + 128)));
  assert.equal(frames.length, 640 / FRAME);
  const bytes = frames.flatMap(({ frame }) => [...new Uint8Array(frame)]);
  assert.deepEqual(bytes, [...all].map(encodeFloat));
  assert.ok(frames.every(({ level }) => level === loudness(0.5)), "half of full scale in each");
});

test("loudness is a scale of decibels from silence to full scale", () => {
  assert.deepEqual([0, 0.0001, 0.001, 0.1, 1, 2].map(loudness), [0, 0, 0, 67, 100, 100]);
});
