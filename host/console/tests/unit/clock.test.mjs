// The browser's clock may be minutes away from the server's: what is compared with the server's times is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "../../page/clock.js";

const NOW = Date.parse("2026-11-17T10:00:00Z");

/** What a server's answer is dated that is written at `now`: whole seconds. */
function date(now) {
  return new Date(now).toUTCString();
}

/** Answers to a browser whose clock is `skew` ms ahead; one at each `[at, there, back]`: asked when, and how long each way took. */
function narrowed(skew, asked) {
  const clock = new ServerClock();
  for (const [at, there, back] of asked) {
    const sent = NOW + at + skew;
    clock.dated(date(NOW + at + there), sent, sent + there + back);
  }
  return clock;
}

test("as long as nothing is known, our clock is as good as any", () => {
  assert.equal(new ServerClock().at(NOW), NOW);
  const clock = new ServerClock();
  clock.dated(null, NOW, NOW + 5);
  clock.dated("soon", NOW, NOW + 5);
  assert.equal(clock.at(NOW), NOW);
});

test("however far our clock is away, after one answer it is right to about a second", () => {
  for (const skew of [-3_600_000, -7_300, 0, 12_345, 86_400_000]) {
    const clock = narrowed(skew, [[640, 20, 20]]);
    assert.ok(Math.abs(clock.at(NOW + skew) - NOW) <= 540, `${skew}: ${clock.at(NOW + skew) - NOW}`);
  }
});

test("every answer makes it better, and one that took long does not make it worse", () => {
  const quick = [[100, 5, 5], [1330, 5, 5], [2650, 5, 5], [3990, 5, 5]];
  const clock = narrowed(600_000, [...quick, [5000, 20, 3000], [9000, 4000, 10]]);
  assert.ok(Math.abs(clock.at(NOW + 600_000) - NOW) <= 200, `${clock.at(NOW + 600_000) - NOW}`);
});

test("when a clock is set, what was known of it is forgotten", () => {
  const clock = narrowed(0, [[0, 5, 5], [1500, 5, 5]]);
  // ours is set back by an hour
  const ours = NOW + 3000 - 3_600_000;
  clock.dated(date(NOW + 3000), ours - 10, ours);
  assert.ok(Math.abs(clock.at(ours) - (NOW + 3000)) <= 1000);
});
