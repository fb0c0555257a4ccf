// The silence that keeps a line alive.

import assert from "node:assert/strict";
import { test } from "node:test";
import { due } from "../../page/call/silence.js";

test("a frame is due for every 20 ms, and what is left of them counts for the next", () => {
  assert.deepEqual(due(0, 19), { frames: 0, until: 0 });
  assert.deepEqual(due(0, 50), { frames: 2, until: 40 });
  assert.deepEqual(due(40, 60), { frames: 1, until: 60 });
});

test("rare ticks are made up for", () => {
  assert.deepEqual(due(0, 1000), { frames: 50, until: 1000 });
});

test("a machine that slept for an hour makes up for a second of it", () => {
  assert.deepEqual(due(0, 3_600_000), { frames: 50, until: 3_600_000 });
});
