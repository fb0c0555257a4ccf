// What a tab keeps of a call over a reload.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { forget, keep, leave, left } from "../../page/call/kept.js";

const CALL = { id: "call-1", line: "stream", conversation: [] };
const kept = new Map();

beforeEach(() => {
  kept.clear();
  globalThis.sessionStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
});

test("a call that was left is offered for as long as the server waits", () => {
  keep(CALL);
  leave(1000);
  assert.deepEqual(left(10_999), { ...CALL, leftAt: 1000, until: 11_000 });
  assert.equal(left(11_000), undefined);
});

test("a copy of a tab in which a call goes on has nothing to return to", () => {
  keep(CALL);
  assert.equal(left(0), undefined);
});

test("who has come back has not left, and a call that is over is forgotten", () => {
  keep(CALL);
  leave(1000);
  keep(CALL);
  assert.equal(left(1001), undefined);
  leave(2000);
  forget();
  assert.equal(left(2001), undefined);
});

test("a browser that keeps nothing does without", () => {
  globalThis.sessionStorage = undefined;
  keep(CALL);
  leave(0);
  assert.equal(left(1), undefined);
});
