// A call is put together out of its events, while it goes on and when it is long over.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline } from "../../page/timeline/model.js";
import { missed, what } from "../../page/timeline/story.js";

const START = Date.parse("2026-11-17T10:00:00Z");

function time(seconds) {
  return new Date(START + seconds * 1000).toISOString();
}

function view(more = {}) {
  const at = time(0);
  return {
    at, event: "call", id: "CA1", created_at: at, start_time: at, state: "listening", providers: { llm: "openai-llm" },
    kept: {}, conversation: [], trouble: [], ...more,
  };
}

/** A call of which these `[second, event, members]` are told after the first. */
function told(happened, first = view()) {
  const timeline = new Timeline();
  timeline.add(first);
  for (const [at, event, more] of happened) timeline.add({ at: time(at), event, ...more });
  return timeline;
}

function seconds(span) {
  return [span.lane, (span.from - START) / 1000, span.to === null ? null : (span.to - START) / 1000, span.kind];
}

const SOUP = [
  [1, "speaks", { text: "Hello." }],
  [2, "spoke", { text: "Hello.", heard: "Hello.", ending: "complete" }],
  [3, "caller", { speaking: true }],
  [3.5, "partial", { text: "My soup" }],
  [4, "partial", { text: "My soup was" }],
  [4.5, "caller", { speaking: false }],
  [5, "turn", { number: 1, revision: 0, text: "My soup was cold." }],
  [5.6, "speaks", { text: "I am sorry to hear that." }],
  [5.7, "metrics", { turn: 1, revision: 0, transcript_ms: 200, closed_ms: 500, first_token_ms: 700, first_piece_ms: 800, first_audio_ms: 1000, first_frame_ms: 1100 }],
];

test("who spoke when, and that the agent thought between, is seen", () => {
  const timeline = told([...SOUP, [8, "spoke", { text: "I am sorry to hear that.", heard: "I am sorry to hear that.", ending: "complete" }]]);
  assert.deepEqual(timeline.spans.map(seconds), [
    ["agent", 1, 2, "complete"],
    ["caller", 3, 4.5, "speech"],
    ["thinking", 5, 5.6, "thinking"],
    ["agent", 5.6, 8, "complete"],
  ]);
  assert.equal(timeline.spans[1].text, "My soup was cold.");
  assert.equal(timeline.state, "listening");
});

test("words grow in one line until the turn has them all", () => {
  const timeline = new Timeline();
  timeline.add(view());
  const lines = [];
  for (const [at, event, more] of SOUP.slice(2, 7)) {
    timeline.add({ at: time(at), event, ...more });
    lines.push(timeline.lines.map(({ key, text, final }) => [key, text, final]));
  }
  assert.deepEqual(lines, [
    [],
    [[1, "My soup", false]],
    [[1, "My soup was", false]],
    [[1, "My soup was", false]],
    [[1, "My soup was cold.", true]],
  ]);
  assert.deepEqual(timeline.words.map(({ final }) => final), [false, false, true]);
});

test("a turn knows its answer, how it was heard and how quick it was", () => {
  const timeline = told([...SOUP, [7, "spoke", { text: "I am sorry to hear that.", heard: "I am sorry…", ending: "interrupted" }]]);
  const [turn] = timeline.turns;
  assert.equal(turn.answer, "I am sorry to hear that.");
  assert.equal(turn.heard, "I am sorry…");
  assert.equal(turn.ending, "interrupted");
  assert.equal(turn.metrics.first_frame_ms, 1100);
  assert.equal(turn.speechEnd, START + 4500);
  assert.equal(timeline.latency, 1100);
  assert.deepEqual(timeline.marks.map(({ kind }) => kind), ["interruption"]);
  assert.equal(missed(timeline.lines.at(-1)), "to hear that.");
});

test("the caller goes on after the turn was closed: the revision replaces it, and its measures", () => {
  const timeline = told([
    ...SOUP.slice(2, 7),
    [5.1, "caller", { speaking: true }],
    [5.3, "spoke", { text: "I am", heard: "", ending: "cancelled" }],
    [5.5, "partial", { text: "and the bread" }],
    [5.8, "caller", { speaking: false }],
    [6, "turn", { number: 1, revision: 1, text: "My soup was cold and the bread too." }],
    [6.1, "metrics", { turn: 1, revision: 0, closed_ms: 1, first_frame_ms: 1 }],
    [6.5, "speaks", { text: "Oh." }],
    [6.6, "metrics", { turn: 1, revision: 1, closed_ms: 200, first_frame_ms: 700 }],
  ]);
  assert.equal(timeline.turns.length, 1);
  assert.equal(timeline.turns[0].revision, 1);
  assert.equal(timeline.turns[0].text, "My soup was cold and the bread too.");
  assert.equal(timeline.turns[0].answer, "");
  assert.equal(timeline.turns[0].metrics.first_frame_ms, 700);
  assert.deepEqual(timeline.lines.map(({ who, text }) => [who, text]), [
    ["caller", "My soup was cold and the bread too."],
    ["agent", "Oh."],
  ]);
});

test("a late event of a revision that was replaced changes nothing", () => {
  const timeline = told([
    [1, "turn", { number: 1, revision: 1, text: "Two soups." }],
    [2, "turn", { number: 1, revision: 0, text: "Two" }],
  ]);
  assert.equal(timeline.turns[0].text, "Two soups.");
});

test("its state is that of the line, of the speakers, of the thought", () => {
  const states = [];
  const timeline = new Timeline();
  timeline.add(view({ state: "ringing" }));
  states.push(timeline.state);
  const happened = [
    [1, "line", { state: "attached" }],
    [2, "speaks", { text: "Hello." }],
    [3, "caller", { speaking: true }],
    [3.2, "spoke", { text: "Hello.", heard: "Hel", ending: "interrupted" }],
    [4, "caller", { speaking: false }],
    [5, "turn", { number: 1, revision: 0, text: "Hi." }],
    [6, "line", { state: "lost" }],
    [7, "line", { state: "back" }],
    [8, "end", { departure: "caller" }],
  ];
  for (const [at, event, more] of happened) {
    timeline.add({ at: time(at), event, ...more });
    states.push(timeline.state);
  }
  assert.deepEqual(states, [
    "ringing", "listening", "speaking", "hearing", "hearing", "listening", "thinking", "lost", "thinking", "over",
  ]);
});

test("trouble, another provider and a lost line are marked, and the providers are who they are now", () => {
  const timeline = told([
    [1, "trouble", { what: "openai-llm: 503" }],
    [1.1, "failed_over", { stage: "llm", from: "openai-llm", to: "offline-llm" }],
    [2, "line", { state: "lost" }],
    [3, "line", { state: "back" }],
    [4, "exchanged", { stage: "tts", component: "flite-tts", generation: 2 }],
  ]);
  assert.deepEqual(timeline.marks.map(({ kind }) => kind), ["trouble", "failover", "line-lost", "line-back", "exchange"]);
  assert.deepEqual(timeline.providers, { llm: "offline-llm", tts: "flite-tts" });
  assert.deepEqual(timeline.trouble.map(({ text }) => text), [
    "The line was lost.", "Model: openai-llm failed, offline-llm goes on.", "openai-llm: 503",
  ]);
});

test("a tool is marked when it is asked for and when it is done, and belongs to its turn", () => {
  const step = (at, step) => [at, "tool", { turn: 1, name: "look_up", call: "t1", step }];
  const timeline = told([[1, "turn", { number: 1, revision: 0, text: "Where is it?" }], step(2, "requested"), step(2.1, "sent"), step(3, "done")]);
  assert.deepEqual(timeline.marks.map(({ text }) => text), ["Tool look_up", "Tool look_up: done"]);
  assert.deepEqual(timeline.turns[0].tools.map(({ name, step }) => [name, step]), [["look_up", "done"]]);
});

test("whoever comes late sees what was said, and does not see it twice after a loss", () => {
  const conversation = [
    { at: time(2), who: "agent", text: "Hello." },
    { at: time(5), who: "caller", text: "My soup was cold.", turn: 1 },
  ];
  const late = view({ at: time(6), conversation, state: "speaking", speaking: "I am sorry" });
  const timeline = told([], late);
  assert.deepEqual(timeline.lines.map(({ text, final }) => [text, final]), [["Hello.", true], ["My soup was cold.", true], ["I am sorry", false]]);
  assert.equal(timeline.state, "speaking");
  timeline.add({ at: time(8), event: "spoke", text: "I am sorry.", heard: "I am sorry.", ending: "complete" });
  const again = [...conversation, { at: time(8), who: "agent", text: "I am sorry." }, { at: time(9), who: "caller", text: "Bye.", turn: 2 }];
  timeline.add(view({ at: time(10), conversation: again }));
  assert.deepEqual(timeline.lines.map(({ text }) => text), ["Hello.", "My soup was cold.", "I am sorry.", "Bye."]);
  assert.deepEqual(timeline.turns.map(({ number }) => number), [1, 2]);
});

test("a caller who was speaking when the connection was lost is not thought to have spoken all the while", () => {
  const timeline = told([[1, "caller", { speaking: true }], [2, "levels", { step_ms: 20, caller: [50], agent: [0] }]]);
  timeline.add(view({ at: time(30) }));
  assert.deepEqual(timeline.spans.map(seconds), [["caller", 1, 2, "speech"]]);
});

test("what is being said when we come may have begun with the thought before it", () => {
  const conversation = [{ at: time(5), who: "caller", text: "My soup was cold.", turn: 1 }];
  const timeline = told([], view({ at: time(7), conversation, state: "speaking", speaking: "I am" }));
  assert.deepEqual(timeline.spans.filter(({ lane }) => lane === "agent").map(seconds), [["agent", 5, null, "speaking"]]);
});

test("loudness stands where it was heard, over a gap as well", () => {
  const levels = (at, value) => [at, "levels", { step_ms: 20, caller: Array(10).fill(value), agent: Array(10).fill(0) }];
  const timeline = told([levels(1.2, 30), levels(1.41, 50), levels(3, 70)]);
  const peak = (from, to) => timeline.levels.caller.peak(START + from * 1000, START + to * 1000);
  assert.equal(peak(0, 0.9), 0);
  assert.equal(peak(1.02, 1.18), 30);
  assert.equal(peak(1.2, 1.38), 50);
  assert.equal(peak(1.6, 2.7), 0);
  assert.equal(peak(2.8, 3), 70);
  assert.equal(timeline.levels.agent.peak(START, START + 3000), 0);
});

test("the live edge goes on by our clock, however that of the server is set", () => {
  const timeline = new Timeline();
  timeline.add(view({ at: time(10) }), START + 70_000);
  assert.equal(timeline.edge(START + 75_000), START + 15_000);
  timeline.add({ at: time(16), event: "end", departure: "caller" }, START + 76_000);
  assert.equal(timeline.edge(START + 99_000), START + 16_000);
});

test("nobody picked up", () => {
  const timeline = told([[20, "status", { status: "no-answer" }]], view({ state: "ringing", status: "ringing" }));
  assert.equal(timeline.state, "over");
  assert.equal(timeline.marks[0].text, "Nobody picked up.");
});

test("what the agent says next is queued behind what it is saying", () => {
  const timeline = told([
    [1, "speaks", { text: "I am sorry." }],
    [1.5, "speaks", { text: "This is" }],
    [3, "spoke", { text: "I am sorry.", heard: "I am sorry.", ending: "complete" }],
    [5, "spoke", { text: "This is the operator.", heard: "This is the", ending: "interrupted" }],
    [5.1, "spoke", { text: "Never begun.", heard: "", ending: "cancelled" }],
  ]);
  assert.deepEqual(timeline.spans.map(seconds), [["agent", 1, 3, "complete"], ["agent", 3, 5, "interrupted"]]);
  assert.deepEqual(timeline.lines.map(({ heard, at }) => [heard, (at - START) / 1000]), [["I am sorry.", 1], ["This is the", 3]]);
  assert.equal(timeline.state, "listening");
});

test("an agent that an operator stopped was not stopped by the caller", () => {
  const timeline = told([
    [1, "speaks", { text: "Hello there." }],
    [2, "interrupt", {}],
    [2.1, "spoke", { text: "Hello there.", heard: "Hello", ending: "interrupted" }],
  ]);
  assert.deepEqual(timeline.marks.map(({ text }) => text), ["An operator interrupted the agent.", "The agent was interrupted."]);
});

const RECORD = {
  conversation: {
    id: "x", created_at: time(0), ended_at: time(12), departure: "script", outcome: "complaint", claim_id: "42",
    claim_date: null, fields: { dish: "soup" },
  },
  turns: [
    { position: 0, turn: 0, speaker: "agent", text: "Hello there, hello.", intended: "Hello there, hello.", ending: "complete", created_at: time(2) },
    { position: 1, turn: 1, revision: 0, speaker: "caller", text: "My soup was cold.", created_at: time(5) },
    { position: 2, turn: 1, speaker: "agent", text: "I am", intended: "I am sorry.", ending: "interrupted", created_at: time(8) },
  ],
  events: [
    { position: 0, event: "metrics", data: { turn: 1, revision: 0, closed_ms: 500, first_frame_ms: 1100 }, created_at: time(5.7) },
    { position: 1, event: "operator", data: { text: "Offer a refund." }, created_at: time(5.8) },
    { position: 2, event: "trouble", data: { what: "the voice is slow" }, created_at: time(7) },
  ],
};

test("a kept conversation is told from when its turns were closed and how quick they were", () => {
  const timeline = Timeline.fromRecord(RECORD);
  assert.equal(timeline.start, START);
  assert.equal(timeline.end, START + 12_000);
  assert.equal(timeline.live, false);
  assert.deepEqual(timeline.spans.map(seconds), [
    ["agent", 0.765, 2, "complete"],
    ["caller", 3.395, 4.5, "speech"],
    ["thinking", 5, 5.6, "thinking"],
    ["agent", 5.6, 8, "interrupted"],
  ]);
  assert.deepEqual(timeline.spans.map(({ estimated }) => estimated), [true, true, false, false]);
  assert.equal(timeline.turns[0].metrics.first_frame_ms, 1100);
  assert.deepEqual(timeline.kept, { dish: "soup", claim_id: "42" });
  assert.deepEqual(what(timeline).map(({ who, text }) => `${who}: ${text}`), [
    "Agent: Hello there, hello.",
    "Caller: My soup was cold.",
    "Agent: I am (not heard: sorry.)",
    ": An operator whispered: Offer a refund.",
    ": the voice is slow",
    ": The caller cut in.",
    ": Outcome: complaint",
    ": The agent ended the call.",
  ]);
});

test("the waveform of a recording stands at its beginning", () => {
  const timeline = Timeline.fromRecord(RECORD);
  timeline.addWaveform({ step_ms: 20, caller: Uint8Array.of(0, 60), agent: Uint8Array.of(5, 0) }, START);
  assert.equal(timeline.levels.caller.peak(START + 20, START + 40), 60);
  assert.equal(timeline.levels.agent.peak(START, START + 20), 5);
});

test("the waveform of a recording comes later than what is heard: of both, all is there", () => {
  const timeline = new Timeline();
  timeline.add(view());
  const levels = (at, value) => timeline.add({ at: time(at), event: "levels", step_ms: 20, caller: Array(10).fill(value), agent: Array(10).fill(0) });
  levels(1.2, 30);
  levels(1.4, 40);
  // the recording goes on until the middle of what was heard
  const sound = { step_ms: 20, caller: new Uint8Array(65).fill(70), agent: new Uint8Array(65).fill(5) };
  timeline.addWaveform(sound, START);
  levels(1.6, 50);
  const peak = (from, to, side = "caller") => timeline.levels[side].peak(START + from * 1000, START + to * 1000);
  assert.equal(peak(0, 0.02), 70);
  assert.equal(peak(1.28, 1.3), 70);
  assert.equal(peak(1.3, 1.4), 40);
  assert.equal(peak(1.4, 1.6), 50);
  assert.equal(peak(1.6, 3), 0);
  assert.equal(peak(1.28, 1.3, "agent"), 5);
  assert.equal(peak(1.3, 1.6, "agent"), 0);
  assert.deepEqual([...sound.caller], Array(65).fill(70));
});

test("a gap between the recording and what was heard after it stays one, and no step is too long", () => {
  const timeline = new Timeline();
  timeline.add(view());
  timeline.add({ at: time(3), event: "levels", step_ms: 20, caller: [60, 61, 62, 63], agent: [0, 0, 0, 0] });
  timeline.addWaveform({ step_ms: 40, caller: Uint8Array.of(9, 9), agent: Uint8Array.of(0, 0) }, START);
  const { caller } = timeline.levels;
  assert.equal(caller.peak(START, START + 80), 9);
  assert.equal(caller.peak(START + 80, START + 2920), 0);
  assert.equal(caller.peak(START + 2920, START + 2960), 61);
  assert.equal(caller.peak(START + 2960, START + 3000), 63);
});

test("who draws the loudness is told of it, and of nothing else", () => {
  const timeline = new Timeline();
  timeline.add(view());
  let told = 0;
  const end = timeline.onLevels(() => void (told += 1));
  timeline.add({ at: time(1), event: "partial", text: "My" });
  assert.equal(told, 0);
  timeline.add({ at: time(1), event: "levels", step_ms: 20, caller: [1], agent: [0] });
  assert.equal(told, 1);
  timeline.addWaveform({ step_ms: 20, caller: Uint8Array.of(9), agent: Uint8Array.of(0) }, START);
  assert.equal(told, 2);
  end();
  timeline.add({ at: time(1.1), event: "levels", step_ms: 20, caller: [1], agent: [0] });
  assert.equal(told, 2);
});

test("a call that was kept so far goes on where it is", () => {
  const { ended_at, departure, outcome, ...goesOn } = RECORD.conversation;
  const timeline = Timeline.fromRecord({ ...RECORD, conversation: goesOn });
  const conversation = [{ at: time(2.01), who: "agent", text: "Hello there, hello." }, { at: time(5.01), who: "caller", text: "My soup was cold.", turn: 1 }, { at: time(8.01), who: "agent", text: "I am" }];
  timeline.add(view({ at: time(9), conversation }), START + 9000);
  assert.equal(timeline.lines.length, 3);
  assert.equal(timeline.live, true);
});
