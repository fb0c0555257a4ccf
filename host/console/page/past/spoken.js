// The lines of a transcript, and which of them is being spoken.

import { times } from "../timeline/times.js";

/**
 * The turns of a record (see {@link times}) with the time of each, in milliseconds since `created_at` of the
 * conversation: `[{...turn, startMs, endMs}]`, in the order in which they begin.
 */
export function spoken(record) {
  const lines = times(record).map(({ row, from, to }) => ({ ...row, startMs: from, endMs: to }));
  return lines.sort((one, other) => one.startMs - other.startMs || one.position - other.position);
}

/** The lines that are being spoken at this time, by their positions. */
export function speakingAt(lines, ms) {
  return new Set(lines.filter(({ startMs, endMs }) => startMs <= ms && ms < endMs).map(({ position }) => position));
}
