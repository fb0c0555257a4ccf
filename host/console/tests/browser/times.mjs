// How long the page keeps somebody waiting, as a table: milliseconds, the least, the median and the most of some calls.
//   node times.mjs BASE_URL [CALLS]
// CALLS: how many are placed, one after another [1].
// The server: without a recogniser, with a voice (as it is without any keys). Nothing is asserted of the times: they
// are of the machine too.

import assert from "node:assert/strict";
import { ARGUMENTS, BASE, story } from "./kit.mjs";
import { hangUp, quiet } from "./telephone.mjs";

const CALLS = Number(ARGUMENTS[0] ?? 1);
const SOUND = '[data-agent-level]:not([data-agent-level="0"])';

await story(async ({ browse }) => {
  const page = await browse();
  const button = (name) => page.getByRole("button", { name, exact: true });
  const times = new Map();
  const took = (what, ms) => {
    assert.ok(ms > 0, `${what} took ${ms} ms`);
    times.set(what, [...(times.get(what) ?? []), ms]);
  };

  for (let call = 0; call < CALLS; call += 1) {
    await page.goto("about:blank");
    await page.goto(`${BASE}/console#/call`);
    await button("Call").waitFor();
    took("the address is opened → Call can be pressed", await page.evaluate(() => performance.now()));
    took("Call → first sound of the greeting", await until(button("Call"), SOUND));
    await quiet(page);
    await page.getByLabel("Type instead of speaking").fill("My soup was cold.");
    took("a line is typed → first sound of the answer", await until(button("Say it"), SOUND));
    await quiet(page);
    const id = await page.evaluate(() => document.querySelector("[data-call-id]")?.dataset.callId ?? "");
    took("live calls are opened → this one is shown", await until(page.locator('nav a[href="#/watch"]'), row(id)));
    await page.locator('nav a[href="#/call"]').click();
    await hangUp(page);
  }

  for (const [what, all] of times) {
    all.sort((one, other) => one - other);
    const [least, median, most] = [all[0], all[all.length >> 1], all.at(-1)].map((ms) => ms.toFixed(0).padStart(6));
    console.log(`${what.padEnd(46)}${least}${median}${most}`);
  }
});

/** The call's row in the list of live ones. */
function row(id) {
  return id ? `a[data-call="${id}"]` : "a[data-call]";
}

/** Presses it: the milliseconds until the page shows this. */
function until(pressed, sign) {
  return pressed.evaluate(
    (pressed, sign) =>
      new Promise((done) => {
        const began = performance.now();
        const look = () => {
          if (document.querySelector(sign)) done(performance.now() - began);
          else requestAnimationFrame(look);
        };
        pressed.click();
        look();
      }),
    sign,
  );
}
