// What the view of the components says about them, and what it asks the server: no page in here.

import { STAGES } from "../naming.js";
import { sentence } from "../words.js";

/** The groups in which components are shown, in this order. */
export const KINDS = Object.entries(STAGES).map(([kind, name]) => ({ kind, title: `${name}s` }));

const STATES = {
  ok: { badge: "good", word: "working" },
  unused: { badge: "neutral", word: "no session yet" },
  failing: { badge: "bad", word: "failing" },
  resting: { badge: "warning", word: "resting" },
  evicted: { badge: "bad", word: "taken out of use" },
};

/** How a use does: `{badge, word, why}`. `badge` is a kind of {@link Badge}; `why` is "" where all is well. */
export function stateOf(use) {
  const { badge, word } = STATES[use.state] ?? { badge: "neutral", word: use.state };
  const rests = use.rests_for === undefined ? "" : `One call tries it again in ${duration(use.rests_for)}.`;
  return { badge, word, why: [use.reason && sentence(use.reason), rests].filter(Boolean).join(" ") };
}

/** Whether something is wrong with one of its uses. */
export function inTrouble({ uses }) {
  return uses.some(({ state }) => ["failing", "resting", "evicted"].includes(state));
}

/** `40 s`, `5 min`, `2 h`, of seconds. */
export function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** How many of a build's sessions failed: `none of 40`, `2 of 40 (5 %)`. */
export function failures({ sessions, failures }) {
  if (!sessions && !failures) return "no sessions yet";
  if (!failures) return `none of ${sessions}`;
  return sessions ? `${failures} of ${sessions} (${percent(failures / sessions)})` : String(failures);
}

function percent(part) {
  const hundred = part * 100;
  // the space does not break
  return `${hundred > 0 && hundred < 10 ? Number(hundred.toFixed(1)) : Math.round(hundred)}\u00a0%`;
}

/** How a build that is on trial does beside the current one; as a sentence. */
export function compared(current, canary) {
  if (!canary.sessions) return "No session has tried it yet.";
  const ratio = (build) => (build.sessions ? build.failures / build.sessions : 0);
  const [now, tried] = [ratio(current), ratio(canary)];
  const how = tried > now ? "more often than" : tried < now ? "less often than" : "as often as";
  if (!current.sessions) return `${percent(tried)} of its sessions failed; the current build had none to compare.`;
  if (!tried && !now) return "No session of either build failed.";
  return `It fails ${how} the current build: ${percent(tried)} of its sessions against ${percent(now)}.`;
}

/**
 * Where to send a component for these calls. `choice`: `{whom: "all"|"share"|"numbers", share, numbers}`, the
 * last two as typed. Gives `{path}`, or `{wrong}`: what to correct, as a sentence.
 */
export function destination(id, { whom, share, numbers }) {
  const path = `/components/${encodeURIComponent(id)}`;
  if (whom === "share") {
    const asked = share.trim();
    if (!/^[1-9]\d?$/.test(asked)) return { wrong: "The share is a whole number from 1 to 99." };
    return { path: `${path}?share=${asked}` };
  }
  if (whom === "numbers") {
    const all = numbers.split(/[,;\n]/).map((number) => number.replace(/[\s()-]/g, ""));
    const given = all.filter(Boolean);
    const bad = given.find((number) => !/^\+\d{2,15}$/.test(number));
    if (bad) return { wrong: `${bad} is not a number with its country code, such as +15555550101.` };
    if (!given.length) return { wrong: "Enter at least one number, such as +15555550101." };
    return { path: `${path}?${new URLSearchParams({ numbers: given.join(",") })}` };
  }
  return { path };
}

/** Who gets it, for the end of a sentence; as in `choice` of {@link destination}. */
export function forWhom({ whom, share, numbers }) {
  if (whom === "share") return `for ${share.trim()} % of the calls`;
  if (whom === "numbers") return `for calls from or to ${numbers.trim()}`;
  return "for all calls";
}

/** What loading did, as sentences; `done` is the server's answer, `whom` as {@link forWhom} says it. */
export function loaded(done, whom) {
  const what = build(done);
  if (!done.generation) {
    const how = done.unchanged ? "is loaded already." : "can be used.";
    return `${what} ${how} Nothing uses it so far. ${lasting(done)}`;
  }
  if (done.unchanged) return `${what} is in use already.`;
  return `${what} is plugged in ${whom}, as generation ${done.generation}. ${lasting(done)}`;
}

/** What giving it to all calls did. */
export function promoted(done) {
  return `${build(done)} is plugged in for all calls, as generation ${done.generation}. ${lasting(done)}`;
}

/** What going back did. */
export function rolledBack(done) {
  return `${build(done)}, generation ${done.generation}, is what all new calls get again. ${lasting(done)}`;
}

function build({ component, version, hash }) {
  return `${component} ${version} (${hash})`;
}

function lasting({ kept }) {
  return kept ? `It is kept as ${kept}, also after a restart.` : "This lasts until the server stops.";
}

/** What an operator is asked before going back; `component` as the server lists it. */
export function askBack({ id, uses }) {
  const tried = uses.find(({ canary }) => canary);
  if (tried) {
    const { canary, current } = tried;
    const rest = `All new calls get generation ${current.generation} (${current.version}).`;
    return `Take generation ${canary.generation} of ${id} (${canary.version}) out again? ${rest}`;
  }
  const { previous } = uses.find(({ previous }) => previous);
  const which = `generation ${previous.generation} (${previous.version}, ${previous.hash})`;
  return `Roll ${id} back to ${which}? All new calls get it at once.`;
}

// what is counted in powers of two here is named so
const UNITS = { mb: "MiB", kb: "KiB", ms: "ms", s: "s", bytes: "B" };

const LIMITS = {
  memory: "Memory",
  call: "CPU time at once",
  effects: "Effects at once",
  frame: "Longest frame",
  connections: "Connections",
  queue: "Frames waiting to be sent",
};

/** A limit in words: `memory_mb: 16` is `{name: "Memory", value: "16 MiB"}`. */
export function limit(key, value) {
  const [, name, unit] = /^(.*?)(?:_(mb|kb|ms|s|bytes))?$/.exec(key);
  const words = LIMITS[name] ?? sentence(name.replaceAll("_", " ")).slice(0, -1);
  return { name: words, value: unit ? `${value} ${UNITS[unit]}` : String(value) };
}
