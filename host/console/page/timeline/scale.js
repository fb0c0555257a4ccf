// Which part of a call is seen: `{from, span}`, in milliseconds since its start. Every function gives a new one.

const SHORTEST_MS = 2000;
const LONGEST_MS = 4 * 3600 * 1000;
/** Where the live edge stands in the picture: a little is left free at its right. */
const EDGE = 0.94;

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** All of it. */
export function whole(total) {
  return { from: 0, span: clamp(total * 1.02, SHORTEST_MS, LONGEST_MS) };
}

/** `factor` below 1 shows less, larger; what is at `anchor` (ms) stays where it is. */
export function zoomed({ from, span }, factor, anchor, total) {
  const next = clamp(span * factor, SHORTEST_MS, Math.min(LONGEST_MS, Math.max(whole(total).span, SHORTEST_MS)));
  return kept({ from: anchor - ((anchor - from) / span) * next, span: next }, total);
}

/** Further by so many milliseconds. */
export function moved({ from, span }, by, total) {
  return kept({ from: from + by, span }, total);
}

/** With the edge of a live call at the right. */
export function atEdge({ span }, total) {
  return { from: Math.max(0, total - span * EDGE), span };
}

/** With this moment in it; where it had left, it stands near the beginning. */
export function showing({ from, span }, moment, total) {
  if (moment >= from && moment <= from + span) return { from, span };
  return kept({ from: moment - span * 0.1, span }, total);
}

/** Where lines of the time axis stand (ms), so many pixels wide: about one in 80. */
export function ticks({ from, span }, width) {
  const wanted = (span / 1000) * (80 / Math.max(width, 1));
  const step = (STEPS_S.find((step) => step >= wanted) ?? STEPS_S.at(-1)) * 1000;
  const all = [];
  for (let at = Math.ceil(Math.max(0, from) / step) * step; at <= from + span; at += step) all.push(at);
  return { step, all };
}

function kept({ from, span }, total) {
  return { from: clamp(from, 0, Math.max(0, total - span * EDGE)), span };
}

function clamp(value, least, most) {
  return Math.min(most, Math.max(least, value));
}
