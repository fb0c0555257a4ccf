// What views share that has a life of its own: data that is asked for again and again, a clock, the place in
// the page's address.

import { repeating } from "./repeating.js";
import { useCallback, useEffect, useRef, useState } from "./vendor/htm-preact-3.1.1.js";

/**
 * What `load(signal)` gives, asked for at once, and again `every` so many milliseconds (none: once) as long as
 * somebody looks at the page. Where it fails, what was there before stays, with the error beside it.
 */
export function useData(load, every, wanted = []) {
  const [state, setState] = useState({ data: undefined, error: undefined });
  const [asked, setAsked] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const ending = new AbortController();
    const end = repeating(async () => {
      try {
        const data = await latest.current(ending.signal);
        if (!ending.signal.aborted) setState({ data, error: undefined });
      } catch (error) {
        if (!ending.signal.aborted) setState(({ data }) => ({ data, error }));
      }
    }, every);
    return () => {
      end();
      ending.abort();
    };
  }, [every, asked, ...wanted]);
  const again = useCallback(() => setAsked((count) => count + 1), []);
  return { ...state, again };
}

/** The time, in milliseconds, told again `every` so many. */
export function useNow(every) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

function place() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...rest] = path.split("/").map(decodeURIComponent);
  return { view, rest, query: new URLSearchParams(search ?? "") };
}

/** Where in the console we are: `#/watch/CA1?tab=2` is `{view: "watch", rest: ["CA1"], query}`. */
export function usePlace() {
  const [current, setCurrent] = useState(place);
  useEffect(() => {
    const moved = () => setCurrent(place());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return current;
}

/** Goes there: `go("watch", "CA1")`. */
export function go(...parts) {
  location.hash = `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** The address of a place, for a link. */
export function at(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}
