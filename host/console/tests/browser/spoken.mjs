// A file is the microphone: its words arrive as turns, the agent is heard, and who speaks cuts in on it.
//   node spoken.mjs BASE_URL WAV [WORDS]
// WAV: 48 kHz, mono, 16 bit: a sentence or two with two to four seconds of silence behind each. It is played again
// and again, so that sooner or later a sentence falls into the agent's speech, however quick the machine is.
// WORDS: what the recogniser makes of a sentence in it, or a part of that.
// The server: with a recogniser, and a voice.

import assert from "node:assert/strict";
import { ARGUMENTS, story } from "./kit.mjs";
import { call, hangUp, inPhase, line, logged } from "./telephone.mjs";

const [WAV, WORDS = ""] = ARGUMENTS;

await story(async ({ browse }) => {
  const page = await browse({ microphone: WAV, again: true });
  // the sound of the file as it is, without the browser's cleaning
  await call(page, { query: "?exact=1" });
  assert.equal(await page.locator("[data-microphone]").getAttribute("data-microphone"), "on");

  // what was said is a turn, and what answers it is heard
  await line(page, "caller", WORDS || /\w/, "understood").first().waitFor();
  await logged(page, (shown) => {
    const turn = shown.findIndex(({ understood }) => understood > 0);
    return turn >= 0 && shown.slice(turn).some(({ phase, level }) => phase === "speaking" && level > 0);
  });

  // speech cuts in: the agent breaks off, before the turn that cut in is understood, and is silent until it answers
  const { before, silent, understood } = await logged(page, cutOff);
  assert.ok(before.some(({ level }) => level > 0), "the agent was heard before it was cut off");
  const silence = silent.findIndex(({ level }) => level === 0);
  assert.ok(silence >= 0, "the agent fell silent");
  assert.ok(silence < understood, "it fell silent while the caller spoke");
  const levels = silent.slice(silence).map(({ level }) => level);
  assert.ok(levels.every((level) => level === 0), `it stayed silent until it spoke again: ${levels.join(", ")}`);
  await inPhase(page, "listening", "speaking", "thinking");
  await hangUp(page);
});

/**
 * The first time that the agent is cut off, when it has spoken again since: `before` it; `silent`, from where it stopped
 * to its next word; and where in that the turn of who cut in is `understood`.
 */
function cutOff(shown) {
  const cut = shown.findIndex(({ interrupted }, at) => interrupted > (shown[at - 1]?.interrupted ?? 0));
  if (cut < 0) return undefined;
  const stopped = shown.findIndex(({ phase }, at) => at >= cut && phase !== "speaking");
  const again = shown.findIndex(({ phase }, at) => stopped >= 0 && at > stopped && phase === "speaking");
  if (again < 0) return undefined;
  const silent = untilHeard(shown.slice(stopped, again));
  const understood = silent.findIndex((one) => one.understood > shown[cut].understood);
  return { before: shown.slice(0, cut), silent, understood: understood < 0 ? silent.length : understood };
}

// the first sound of the next word may have been measured a moment before the page was told that it is played
function untilHeard(silent) {
  const { level } = silent.at(-1);
  return level > 0 ? silent.slice(0, silent.findLastIndex((one) => one.level !== level) + 1) : silent;
}
