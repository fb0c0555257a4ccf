// What the plots and tables show, made of what GET /figures answers. Where there was nothing in a step, the
// value is null and stays so: a gap is no zero.

import { STAGES } from "../naming.js";
import { count, milliseconds, money } from "../words.js";

/** The stages in the order in which a turn passes them, and what comes out of each first. */
const FIRSTS = { stt: "first words of", llm: "first token of", tts: "first sound of" };
const ORDER = Object.keys(FIRSTS);

/** Colours by the names of the page's variables; the dashes tell the same to those who do not see colours. */
const LOOKS = [
  { colour: "--accent" },
  { colour: "--caller" },
  { colour: "--agent" },
  { colour: "--warning" },
  { colour: "--good" },
  { colour: "--bad" },
];

/** Half a call is none, and half a millisecond nobody hears. */
const FINE = new Set(["cost", "cpu"]);

const SOLID = [];
const DASHED = [6, 4];

/** Of what there is; null where there is nothing. */
export function sum(values) {
  const there = known(values);
  return there.length ? there.reduce((one, other) => one + other, 0) : null;
}

/** The newest that there is; null where there is nothing. */
export function last(values) {
  return known(values).at(-1) ?? null;
}

export function highest(values) {
  const there = known(values);
  return there.length ? Math.max(...there) : null;
}

function known(values) {
  return (values ?? []).filter((value) => value !== null && value !== undefined);
}

/** Where values stand alone between gaps: no line goes to them, so that they have to be drawn as points. */
export function alone(values) {
  const there = (index) => values[index] !== null && values[index] !== undefined;
  return values.flatMap((_, index) => (there(index) && !there(index - 1) && !there(index + 1) ? [index] : []));
}

/** `{p50, p95, p99, count, series}` of what took how long; undefined where it is not told. */
export function latency(figures, stage, what, provider = "") {
  return figures.latencies.find((one) => one.stage === stage && one.what === what && one.provider === provider);
}

/**
 * The plots: `{id, title, unit, fine, series: [{label, values, colour, dash}], write(value)}`; `fine`: its scale
 * may have fractions. The values of each
 * belong to the times in `figures.at`. Stages in which nobody worked have none, nor has cost without prices.
 */
export function plots(figures) {
  const { currency, step_s } = figures;
  const each = perStep(step_s);
  const cores = (value) => (value === null ? "–" : value.toFixed(2));
  const megabytes = (value) => (value === null ? "–" : `${count(Math.round(value))} MB`);
  return [
    plot("calls", "Live calls", "calls", whole, [["highest number", figures.calls]]),
    plot("voice", "Voice to voice", "ms", milliseconds, percentiles("", latency(figures, "turn", "voice to voice"))),
    ...ORDER.flatMap((stage) => stagePlot(figures, stage)),
    plot("wrong", "What went wrong", each, whole, [
      ["failures", figures.failures],
      ["failovers", figures.failovers, DASHED],
      ["turned away", figures.turned_away, [2, 3]],
      ["failed calls", figures.failed, [10, 3, 2, 3]],
    ]),
    plot("ended", "Ended calls and interruptions", each, whole, [
      ["ended calls", figures.ended],
      ["interruptions", figures.interruptions, DASHED],
    ]),
    ...(currency ? [plot("cost", "Cost", `${currency} ${each}`, (value) => money(value, currency), [["cost", figures.cost]])] : []),
    plot("cpu", "CPU", "cores", cores, [["cores in use", figures.cpu]]),
    plot("memory", "Memory", "MB", megabytes, [["resident", figures.memory_mb]]),
  ];
}

/** `per 40 s`, `per minute`, `per 4 minutes`. */
export function perStep(seconds) {
  if (seconds % 60) return `per ${seconds} s`;
  return seconds === 60 ? "per minute" : `per ${seconds / 60} minutes`;
}

function whole(value) {
  return value === null || value === undefined ? "–" : count(value);
}

function plot(id, title, unit, write, lines) {
  const series = lines.map(([label, values, dash = SOLID, look], index) => ({
    label,
    values,
    dash,
    ...LOOKS[(look ?? index) % LOOKS.length],
  }));
  return { id, title, unit, write, series, fine: FINE.has(id) };
}

function percentiles(name, took, look = 0) {
  const label = (of) => [name, of].filter(Boolean).join(", ");
  if (!took) return [];
  return [
    [label("half within"), took.series.p50, SOLID, look],
    [label("95 % within"), took.series.p95, DASHED, name ? look : look + 1],
  ];
}

function stagePlot(figures, stage) {
  const providers = figures.latencies.filter((one) => one.stage === stage && one.what === "first");
  if (!providers.length) return [];
  const lines = providers.flatMap((took, index) => percentiles(took.provider, took, index));
  return [plot(stage, `${STAGES[stage]}: to the ${FIRSTS[stage]} an answer`, "ms", milliseconds, lines)];
}

/**
 * One for each provider: `{stage, name, provider, requests, first, processing, failures, from, to}`; `first` and
 * `processing` are `{p50, p95, p99}` in milliseconds.
 */
export function providerRows(figures) {
  const rows = new Map();
  const row = (stage, provider) => {
    const key = JSON.stringify([stage, provider]);
    const name = STAGES[stage] ?? stage;
    const none = { p50: null, p95: null, p99: null };
    const empty = { stage, name, provider, requests: 0, first: none, processing: none, failures: 0, from: 0, to: 0 };
    if (!rows.has(key)) rows.set(key, empty);
    return rows.get(key);
  };
  for (const { stage, provider, what, count: requests, p50, p95, p99 } of figures.latencies) {
    if (!provider) continue;
    const known = row(stage, provider);
    known.requests = Math.max(known.requests, requests);
    known[what] = { p50, p95, p99 };
  }
  for (const { stage, provider, failures, failed_over_from: from, failed_over_to: to } of figures.providers) {
    Object.assign(row(stage, provider), { failures, from, to });
  }
  const place = ({ stage }) => ORDER.indexOf(stage);
  return [...rows.values()].sort((one, other) => place(one) - place(other) || other.requests - one.requests);
}

/** A plot as a table, the newest first: `[{at (unix seconds), values}]`, steps in which nothing is known left out. */
export function tableRows(at, series) {
  const rows = at.map((time, index) => ({ at: time, values: series.map(({ values }) => values[index] ?? null) }));
  return rows.filter(({ values }) => values.some((value) => value !== null)).reverse();
}

/** What a plot shows, in a sentence, for those who do not see it. */
export function summary({ title, series, write }) {
  const lines = series.map(({ label, values }) =>
    highest(values) === null ? `${label}: nothing` : `${label}: ${write(last(values))} last, ${write(highest(values))} at most`,
  );
  return `${title}. ${lines.length ? lines.join("; ") : "Nothing yet"}.`;
}

/** `[{name, component, state, reason, since, failures}]` of GET /health; what fails comes first. */
export function serviceRows(health) {
  const rows = Object.entries(health.services).map(([name, { component, state, trouble }]) => ({
    name,
    component,
    state,
    ...trouble,
  }));
  return rows.sort((one, other) => (other.state === "failing") - (one.state === "failing"));
}
