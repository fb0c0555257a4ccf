// What is kept of a call over a reload of the page, in this tab: enough to come back into it, as long as the
// server waits for us. A tab that was not left has nothing to come back to (also a copy of it).

import { PATIENCE } from "./lifeline.js";

const KEPT = "cordboard.call";

/** Keeps it: anything that is JSON, with the call's `id`. */
export function keep(call) {
  store(() => sessionStorage.setItem(KEPT, JSON.stringify(call)));
}

/** There is nothing to come back to. */
export function forget() {
  store(() => sessionStorage.removeItem(KEPT));
}

/** The page is being left. */
export function leave(now) {
  const call = read();
  if (call) keep({ ...call, leftAt: now });
}

/** The call that was left, and `until`: when it is over at the latest. */
export function left(now) {
  const call = read();
  if (!call?.leftAt || now >= call.leftAt + PATIENCE) return undefined;
  return { ...call, until: call.leftAt + PATIENCE };
}

function read() {
  return store(() => JSON.parse(sessionStorage.getItem(KEPT)));
}

function store(act) {
  try {
    return act();
  } catch {
    // a browser that keeps nothing: a reload ends the call
    return undefined;
  }
}
