// How a page looks, and whether it can be used: pictures of it, what axe finds, and that nothing sticks out.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { require } from "./kit.mjs";

const SIZES = { wide: { width: 1280, height: 800 }, narrow: { width: 380, height: 800 } };
const SCHEMES = ["light", "dark"];
const { CORDBOARD_SCREENSHOTS } = process.env;

/** In light and dark, wide and narrow: nothing sticks out, axe finds nothing serious, and a screenshot is kept. */
export async function examine(page, name) {
  await everyLook(page, async (look) => {
    await nothingSticksOut(page, `${name}, ${look}`);
    await axe(page, `${name}, ${look}`);
    await screenshot(page, `${name}-${look}`);
  });
}

/** A screenshot of each look, where a folder for them is set. */
export async function screenshots(page, name) {
  await everyLook(page, (look) => screenshot(page, `${name}-${look}`));
}

/** Throws where axe finds what is serious or critical. */
export async function axe(page, name) {
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.evaluate(readFileSync(require.resolve("axe-core/axe.js"), "utf8"));
  }
  // without preloading: it would add styles, which the page's policy forbids
  const { violations } = await page.evaluate(() => window.axe.run({ preload: false, resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  if (!serious.length) return;
  const words = serious.map(({ id, impact, help, nodes }) => {
    const told = ({ html, failureSummary }) => `    ${html}\n      ${failureSummary.replace(/\s+/g, " ")}`;
    const where = nodes.slice(0, 5).map(told);
    return `  ${impact}: ${id}, ${help}\n${where.join("\n")}`;
  });
  throw new Error(`${name}: axe found\n${words.join("\n")}`);
}

async function everyLook(page, then) {
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    for (const [size, viewport] of Object.entries(SIZES)) {
      await page.setViewportSize(viewport);
      await painted(page);
      await then(`${colorScheme}-${size}`);
    }
  }
  await page.setViewportSize(SIZES.wide);
}

/** What changes with the size is drawn by then, plots included. */
function painted(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

async function nothingSticksOut(page, name) {
  const fits = () => document.documentElement.scrollWidth <= innerWidth;
  try {
    await page.waitForFunction(fits, undefined, { timeout: 5000 });
  } catch {
    const out = await page.evaluate(() =>
      [...document.querySelectorAll("body *")]
        .filter((element) => element.getBoundingClientRect().right > innerWidth)
        .map(({ tagName, className, textContent }) => `  ${tagName}.${className}: ${textContent.slice(0, 60)}`),
    );
    throw new Error(`${name}: the page can be scrolled sideways; out of it stick\n${out.join("\n")}`);
  }
}

async function screenshot(page, name) {
  if (!CORDBOARD_SCREENSHOTS) return;
  mkdirSync(CORDBOARD_SCREENSHOTS, { recursive: true });
  // hiding the caret would add a style, which the page's policy forbids
  await page.screenshot({ path: join(CORDBOARD_SCREENSHOTS, `${name}.png`), fullPage: true, caret: "initial" });
}
