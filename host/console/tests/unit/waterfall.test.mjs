// The time of an answer is told by its phases; the picture of a call by which part of it is seen.

import assert from "node:assert/strict";
import { test } from "node:test";
import { phases, voiceToVoice } from "../../page/timeline/phases.js";
import { atEdge, moved, showing, ticks, whole, zoomed } from "../../page/timeline/scale.js";

const METRICS = { transcript_ms: 200, closed_ms: 500, first_token_ms: 700, first_piece_ms: 800, first_audio_ms: 1000, first_frame_ms: 1100 };

function times(metrics) {
  return phases(metrics).map(({ name, from, to }) => [name, from, to]);
}

test("each phase begins where the one before it ended", () => {
  assert.deepEqual(times(METRICS), [
    ["Recogniser", 0, 200],
    ["Does the caller go on?", 200, 500],
    ["Model", 500, 700],
    ["Sentence", 700, 800],
    ["Voice", 800, 1000],
    ["Out to the line", 1000, 1100],
  ]);
  assert.equal(voiceToVoice(METRICS), 1100);
});

test("a model that answered before the turn was closed took no time of the caller's", () => {
  const model = times({ ...METRICS, first_token_ms: 450 }).find(([name]) => name === "Model");
  assert.deepEqual(model, ["Model", 500, 500]);
});

test("what was not reached is left out", () => {
  assert.deepEqual(times({ ...METRICS, first_token_ms: null, first_piece_ms: null, first_audio_ms: null, first_frame_ms: null }).length, 2);
  assert.equal(voiceToVoice({ first_frame_ms: null }), null);
  assert.deepEqual(times(null), []);
});

test("zooming keeps the place that is looked at", () => {
  const next = zoomed({ from: 10_000, span: 20_000 }, 0.5, 15_000, 60_000);
  assert.deepEqual(next, { from: 12_500, span: 10_000 });
});

test("the picture neither leaves the call nor shows less than can be seen", () => {
  assert.equal(moved({ from: 1000, span: 10_000 }, -5000, 60_000).from, 0);
  assert.ok(moved({ from: 1000, span: 10_000 }, 500_000, 60_000).from < 60_000);
  assert.equal(zoomed({ from: 0, span: 2000 }, 0.1, 0, 60_000).span, 2000);
  assert.ok(whole(60_000).span >= 60_000);
});

test("a live call is seen up to its edge, a played one where it plays", () => {
  assert.equal(atEdge({ span: 30_000 }, 5000).from, 0);
  const { from, span } = atEdge({ span: 30_000 }, 100_000);
  assert.ok(from + span > 100_000 && from < 100_000);
  assert.deepEqual(showing({ from: 0, span: 10_000 }, 5000, 60_000), { from: 0, span: 10_000 });
  assert.deepEqual(showing({ from: 0, span: 10_000 }, 20_000, 60_000), { from: 19_000, span: 10_000 });
});

test("the axis has round times, about one in eighty pixels", () => {
  assert.deepEqual(ticks({ from: 0, span: 30_000 }, 800).all, [0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000]);
  assert.equal(ticks({ from: 0, span: 2000 }, 800).step, 200);
});
