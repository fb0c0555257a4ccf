// What the agent says, sample by sample, and when a mark is heard.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Playout } from "../../page/call/playout.js";
import { decodeFloat } from "../../page/call/mulaw.js";

const LOUD = 0x80;

function block(playout, length = 128) {
  const out = new Float32Array(length).fill(9);
  return { marks: playout.render(out), out };
}

function loud(length) {
  return new Uint8Array(length).fill(LOUD);
}

test("a mark is heard in the block in which the sound before it ends, and not before", () => {
  const playout = new Playout();
  playout.push(loud(200));
  playout.mark(1);
  playout.push(loud(56));
  playout.mark(2);
  assert.deepEqual(block(playout).marks, []);
  assert.deepEqual(block(playout).marks, [1, 2], "256 samples were played");
  assert.equal(playout.isPlaying, false);
});

test("a mark with nothing before it is heard at once", () => {
  const playout = new Playout();
  playout.mark(7);
  assert.deepEqual(block(playout).marks, [7]);
});

test("what is missing is silence, and pieces follow each other without a gap", () => {
  const playout = new Playout();
  playout.push(loud(100));
  playout.push(Uint8Array.of(0xce, 0x4e));
  const { out } = block(playout);
  assert.equal(out[99], decodeFloat(LOUD));
  assert.deepEqual([out[100], out[101], out[102], out[127]], [decodeFloat(0xce), decodeFloat(0x4e), 0, 0].map(Math.fround));
});

test("a mark waits for as long as a sample needs to the loudspeaker", () => {
  const playout = new Playout();
  playout.latency = 200;
  playout.push(loud(128));
  playout.mark(1);
  assert.deepEqual(block(playout).marks, []);
  assert.deepEqual(block(playout).marks, []);
  assert.deepEqual(block(playout).marks, [1], "384 samples are more than 128 and 200");
});

test("clear silences in the middle of a piece, and nothing of before comes back", () => {
  const playout = new Playout();
  playout.push(loud(8000));
  playout.mark(1);
  block(playout);
  playout.clear();
  playout.push(loud(10));
  playout.mark(2);
  const { out, marks } = block(playout);
  assert.deepEqual(marks, [2]);
  assert.deepEqual([out[9], out[10]], [Math.fround(decodeFloat(LOUD)), 0]);
});
