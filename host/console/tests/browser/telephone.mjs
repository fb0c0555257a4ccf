// The telephone in the page: what a caller does with it, and waiting for what happens then.
//
// The page keeps a log of what its view shows, in order: each entry is {phase, level, said, interrupted,
// understood}, the last three as counts of what stands in the transcript. Stories that tell of an order look
// there, since it is the page's own.

import assert from "node:assert/strict";
import { enterKey } from "./keys.mjs";
import { BASE } from "./kit.mjs";

/** A line of the transcript with these words; `state`: as in page/call/conversation.js. */
export function line(page, who, words, state) {
  const lines = page.locator(`.transcript li.${who}${state ? `[data-state="${state}"]` : ""}`);
  return lines.filter({ hasText: words });
}

/**
 * What goes over the page's lines, from now on: of each socket, in the order in which they are opened, `sound` (the bytes
 * of it that came) and `heard` (the marks behind pieces of it that were told as heard); and `until(holds)` waits until
 * that holds of it.
 */
export function wire(page) {
  const lines = [];
  page.on("websocket", (socket) => {
    const line = {
      sound: 0,
      heard: 0,
      until: async (holds) => {
        while (!holds(line)) await socket.waitForEvent("framesent");
      },
    };
    lines.push(line);
    socket.on("framereceived", ({ payload }) => {
      const { event, media } = JSON.parse(payload);
      if (event === "media") line.sound += Buffer.from(media.payload, "base64").length;
    });
    socket.on("framesent", ({ payload }) => {
      if (JSON.parse(payload).event === "mark") line.heard += 1;
    });
  });
  return lines;
}

/** Opens the console, with a key if there is one, and places a call; the agent's greeting is not waited for. */
export async function call(page, { base = BASE, query = "", key } = {}) {
  await page.goto(`${base}/console#/call${query}`);
  if (key) await enterKey(page, key);
  await watchPage(page);
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await inPhase(page, "listening", "speaking", "thinking");
}

/** Waits until the call is in one of these phases. */
export async function inPhase(page, ...phases) {
  const any = phases.map((phase) => `[data-state="${phase}"]`).join(", ");
  await page.locator(any).first().waitFor({ state: "attached" });
}

/** Waits until the agent is really heard. */
export async function heard(page) {
  await page.waitForFunction(() => Number(document.querySelector("[data-agent-level]")?.dataset.agentLevel) > 0);
}

/** Waits until the agent has said all it wanted: nothing is being played, and it listens. */
export async function quiet(page) {
  await page.waitForFunction(() => {
    const view = document.querySelector('[data-state="listening"]');
    return view?.dataset.agentLevel === "0";
  });
}

/** The greeting is heard to its end. */
export async function greeted(page) {
  await heard(page);
  await line(page, "agent", /\w/, "said").first().waitFor();
  await quiet(page);
}

/** Types a line as the caller's words. */
export async function type(page, words) {
  await page.getByLabel("Type instead of speaking").fill(words);
  await page.getByRole("button", { name: "Say it" }).click();
}

/** Types a line while nobody speaks: it is a turn, and the answer to it is really heard, after it. */
export async function exchange(page, words) {
  const before = (await log(page)).length;
  await type(page, words);
  await line(page, "caller", words, "understood").last().waitFor();
  await heard(page);
  await quiet(page);
  // that it was said to its end is told when its last sound was played
  await logged(page, (shown) => shown.at(-1).said > shown[before - 1].said);
  const since = (await log(page)).slice(before - 1);
  const { understood, said } = since[0];
  const turn = since.findIndex((shown) => shown.understood > understood);
  assert.ok(turn > 0, "the typed line became a turn");
  const answer = since.findIndex(({ level }, at) => at > turn && level > 0);
  assert.ok(answer > turn, "the answer was heard, after the turn");
  const complete = since.findIndex((shown, at) => at > answer && shown.said > said);
  assert.ok(complete > answer, "the answer was said to its end, after it was heard");
}

/** The log of what the page showed so far. */
export function log(page) {
  return page.evaluate(() => window.shown);
}

/** Waits until `holds(log)` gives something, and gives that. */
export async function logged(page, holds) {
  for (;;) {
    const shown = await log(page);
    const found = holds(shown);
    if (found) return found;
    await page.waitForFunction((length) => window.shown.length > length, shown.length);
  }
}

/** Has the page keep its log, from now on until it is loaded anew. */
export async function watchPage(page) {
  await page.evaluate(() => {
    window.shown = [];
    const count = (which) => document.querySelectorAll(`.transcript ${which}`).length;
    const look = () => {
      const view = document.querySelector("[data-state][data-agent-level]");
      if (!view) return;
      const now = {
        phase: view.dataset.state,
        level: Number(view.dataset.agentLevel),
        said: count('.agent[data-state="said"]'),
        interrupted: count('.agent[data-state="interrupted"]'),
        understood: count('.caller[data-state="understood"]'),
      };
      if (JSON.stringify(now) !== JSON.stringify(window.shown.at(-1))) window.shown.push(now);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    look();
  });
}

/** Hangs up, and sees that the call is over. */
export async function hangUp(page) {
  await page.getByRole("button", { name: "Hang up" }).click();
  await inPhase(page, "over");
  await page.getByText("You hung up.").waitFor();
}
