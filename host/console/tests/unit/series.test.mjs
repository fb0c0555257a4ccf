// What the plots and tables of the figures show.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alone, highest, last, latency, perStep, plots, providerRows, serviceRows, sum, summary, tableRows } from "../../page/figures/series.js";

function took(stage, provider, what, more = {}) {
  return { stage, provider, what, count: 3, p50: 10, p95: 20, p99: 30, series: { p50: [10, null], p95: [20, null] }, ...more };
}

function figures(more = {}) {
  const names = ["calls", "ended", "failed", "turned_away", "interruptions", "failovers", "failures", "cost", "cpu", "memory_mb"];
  const series = Object.fromEntries(names.map((name) => [name, [1, null]]));
  return { at: [60, 120], ...series, latencies: [], providers: [], currency: "USD", step_s: 60, live: 1, ...more };
}

test("what was nothing is no zero", () => {
  assert.equal(sum([null, null]), null);
  assert.equal(sum([1, null, 2]), 3);
  assert.equal(sum([0, null]), 0);
  assert.equal(last([1, 2, null]), 2);
  assert.equal(last([null]), null);
  assert.equal(highest([null, 3, 1]), 3);
  assert.equal(highest([]), null);
});

test("gaps stay gaps in every plot", () => {
  const all = plots(figures({ latencies: [took("turn", "", "voice to voice"), took("llm", "a", "first")] }));
  for (const { id, series } of all) {
    for (const { values } of series) assert.equal(values[1], null, id);
  }
});

test("a value that stands alone between gaps is found, for no line goes to it", () => {
  assert.deepEqual(alone([1, null, 2, 3, null, 0, null, 4]), [0, 5, 7]);
  assert.deepEqual(alone([null, 1, 2]), []);
  assert.deepEqual(alone([]), []);
});

test("without prices nothing is drawn of the cost", () => {
  assert.equal(plots(figures({ currency: null })).some(({ id }) => id === "cost"), false);
});

test("what is counted says for how long it is", () => {
  assert.deepEqual([10, 60, 240].map(perStep), ["per 10 s", "per minute", "per 4 minutes"]);
});

test("a stage has a plot where somebody worked in it, with two lines for each provider", () => {
  const all = plots(figures({ latencies: [took("llm", "a", "first"), took("llm", "b", "first"), took("llm", "a", "processing")] }));
  assert.deepEqual(all.map(({ id }) => id), ["calls", "voice", "llm", "wrong", "ended", "cost", "cpu", "memory"]);
  const llm = all.find(({ id }) => id === "llm");
  assert.deepEqual(
    llm.series.map(({ label }) => label),
    ["a, half within", "a, 95 % within", "b, half within", "b, 95 % within"],
  );
  // the lines of a provider have one colour and differ in their dashes
  const looks = llm.series.map(({ colour, dash }) => `${colour} ${dash}`);
  assert.equal(new Set(looks).size, 4);
  assert.equal(llm.series[0].colour, llm.series[1].colour);
});

test("no two lines of a plot look the same", () => {
  for (const { id, series } of plots(figures({ latencies: [took("turn", "", "voice to voice")] }))) {
    assert.equal(new Set(series.map(({ colour, dash }) => `${colour} ${dash}`)).size, series.length, id);
  }
});

test("voice to voice is told by the whole turn", () => {
  const all = figures({ latencies: [took("tts", "v", "first"), took("turn", "", "voice to voice", { p99: 900 })] });
  assert.equal(latency(all, "turn", "voice to voice").p99, 900);
  assert.equal(latency(figures(), "turn", "voice to voice"), undefined);
});

test("a provider's times and failures stand in one row, in the order of the stages", () => {
  const rows = providerRows(
    figures({
      latencies: [took("tts", "voice", "first"), took("llm", "a", "first", { count: 5 }), took("llm", "a", "processing", { p50: 70 }), took("turn", "", "voice to voice")],
      providers: [
        { stage: "llm", provider: "a", failures: 2, failed_over_from: 1, failed_over_to: 0 },
        { stage: "llm", provider: "b", failures: 0, failed_over_from: 0, failed_over_to: 1 },
      ],
    }),
  );
  assert.deepEqual(rows.map(({ provider }) => provider), ["a", "b", "voice"]);
  const [a, b] = rows;
  assert.deepEqual([a.requests, a.first.p50, a.processing.p50, a.failures, a.from], [5, 10, 70, 2, 1]);
  assert.deepEqual([b.requests, b.first.p50, b.to], [0, null, 1]);
});

test("a table has the newest first, and not the times of which nothing is known", () => {
  const rows = tableRows([60, 120, 180], [{ values: [1, null, 3] }, { values: [null, null, 0] }]);
  assert.deepEqual(rows, [{ at: 180, values: [3, 0] }, { at: 60, values: [1, null] }]);
});

test("a plot is said in a sentence", () => {
  const write = (value) => `${value} ms`;
  const plot = { title: "Speed", write, series: [{ label: "half", values: [9, 4, null] }, { label: "all", values: [null] }] };
  assert.equal(summary(plot), "Speed. half: 4 ms last, 9 ms at most; all: nothing.");
  assert.equal(summary({ title: "Speed", write, series: [] }), "Speed. Nothing yet.");
});

test("what fails comes first, with why", () => {
  const health = {
    services: {
      llm: { component: "a", state: "ok" },
      tts: { component: "b", state: "failing", trouble: { since: "2026-11-22T06:00:00Z", reason: "no answer", failures: 2 } },
    },
  };
  const [tts, llm] = serviceRows(health);
  assert.deepEqual([tts.name, tts.reason, tts.failures], ["tts", "no answer", 2]);
  assert.deepEqual([llm.name, llm.reason], ["llm", undefined]);
});
