// What can be chosen before a call, and what the server is asked for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { AS_ROUTED, NOBODY, about, nobodyRecognises, options, wanted } from "../../page/call/options.js";

const CHOICES = {
  personas: [
    { id: "guest-relations", about: "Takes feedback", missing: null },
    { id: "claim-intake", about: "Takes a claim", missing: null },
  ],
  stt: [{ id: "deepgram-stt", about: "Deepgram", missing: "DEEPGRAM_API_KEY is not set" }],
  llm: [
    { id: "offline-llm", about: "Rules", missing: null },
    { id: "openai-llm", about: "OpenAI", missing: null },
  ],
  tts: [{ id: "flite-tts", about: "Flite", missing: null }],
  lines: ["stream", "relay"],
  route: { persona: "guest-relations", stt: [], llm: ["openai-llm", "offline-llm"], tts: ["flite-tts"], line: "stream", language: "en-US" },
};

test("the route's choice is the default, and is not asked for", () => {
  assert.deepEqual(wanted(CHOICES, AS_ROUTED), { line: "stream" });
  assert.equal(options(CHOICES, "llm")[0].label, "openai-llm, then offline-llm (default)");
  assert.deepEqual(options(CHOICES, "persona").map(({ value }) => value), ["", "claim-intake"]);
  assert.equal(about(CHOICES, "persona", ""), "Takes feedback");
});

test("what is missing cannot be chosen, and says why", () => {
  const [nobody, deepgram, ...rest] = options(CHOICES, "stt");
  assert.equal(nobody.label, "nobody (default)");
  assert.deepEqual(deepgram, { value: "deepgram-stt", label: "deepgram-stt: DEEPGRAM_API_KEY is not set", disabled: true });
  assert.deepEqual(rest, []);
});

test("a call may do without the route's recogniser", () => {
  const choices = { ...CHOICES, route: { ...CHOICES.route, stt: ["deepgram-stt"] } };
  assert.ok(!nobodyRecognises(choices, AS_ROUTED));
  assert.equal(options(choices, "stt").at(-1).value, NOBODY);
  const chosen = { ...AS_ROUTED, stt: NOBODY };
  assert.ok(nobodyRecognises(choices, chosen));
  assert.deepEqual(wanted(choices, chosen), { stt: "none", line: "stream" });
});

test("a line of words has no recogniser and no voice of the server's", () => {
  const chosen = { persona: "claim-intake", stt: "deepgram-stt", llm: "offline-llm", tts: "flite-tts", line: "relay", language: " de-DE " };
  assert.deepEqual(wanted(CHOICES, chosen), { persona: "claim-intake", llm: "offline-llm", language: "de-DE", line: "relay" });
  assert.ok(nobodyRecognises(CHOICES, chosen));
});
