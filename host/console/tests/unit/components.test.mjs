// What the view of the components says about them, and where it sends what.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askBack,
  compared,
  destination,
  failures,
  inTrouble,
  limit,
  loaded,
  rolledBack,
  stateOf,
} from "../../page/components/wording.js";

const build = (more) => ({ generation: 1, version: "1.0.0", hash: "abc", calls: 0, sessions: 0, failures: 0, ...more });

test("a provider that rests says why, and when it is tried again", () => {
  const { badge, word, why } = stateOf({ state: "resting", reason: "three calls in a row failed", rests_for: 40 });
  assert.deepEqual([badge, word], ["warning", "resting"]);
  assert.equal(why, "Three calls in a row failed. One call tries it again in 40 s.");
  assert.equal(stateOf({ state: "ok" }).why, "");
});

test("a state of a later server is shown by its own name", () => {
  assert.deepEqual(stateOf({ state: "sleeping" }), { badge: "neutral", word: "sleeping", why: "" });
});

test("a component is in trouble with one of its uses", () => {
  assert.equal(inTrouble({ uses: [{ state: "ok" }, { state: "evicted" }] }), true);
  assert.equal(inTrouble({ uses: [{ state: "ok" }, { state: "unused" }] }), false);
});

test("failures are told with the sessions that they are of", () => {
  assert.equal(failures(build()), "no sessions yet");
  assert.equal(failures(build({ sessions: 40 })), "none of 40");
  assert.equal(failures(build({ sessions: 40, failures: 2 })), "2 of 40 (5\u00a0%)");
  assert.equal(failures(build({ sessions: 1000, failures: 1 })), "1 of 1000 (0.1\u00a0%)");
});

test("a build on trial is compared with the current one", () => {
  const current = build({ sessions: 100, failures: 1 });
  assert.equal(compared(current, build()), "No session has tried it yet.");
  assert.match(compared(current, build({ sessions: 10, failures: 2 })), /more often than .* 20\u00a0% .* 1\u00a0%/);
  assert.match(compared(current, build({ sessions: 10 })), /less often than/);
  assert.equal(compared(build({ sessions: 5 }), build({ sessions: 5 })), "No session of either build failed.");
  assert.match(compared(build(), build({ sessions: 4, failures: 1 })), /25\u00a0% of its sessions failed; .* none to compare/);
});

test("a component is sent to where its calls are", () => {
  const choice = (more) => ({ whom: "all", share: "10", numbers: "", ...more });
  assert.deepEqual(destination("desk", choice()), { path: "/components/desk" });
  assert.deepEqual(destination("desk", choice({ whom: "share" })), { path: "/components/desk?share=10" });
  const numbers = "+1 (555) 555-0101, +49309876";
  assert.deepEqual(destination("desk", choice({ whom: "numbers", numbers })), {
    path: "/components/desk?numbers=%2B15555550101%2C%2B49309876",
  });
});

test("a share or a number that is none is not sent", () => {
  for (const share of ["", "0", "100", "5.5", "-3"]) {
    assert.match(destination("desk", { whom: "share", share }).wrong, /from 1 to 99/);
  }
  assert.match(destination("desk", { whom: "numbers", numbers: " " }).wrong, /at least one number/);
  assert.match(destination("desk", { whom: "numbers", numbers: "+15555550101, 0555" }).wrong, /^0555 is not/);
});

test("what loading did is said as the server says it", () => {
  const done = { component: "desk", version: "2.0.0", hash: "abc", generation: 2, unchanged: false, kept: null };
  assert.equal(
    loaded(done, "for all calls"),
    "desk 2.0.0 (abc) is plugged in for all calls, as generation 2. This lasts until the server stops.",
  );
  assert.match(loaded({ ...done, kept: "components/desk.wasm" }, ""), /kept as components\/desk.wasm, also after a restart/);
  assert.match(loaded({ ...done, unchanged: true }, ""), /in use already/);
  assert.match(loaded({ ...done, generation: 0 }, ""), /can be used. Nothing uses it so far/);
  assert.match(loaded({ ...done, generation: 0, unchanged: true }, ""), /is loaded already. Nothing uses it so far/);
  assert.match(rolledBack({ ...done, generation: 1 }), /generation 1, is what all new calls get again/);
});

test("going back asks about what will happen: a trial ends, or the build before returns", () => {
  const current = build({ generation: 2, version: "2.0.0" });
  const previous = build({ generation: 1 });
  const canary = build({ generation: 3, version: "3.0.0" });
  assert.match(askBack({ id: "desk", uses: [{ current, previous, canary }] }), /Take generation 3 of desk .* get generation 2/);
  assert.match(askBack({ id: "desk", uses: [{ current }, { current, previous }] }), /Roll desk back to generation 1/);
});

test("limits are written with their units", () => {
  assert.deepEqual(limit("memory_mb", 16), { name: "Memory", value: "16 MiB" });
  assert.deepEqual(limit("call_ms", 50), { name: "CPU time at once", value: "50 ms" });
  assert.deepEqual(limit("open_files", 3), { name: "Open files", value: "3" });
});
