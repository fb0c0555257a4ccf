// An operator with fifty calls sees which one is in trouble, finds another by its number, and opens it.
//   node many.mjs BASE_URL CALLS TROUBLED FILTER
// The server: with so many live CALLS that go on for two minutes. Those whose ids stand in TROUBLED (with commas
// between them) are in trouble all the time (their last answer took longer than three seconds, say), and most of the
// others are not. FILTER: words that fit some of the calls, and not all. The story hangs up one of those.

import assert from "node:assert/strict";
import { ARGUMENTS, BASE, story } from "./kit.mjs";
import { examine } from "./looks.mjs";

const CALLS = Number(ARGUMENTS[0]);
const TROUBLED = ARGUMENTS[1].split(",");
const FILTER = ARGUMENTS[2];

await story(async ({ browse }) => {
  const page = await browse();
  await page.goto(`${BASE}/console#/watch`);
  const rows = page.locator("tr:has(a[data-call])");
  const shown = () => rows.locator("a[data-call]").evaluateAll((links) => links.map((link) => link.dataset.call));
  const untilShown = (number) =>
    page.waitForFunction((number) => document.querySelectorAll("a[data-call]").length === number, number);

  // all are there, those in trouble first, and why
  await untilShown(CALLS);
  await page.waitForFunction((troubled) => {
    const ids = [...document.querySelectorAll("a[data-call]")].map((link) => link.dataset.call);
    return troubled.every((id) => ids.indexOf(id) < troubled.length);
  }, TROUBLED);
  for (const id of TROUBLED) {
    const row = rows.filter({ has: page.locator(`a[data-call="${id}"]`) });
    await row.getByText("trouble", { exact: true }).waitFor();
  }
  await examine(page, "fifty-calls");

  // only those in trouble, and those to watch
  const only = page.getByLabel("only in trouble");
  await only.check();
  await page.waitForFunction((all) => document.querySelectorAll("a[data-call]").length < all, CALLS);
  const troubled = await shown();
  assert.deepEqual(troubled.slice(0, TROUBLED.length).sort(), [...TROUBLED].sort());
  await only.uncheck();
  await untilShown(CALLS);

  // words of a filter are those of some
  const filter = page.getByLabel("Filter", { exact: true });
  await filter.fill(FILTER);
  await page.waitForFunction((all) => document.querySelectorAll("a[data-call]").length < all, CALLS);
  const found = await shown();
  assert.ok(found.length > 0, `${FILTER} fits some`);
  const words = FILTER.toLowerCase().split(/\s+/);
  for (const text of await rows.allInnerTexts()) {
    assert.ok(words.every((word) => text.toLowerCase().includes(word)), `${FILTER} is not in: ${text}`);
  }

  // one of them is opened from the keyboard, and hung up
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement.matches("a[data-call]"));
  const id = await page.evaluate(() => document.activeElement.dataset.call);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.hash === `#/watch/${encodeURIComponent(id)}`);
  page.once("dialog", (dialog) => dialog.accept());
  await page.getByRole("button", { name: "Hang up" }).click();
  await page.getByRole("link", { name: "Look back at it" }).waitFor();

  // the list has gone on meanwhile, and the filter is as it was
  await page.getByRole("link", { name: "All live calls" }).click();
  await untilShown(found.length - 1);
  assert.ok(!(await shown()).includes(id));
  await page.getByLabel("Filter", { exact: true }).fill("");
  await untilShown(CALLS - 1);
});
