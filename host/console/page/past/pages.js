// The list of conversations, page by page.

import { address } from "./query.js";
import { get } from "../api.js";
import { useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";

const USUAL = 50;
/** The server gives no more at once. */
const MOST = 500;

const NOTHING = { rows: [], next: null, incomplete: false };

/** What was shown last: who comes back from a conversation finds as much of the list as there was. */
let shown = { of: undefined, ...NOTHING };

/** Where the list is that was looked at last. */
let place = address({}, false);

/** The list that was looked at last, as it was searched. */
export function listAddress() {
  return place;
}

/** What is kept is other than what was shown: the list has to be asked for anew. */
export function forgetShown() {
  shown = { of: undefined, ...NOTHING };
}

/** One page; `claims`: of conversations about a claim. */
async function load(filters, claims, after, limit, signal) {
  const query = { ...filters, claims: claims || undefined, limit, after };
  const { conversations, next, incomplete } = await get("/conversations", query, signal);
  return { rows: conversations, next, incomplete };
}

/**
 * `{rows, next, incomplete, error, busy, more(), again()}`. `next`: there are more; `incomplete`: of those with the
 * text, only the last were found; `rows` is undefined until there is an answer.
 */
export function usePages(filters, claims) {
  const of = JSON.stringify([filters, claims]);
  const [state, setState] = useState(() => (shown.of === of ? shown : { of }));
  const [asked, setAsked] = useState(0);
  const going = useRef(undefined);

  const run = async (after, limit) => {
    going.current?.abort();
    const ending = new AbortController();
    going.current = ending;
    setState((state) => ({ ...(state.of === of ? state : { of }), busy: true }));
    try {
      const page = await load(filters, claims, after, limit, ending.signal);
      if (ending.signal.aborted) return;
      setState((before) => {
        const rows = after ? [...before.rows, ...page.rows] : page.rows;
        shown = { ...page, of, rows };
        return shown;
      });
    } catch (error) {
      if (!ending.signal.aborted) setState((before) => ({ ...before, busy: false, error }));
    }
  };

  useEffect(() => {
    place = address(filters, claims);
    const before = shown.of === of ? shown.rows.length : 0;
    run(undefined, Math.max(USUAL, Math.min(before, MOST)));
    return () => going.current?.abort();
  }, [of, asked]);

  const current = state.of === of ? state : { of, busy: true };
  return {
    ...current,
    more: () => run(current.next, USUAL),
    again: () => setAsked((count) => count + 1),
  };
}
