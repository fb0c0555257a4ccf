// An operator with a hundred calls sees which one is in trouble, and why.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "../../page/clock.js";
import { counted, matches, way, who } from "../../page/watch/calls.js";
import { judge, ranked } from "../../page/watch/trouble.js";

const NOW = Date.parse("2026-11-17T10:00:00Z");

function call(more = {}) {
  return {
    id: "CA1", direction: "inbound", from: "+15555550101", to: "+15555550100", state: "listening", turns: 2, created_at: ago(60),
    persona: "guest-relations", providers: { stt: "deepgram-stt", llm: "openai-llm" }, line: "stream", latency_ms: 700,
    failovers: 0, interruptions: 0, trouble: [], ...more,
  };
}

function ago(seconds) {
  return new Date(NOW - seconds * 1000).toISOString();
}

function judged(more, inState = 0) {
  const { kind, reasons } = judge(call({ ...more, state_since: ago(inState) }), NOW);
  return [kind, ...reasons];
}

test("a call that goes well is not in trouble", () => {
  assert.deepEqual(judged({}, 5), [null]);
  assert.deepEqual(judged({ latency_ms: null, state: "speaking" }, 40), [null]);
});

test("each kind of trouble has its reason, in a sentence", () => {
  assert.deepEqual(judged({ state: "lost" }), ["bad", "The line is lost."]);
  assert.deepEqual(judged({ state: "thinking" }, 6), ["bad", "The caller has waited 6 s for an answer."]);
  assert.deepEqual(judged({ trouble: [{ at: ago(12), what: "the model does not answer" }] }), ["bad", "12 s ago: the model does not answer"]);
  assert.deepEqual(judged({ latency_ms: 2300 }), ["warning", "The last answer took 2300 ms."]);
  assert.deepEqual(judged({ latency_ms: 4000 }), ["bad", "The last answer took 4000 ms."]);
  assert.deepEqual(judged({}, 25), ["warning", "Nobody has spoken for 25 s."]);
  assert.deepEqual(judged({ failovers: 2 }), ["warning", "A provider failed and another went on, twice."]);
});

test("what is short, or long past, is no trouble", () => {
  assert.deepEqual(judged({ state: "thinking" }, 2), [null]);
  assert.deepEqual(judged({ latency_ms: 1500 }), [null]);
  assert.deepEqual(judged({ trouble: [{ at: ago(300), what: "long ago" }] }), [null]);
});

test("of several reasons the worst is told first", () => {
  const [kind, worst] = judged({ failovers: 1, latency_ms: 1700, state: "lost" });
  assert.deepEqual([kind, worst], ["bad", "The line is lost."]);
});

test("those in trouble come first, then the oldest, whatever order the server has", () => {
  const calls = [
    call({ id: "young", created_at: ago(5) }),
    call({ id: "slow", latency_ms: 2000 }),
    call({ id: "old", created_at: ago(500) }),
    call({ id: "lost", state: "lost" }),
  ];
  assert.deepEqual(ranked(calls, NOW).map(({ call }) => call.id), ["lost", "slow", "old", "young"]);
});

test("whatever the browser's clock shows, the same calls are in trouble, in the same order", () => {
  const calls = [
    call({ id: "well" }),
    call({ id: "waits", state: "thinking", state_since: ago(6) }),
    call({ id: "answers", state: "thinking", state_since: ago(1) }),
    call({ id: "news", trouble: [{ at: ago(12), what: "the model does not answer" }], created_at: ago(50) }),
    call({ id: "old news", trouble: [{ at: ago(300), what: "long ago" }], created_at: ago(400) }),
  ];
  for (const skew of [-600_000, -30_000, 0, 30_000, 600_000]) {
    const clock = new ServerClock();
    clock.dated(new Date(NOW).toUTCString(), NOW + skew - 10, NOW + skew + 10);
    const rows = ranked(calls, clock.at(NOW + skew));
    assert.deepEqual(rows.map(({ call }) => call.id), ["waits", "news", "old news", "answers", "well"], `${skew}`);
    assert.deepEqual(rows.map(({ judgement }) => judgement.kind), ["bad", "bad", null, null, null], `${skew}`);
  }
});

test("of a call in which nothing has happened nobody says that it takes long", () => {
  assert.deepEqual(judge(call({ state: "listening", state_since: null }), NOW).reasons, []);
});

test("a call is found by number, persona, provider and state, by all words together", () => {
  const one = call();
  for (const wanted of ["", "0101", "guest", "openai", "listening", "GUEST deepgram"]) assert.ok(matches(one, wanted), wanted);
  for (const wanted of ["0999", "guest flite", "thinking"]) assert.ok(!matches(one, wanted), wanted);
  assert.ok(matches(call({ console: true }), "browser"));
});

test("who it is, and how they came", () => {
  assert.deepEqual([who(call()), way(call())], ["+15555550101", "calls +15555550100"]);
  const placed = call({ direction: "outbound", from: "+15555550100", to: "+15555550177" });
  assert.deepEqual([who(placed), way(placed)], ["+15555550177", "called by us from +15555550100"]);
  assert.deepEqual([who(call({ console: true })), way(call({ console: true }))], ["Browser", "from the console"]);
});

test("calls are counted by their states", () => {
  assert.deepEqual(counted([call(), call({ state: "lost" }), call()]), { listening: 2, lost: 1 });
});
