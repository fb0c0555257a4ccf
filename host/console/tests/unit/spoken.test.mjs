// When each line was spoken, and what happened besides, in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { happening } from "../../page/past/happenings.js";
import { Timeline } from "../../page/timeline/model.js";
import { ending, ended, ENDING_OPTIONS } from "../../page/naming.js";
import { speakingAt, spoken } from "../../page/past/spoken.js";

const BEGAN = Date.parse("2026-11-22T06:00:00.000Z");

function turn(position, speaker, atMs, text = "Twenty characters ..") {
  return { position, speaker, text, created_at: new Date(BEGAN + atMs).toISOString() };
}

function record(turns, levels, events) {
  return { conversation: { created_at: new Date(BEGAN).toISOString() }, turns, levels, events };
}

/** A side that speaks in these spans, in milliseconds. */
function side(...spans) {
  const steps = new Uint8Array(1000);
  for (const [from, to] of spans) steps.fill(70, from / 20, to / 20);
  return steps;
}

const times = (lines) => lines.map(({ position, startMs, endMs }) => [position, startMs, endMs]);

test("without a recording a line is as long as its words, and ends when it was kept", () => {
  const lines = spoken(record([turn(0, "agent", 3000), turn(1, "caller", 6000)]));
  assert.deepEqual(times(lines), [[0, 1700, 3000], [1, 4700, 6000]]);
});

test("a line does not begin before the line of the same side that was before it, nor before the call", () => {
  const lines = spoken(record([turn(0, "agent", 500), turn(1, "agent", 1000)]));
  assert.deepEqual(times(lines), [[0, 0, 500], [1, 500, 1000]]);
});

test("with a recording a line is where its side is heard", () => {
  // the turn was closed 800 ms after the caller had stopped
  const levels = { step_ms: 20, caller: side([2000, 3200]), agent: side([400, 1600], [4500, 6000]) };
  const lines = spoken(record([turn(0, "agent", 1700), turn(1, "caller", 4000), turn(2, "agent", 6100)], levels));
  assert.deepEqual(times(lines), [[0, 400, 1600], [1, 2000, 3200], [2, 4500, 6000]]);
});

test("a pause within what is said does not end it, a cough long before it is not part of it", () => {
  const levels = { step_ms: 20, caller: side([200, 300], [6000, 7000], [8500, 9000]), agent: side() };
  assert.deepEqual(times(spoken(record([turn(0, "caller", 9800)], levels))), [[0, 6000, 9000]]);
});

test("a side that the recording has not is guessed: it was paused, or the words were typed", () => {
  const levels = { step_ms: 20, caller: side(), agent: side() };
  assert.deepEqual(times(spoken(record([turn(0, "caller", 3000)], levels))), [[0, 1700, 3000]]);
});

test("who cuts in is heard together with whom they cut off", () => {
  const levels = { step_ms: 20, caller: side([2000, 3000]), agent: side([400, 2300]) };
  const lines = spoken(record([turn(0, "agent", 2300), turn(1, "caller", 3500)], levels));
  assert.deepEqual([...speakingAt(lines, 2100)], [0, 1]);
  assert.deepEqual([...speakingAt(lines, 2500)], [1]);
  assert.deepEqual([...speakingAt(lines, 3100)], []);
});

// turn 1: the caller stopped 800 ms before it was closed, and the answer was heard 1400 ms after that
const TURNS = [
  turn(0, "agent", 1700),
  { ...turn(1, "caller", 4000), turn: 1, revision: 0 },
  { ...turn(2, "agent", 6100), turn: 1, ending: "complete" },
];
const METRICS = [
  { position: 0, event: "metrics", data: { turn: 1, revision: 0, closed_ms: 800, first_frame_ms: 1400 }, created_at: TURNS[1].created_at },
];

test("without a recording, how quick a turn was says where the caller stopped and the agent began", () => {
  assert.deepEqual(times(spoken(record(TURNS, undefined, METRICS))), [[0, 400, 1700], [1, 1900, 3200], [2, 4600, 6100]]);
});

const RECORDED = { step_ms: 20, caller: side([2100, 3240]), agent: side([460, 1600], [4500, 6000]) };
const SOURCES = [
  ["its recording", record(TURNS, RECORDED, METRICS)],
  ["how quick it was", record(TURNS, undefined, METRICS)],
  ["the length of its words", record(TURNS)],
  ["a recording of one side", record(TURNS, { ...RECORDED, caller: side() }, METRICS)],
];

for (const [source, kept] of SOURCES) {
  test(`the timeline and the transcript agree on when everything was said, of ${source}`, () => {
    const timeline = Timeline.fromRecord(kept);
    const lines = spoken(kept);
    const told = timeline.spans.filter(({ lane }) => lane !== "thinking");
    assert.deepEqual(
      told.map(({ lane, from, to }) => [lane, from - BEGAN, to - BEGAN]),
      lines.map(({ speaker, startMs, endMs }) => [speaker, startMs, endMs]),
    );
    assert.deepEqual(timeline.lines.map(({ at }) => at - BEGAN), lines.map(({ startMs }) => startMs));
  });
}

test("what happened is said in words, and what needs attention is marked", () => {
  const say = (event, data) => {
    const { words, kind } = happening({ event, data });
    return [words, kind];
  };
  assert.deepEqual(say("trouble", { what: "the model gave nothing" }), ["Trouble: the model gave nothing", "bad"]);
  assert.deepEqual(say("failed_over", { stage: "llm", from: "a", to: "b" }), ["The model a failed; b went on", "warning"]);
  assert.deepEqual(say("tool", { turn: 2, name: "file_claim", step: "done" }), ["The tool file_claim is done (turn 2)", "neutral"]);
  assert.deepEqual(say("tool", { turn: 2, name: "x", step: "lost" })[1], "bad");
  assert.deepEqual(say("metrics", { turn: 1, first_frame_ms: 640.4 }), ["Turn 1: voice to voice 640 ms", "neutral"]);
  assert.deepEqual(say("metrics", { turn: 1, first_frame_ms: null })[0], "Turn 1: no answer was heard");
  assert.deepEqual(say("kept", { fields: { name: "Ada", ages: [3, 4] } })[0], "Kept: name = Ada, ages = 3; 4");
});

test("what nobody has words for is shown as it is", () => {
  const told = happening({ event: "something_new", data: { n: 1 } });
  assert.equal(told.words, "Something new");
  assert.match(told.more, /"n": 1/);
  assert.equal(happening({ event: "line", data: { state: "odd" } }).words, "Line");
});

test("a conversation without an ending goes on", () => {
  const { words, kind } = ending(null);
  assert.deepEqual([words, kind], ["Goes on", "busy"]);
  assert.equal(ending("failed").kind, "bad");
  assert.equal(ending("teleported").words, "teleported");
  assert.equal(ended(undefined), "The call is over.");
  assert.equal(ended("teleported"), "The call is over.");
});

test("every way in which a call can end has its words, and can be searched for", () => {
  const all = ["caller", "script", "transferred", "operator", "limit", "failed", "lost", "busy", "no-answer", "canceled"];
  assert.deepEqual(ENDING_OPTIONS.map(({ value }) => value), all);
  for (const departure of all) assert.notEqual(ended(departure), "The call is over.", departure);
});
