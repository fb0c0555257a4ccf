// Which calls are in trouble, and why: a judgement of what GET /calls tells of each, and of how long it has been so.

import { milliseconds } from "../words.js";

/** An answer that comes later than this is felt as slow; and this as broken. */
const SLOW_MS = 1500;
const BROKEN_MS = 3000;
/** Trouble is news for so long. */
const LATELY_MS = 60_000;
/** Nobody thinks, or is silent, for longer than this where all is well. */
const LONG_THOUGHT_MS = 4000;
const LONG_SILENCE_MS = 20_000;

const [WELL, WARNING, BAD] = [0, 1, 2];
const KINDS = [null, "warning", "bad"];

/**
 * How a call does: `{level: 0|1|2, kind: null|"warning"|"bad", reasons: [sentence]}`, the worst reason first.
 * `call`: a View of the server's; `now`: ms since epoch.
 */
export function judge(call, now) {
  const inState = call.state_since ? now - Date.parse(call.state_since) : 0;
  const reasons = [lost, thinking, lately, slow, silent, failedOver]
    .map((rule) => rule(call, { inState, now }))
    .filter(Boolean)
    .sort((one, other) => other.level - one.level);
  const level = reasons[0]?.level ?? WELL;
  return { level, kind: KINDS[level], reasons: reasons.map(({ text }) => text) };
}

function lost({ state }) {
  return state === "lost" && { level: BAD, text: "The line is lost." };
}

function thinking({ state }, { inState }) {
  if (state !== "thinking" || inState < LONG_THOUGHT_MS) return false;
  return { level: BAD, text: `The caller has waited ${seconds(inState)} for an answer.` };
}

function lately({ trouble }, { now }) {
  const newest = trouble?.at(-1);
  if (!newest) return false;
  const ago = now - Date.parse(newest.at);
  return ago < LATELY_MS && { level: BAD, text: `${seconds(ago)} ago: ${newest.what}` };
}

function slow({ latency_ms: latency }) {
  if (!latency || latency <= SLOW_MS) return false;
  return { level: latency > BROKEN_MS ? BAD : WARNING, text: `The last answer took ${milliseconds(latency)}.` };
}

function silent({ state }, { inState }) {
  if (state !== "listening" || inState < LONG_SILENCE_MS) return false;
  return { level: WARNING, text: `Nobody has spoken for ${seconds(inState)}.` };
}

function failedOver({ failovers }) {
  if (!failovers) return false;
  const times = failovers === 1 ? "once" : failovers === 2 ? "twice" : `${failovers} times`;
  return { level: WARNING, text: `A provider failed and another went on, ${times}.` };
}

function seconds(ms) {
  return `${Math.max(0, Math.round(ms / 1000))} s`;
}

/**
 * Calls with their judgement, `{call, judgement}`: those in trouble first, the oldest first among equals, so that
 * rows do not jump about while nothing changes.
 */
export function ranked(calls, now) {
  return calls
    .map((call) => ({ call, judgement: judge(call, now) }))
    .sort(
      (one, other) =>
        other.judgement.level - one.judgement.level ||
        Date.parse(one.call.created_at) - Date.parse(other.call.created_at) ||
        (one.call.id < other.call.id ? -1 : 1),
    );
}
