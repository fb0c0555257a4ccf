// What is searched for, in the address, in the form, and as the server is asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { address, exportPath, fromAddress, fromForm, toForm, toLocal, toZone } from "../../page/past/query.js";

process.env.TZ = "Europe/Berlin";

test("what was typed goes into the address, and out of it again", () => {
  const filters = fromForm({ text: "  cold soup ", caller: "+15555550101", departure: "", state: "done" });
  assert.deepEqual(filters, { text: "cold soup", caller: "+15555550101", state: "done" });
  const place = address(filters, false);
  assert.equal(place, "#/past?text=cold+soup&caller=%2B15555550101&state=done");
  assert.deepEqual(fromAddress(new URLSearchParams(place.split("?")[1])), filters);
});

test("a time is the reader's own in the form, and everybody's in the address", () => {
  const filters = fromForm({ from: "2026-11-22T08:30", to: "2026-07-01T00:00" });
  assert.deepEqual(filters, { from: "2026-11-22T07:30:00Z", to: "2026-06-30T22:00:00Z" });
  assert.equal(toForm(filters).from, "2026-11-22T08:30");
  assert.equal(toForm(filters).to, "2026-07-01T00:00");
});

test("an address that somebody mistyped asks the server nothing that it refuses", () => {
  const query = new URLSearchParams("from=yesterday&to=2026-11-22T07:30:00Z&colour=red&caller=%20&limit=9&show=claims");
  assert.deepEqual(fromAddress(query), { to: "2026-11-22T07:30:00Z" });
});

test("a form without anything in it is the list without a search", () => {
  const empty = toForm({});
  assert.deepEqual(new Set(Object.values(empty)), new Set([""]));
  assert.deepEqual(fromForm(empty), {});
  assert.equal(address({}, false), "#/past");
  assert.equal(address({}, true), "#/past?show=claims");
});

test("claims keep what is searched for", () => {
  assert.equal(address({ state: "done" }, true), "#/past?state=done&show=claims");
});

test("what is no time is empty", () => {
  assert.equal(toLocal("soon"), "");
  assert.equal(toZone(""), "");
  assert.equal(toZone(undefined), "");
});

test("the file has what is searched for", () => {
  assert.equal(exportPath({}, "csv"), "/conversations.csv");
  assert.equal(exportPath({ caller: "+1555", text: "a b" }, "jsonl"), "/conversations.jsonl?caller=%2B1555&text=a+b");
});
