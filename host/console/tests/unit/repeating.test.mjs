// What is asked for again and again is asked for while somebody looks, and at least once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { repeating, whenLeft } from "../../page/repeating.js";

class Page extends EventTarget {
  hidden = false;

  hide(hidden) {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Work on a page, by a clock that stands until it is told to go on. */
function scene(t, { every, hidden = false } = {}) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const page = new Page();
  page.hidden = hidden;
  const done = { times: 0 };
  const end = repeating(async () => void (done.times += 1), every, page);
  // what the work leads to follows as soon as it is done
  const pass = async (ms) => {
    await Promise.resolve();
    t.mock.timers.tick(ms);
    await Promise.resolve();
  };
  return { page, done, end, pass };
}

test("it is done at once and then in its rhythm", async (t) => {
  const { done, pass, end } = scene(t, { every: 1000 });
  assert.equal(done.times, 1);
  await pass(999);
  assert.equal(done.times, 1);
  await pass(1);
  assert.equal(done.times, 2);
  end();
  await pass(5000);
  assert.equal(done.times, 2);
});

test("a page that is opened in the background is not empty when it is looked at", async (t) => {
  const { done, pass, page } = scene(t, { hidden: true });
  assert.equal(done.times, 1);
  await pass(10_000);
  page.hide(false);
  assert.equal(done.times, 1);
});

test("nobody looks, and nothing is asked; somebody looks again, and it is asked at once", async (t) => {
  const { done, pass, page } = scene(t, { every: 1000 });
  await pass(0);
  page.hide(true);
  await pass(60_000);
  assert.equal(done.times, 1);
  page.hide(false);
  assert.equal(done.times, 2);
  await pass(1000);
  assert.equal(done.times, 3);
});

test("work that takes long is not begun twice", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const page = new Page();
  let begun = 0;
  repeating(() => new Promise(() => void (begun += 1)), 1000, page);
  page.hide(true);
  page.hide(false);
  t.mock.timers.tick(5000);
  assert.equal(begun, 1);
});

test("a page counts as left when it was out of sight for a while, and not for a glance elsewhere", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const page = new Page();
  let left = 0;
  const end = whenLeft(() => void (left += 1), 30_000, page);
  page.hide(true);
  t.mock.timers.tick(29_000);
  page.hide(false);
  t.mock.timers.tick(60_000);
  assert.equal(left, 0);
  page.hide(true);
  t.mock.timers.tick(30_000);
  assert.equal(left, 1);
  end();
  page.hide(false);
  page.hide(true);
  t.mock.timers.tick(60_000);
  assert.equal(left, 1);
});

test("one that was never in sight counts as left too", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const page = new Page();
  page.hidden = true;
  let left = 0;
  whenLeft(() => void (left += 1), 30_000, page);
  t.mock.timers.tick(30_000);
  assert.equal(left, 1);
});
