// The silence that keeps a line alive while no sound comes from the browser: as many frames as time has gone by.

import { FRAME_MS } from "./framer.js";

// a page that is not looked at has rarer ticks, of a second; a machine that slept has none, and owes nothing for that
const MOST_MS = 1000;

/** How many frames are due at `now`, and `until` when that is: all in milliseconds. `sent`: until when there were. */
export function due(sent, now) {
  const from = Math.max(sent, now - MOST_MS);
  const frames = Math.floor((now - from) / FRAME_MS);
  return { frames, until: from + frames * FRAME_MS };
}
