// The picture of a timeline: the caller above the axis, the agent below it, and across both what happened.

import { length } from "../words.js";
import { ticks } from "./scale.js";

/** Of the whole picture, in CSS pixels. */
export const HEIGHT = 208;

// from the top down
const MARKS = 14;
const CALLER_WORDS = 34;
const CALLER = { base: 96, height: 54 };
const CALLER_BAND = 97;
const AXIS = 117;
const AGENT_BAND = 123;
const AGENT = { base: 130, height: 54 };
const AGENT_WORDS = 200;
const BAND = 6;
const BAR = 3;
const FONT = "12px system-ui, sans-serif";

const NAMES = {
  interruption: "cut in",
  tool: "tool",
  trouble: "trouble",
  failover: "failover",
  exchange: "exchange",
  "line-lost": "line lost",
  "line-back": "line back",
  operator: "operator",
  transfer: "transfer",
  outcome: "outcome",
  end: "end",
};
const COLOURS = { trouble: "bad", failover: "bad", "line-lost": "bad", interruption: "warning", end: "text" };

/** The colours of the page, as they are now. */
export function colours(element) {
  const style = getComputedStyle(element);
  const names = ["text", "quiet", "line", "edge", "sunken", "accent", "caller", "agent", "warning", "bad"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/**
 * Draws what is seen. `seen`: `{from, span}` in ms since the start; `edge`: the call's, in ms since the epoch;
 * `position`: in ms since the start, or undefined.
 */
export function draw(context, { timeline, seen, edge, width, position, colours }) {
  const x = (at) => ((at - timeline.start - seen.from) / seen.span) * width;
  const picture = { context, timeline, seen, edge, width, colours, x };
  context.clearRect(0, 0, width, HEIGHT);
  context.font = FONT;
  context.textBaseline = "alphabetic";
  axis(picture);
  waveform(picture, timeline.levels.caller, CALLER, -1, colours.caller);
  waveform(picture, timeline.levels.agent, AGENT, 1, colours.agent);
  bands(picture);
  heardWords(picture);
  snippets(picture, "caller", CALLER_WORDS, colours.caller);
  snippets(picture, "agent", AGENT_WORDS, colours.agent);
  marks(picture);
  if (timeline.live) cursor(picture, x(edge), colours.edge);
  if (position !== undefined) cursor(picture, x(timeline.start + position), colours.accent, 2);
}

function axis({ context, seen, width, colours }) {
  const { step, all } = ticks(seen, width);
  context.fillStyle = colours.sunken;
  context.fillRect(0, CALLER_BAND + BAND + 1, width, AGENT_BAND - CALLER_BAND - BAND - 2);
  for (const at of all) {
    const x = Math.round(((at - seen.from) / seen.span) * width) + 0.5;
    context.fillStyle = colours.line;
    context.fillRect(x - 0.5, CALLER.base - CALLER.height, 1, AGENT.base + AGENT.height - CALLER.base + CALLER.height);
    context.fillStyle = colours.quiet;
    const fraction = step < 1000 ? `.${Math.round((at % 1000) / 100)}` : "";
    context.fillText(`${length(at)}${fraction}`, x + 3, AXIS);
  }
}

function waveform({ context, timeline, seen, width, edge }, levels, { base, height }, upwards, colour) {
  context.fillStyle = colour;
  const perBar = (seen.span / width) * BAR;
  // bars stand still in time while the picture moves
  const first = Math.floor(seen.from / perBar);
  for (let bar = first; bar * perBar <= seen.from + seen.span; bar += 1) {
    const from = timeline.start + bar * perBar;
    if (from > edge) return;
    const peak = levels.peak(from, from + perBar);
    if (!peak) continue;
    const tall = Math.max(1, (peak / 100) * height);
    const x = ((bar * perBar - seen.from) / seen.span) * width;
    context.fillRect(x, upwards < 0 ? base - tall : base, BAR - 1, tall);
  }
}

function bands({ context, timeline, edge, width, colours, x }) {
  for (const span of timeline.spans) {
    const [from, to] = [x(span.from), x(span.to ?? edge)];
    if (to < 0 || from > width) continue;
    const y = span.lane === "caller" ? CALLER_BAND : AGENT_BAND;
    const wide = Math.max(2, to - from);
    context.globalAlpha = span.estimated ? 0.55 : 1;
    if (span.lane === "thinking") hatched(context, from, y, wide, colours.warning);
    else {
      context.fillStyle = colours[span.lane];
      context.fillRect(from, y, wide, BAND);
    }
    context.globalAlpha = 1;
    if (span.kind === "interrupted") {
      context.fillStyle = colours.warning;
      context.fillRect(to - 2, AGENT_BAND - 2, 3, BAND + 4);
    }
  }
}

// thinking looks other than speaking also without its colour
function hatched(context, from, y, wide, colour) {
  context.save();
  context.beginPath();
  context.rect(from, y, wide, BAND);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  for (let at = from - BAND; at < from + wide; at += 5) {
    context.beginPath();
    context.moveTo(at, y + BAND);
    context.lineTo(at + BAND, y);
    context.stroke();
  }
  context.restore();
}

// a tick for each time that words came from the recogniser; longer for the last ones of a turn
function heardWords({ context, timeline, width, colours, x }) {
  context.fillStyle = colours.caller;
  for (const { at, final } of timeline.words) {
    const where = x(at);
    if (where < 0 || where > width) continue;
    context.fillRect(where, CALLER_WORDS + 3, final ? 2 : 1, final ? 8 : 4);
  }
}

// what was said begins where its speech does and ends where the next begins
function snippets({ context, timeline, width, x }, who, y, colour) {
  const lines = timeline.lines.filter((line) => line.who === who && line.text).sort((one, other) => one.at - other.at);
  context.fillStyle = colour;
  lines.forEach((line, index) => {
    const from = x(line.at);
    const to = Math.min(width, lines[index + 1] ? x(lines[index + 1].at) : width);
    if (to < 0 || from > width) return;
    const left = Math.max(from, 2);
    context.fillText(fitting(context, line.heard || line.text, to - left - 6), left, y);
  });
}

function fitting(context, text, wide) {
  if (wide < 12) return "";
  if (context.measureText(text).width <= wide) return text;
  let [few, many] = [0, text.length];
  while (few < many - 1) {
    const middle = (few + many) >> 1;
    if (context.measureText(`${text.slice(0, middle)}…`).width <= wide) few = middle;
    else many = middle;
  }
  return few ? `${text.slice(0, few)}…` : "";
}

function marks({ context, timeline, width, colours, x }) {
  let free = -Infinity;
  for (const { at, kind } of [...timeline.marks].sort((one, other) => one.at - other.at)) {
    const where = Math.round(x(at)) + 0.5;
    if (where < -60 || where > width) continue;
    context.fillStyle = context.strokeStyle = colours[COLOURS[kind] ?? "quiet"];
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(where, MARKS + 4);
    context.lineTo(where, AGENT.base + AGENT.height);
    context.stroke();
    context.setLineDash([]);
    context.fillRect(where - 3, MARKS, 6, 4);
    const name = NAMES[kind] ?? kind;
    const wide = context.measureText(name).width;
    const left = Math.min(where - 3, width - wide);
    if (left < free) continue;
    context.fillText(name, left, MARKS - 3);
    free = left + wide + 6;
  }
}

function cursor({ context, width }, x, colour, wide = 1) {
  if (x < 0 || x > width) return;
  context.fillStyle = colour;
  context.fillRect(x - wide / 2, MARKS + 4, wide, HEIGHT - MARKS - 4);
}
