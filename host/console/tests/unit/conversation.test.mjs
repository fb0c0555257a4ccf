// The conversation of a call as it grows.

import assert from "node:assert/strict";
import { test } from "node:test";
import { said, sent, spoke, turn } from "../../page/call/conversation.js";

const brief = (entries) => entries.map(({ who, text, state }) => `${who} ${state}: ${text}`);

test("typed lines are on their way until the server says what it understood", () => {
  let entries = sent(sent([], "My soup"), "was cold.");
  assert.deepEqual(brief(entries), ["caller sent: My soup", "caller sent: was cold."]);
  entries = turn(entries, { number: 1, revision: 0, text: "My soup was cold." });
  assert.deepEqual(brief(entries), ["caller understood: My soup was cold."]);
});

test("a turn that goes on is understood anew in its place", () => {
  let entries = turn([], { number: 1, revision: 0, text: "My number is four" });
  entries = spoke(entries, { text: "Thank you.", heard: "" });
  entries = turn(entries, { number: 1, revision: 1, text: "My number is four two." });
  assert.deepEqual(brief(entries), ["caller understood: My number is four two.", "agent unheard: Thank you."]);
});

test("what the agent says ends where it was interrupted", () => {
  const [entry] = spoke([], { text: "I am sorry. Anything else?", heard: "I am sorry." });
  assert.deepEqual([entry.state, entry.heard], ["interrupted", "I am sorry."]);
});

test("what was heard to its end was said, whatever the spaces around it", () => {
  assert.deepEqual(brief(spoke([], { text: "Goodbye! ", heard: "Goodbye!" })), ["agent said: Goodbye! "]);
  assert.deepEqual(spoke([], { text: " ", heard: "" }), [], "silence is not shown");
});

test("no key comes twice, also where entries have gone", () => {
  let entries = sent(said([], "Hello"), "My soup");
  const before = entries.map(({ key }) => key);
  entries = turn(entries, { number: 1, revision: 0, text: "My soup" });
  assert.deepEqual(entries.map(({ key }) => before.includes(key)), [true, false]);
});
