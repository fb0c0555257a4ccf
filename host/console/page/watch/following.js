// Following one call: what was kept of it before we came, then what happens, over every loss of the network.

import { Timeline } from "../timeline/model.js";
import { events, get } from "../api.js";
import { fetchRecording } from "../recordings.js";
import { whenLeft } from "../repeating.js";
import { useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** Of a longer call, the sound before we came is not fetched: a minute has a megabyte. */
const LONGEST_SOUND_MS = 10 * 60_000;
/** Who looks elsewhere for so long needs no connection: a browser has six to a server, for all its tabs. */
const LEFT_MS = 30_000;
/** The page is written anew at most so often. */
const SHOWN_EVERY_MS = 50;

/**
 * A call as it goes on: `{timeline, revision, state, error, changed}`. `state`: "waiting" at first, "live", "away"
 * while the connection is lost and tried again, "over", "unknown" where there is no such call, "refused" where we may
 * not see it (see `error`). `revision`: another number whenever anything but the loudness in the timeline has changed;
 * its `start` is undefined as long as nothing is known of the call. `changed()`: somebody else changed the timeline.
 */
export function useCall(id) {
  const [shown, setShown] = useState({ revision: 0, state: "waiting", error: undefined });
  const timeline = useRef(undefined);
  timeline.current ??= new Timeline();
  const show = useRef(undefined);
  useEffect(() => {
    const ending = new AbortController();
    const next = { state: "waiting", error: undefined };
    let timer;
    show.current = (more = {}) => {
      Object.assign(next, more);
      timer ??= setTimeout(() => {
        timer = undefined;
        setShown(({ revision }) => ({ revision: revision + 1, ...next }));
      }, SHOWN_EVERY_MS);
    };
    follow(id, timeline, show.current, ending.signal);
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [id]);
  return { ...shown, timeline: timeline.current, changed: () => show.current?.() };
}

async function follow(id, timeline, show, signal) {
  let kept;
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const connection = connected(signal);
    try {
      // it is asked for before the events, so that these tell nothing that is in it
      if (timeline.current.start === undefined) {
        kept = await before(id, connection.signal);
        if (kept) timeline.current = kept.timeline;
        if (kept) addSound(kept, signal);
      }
      const path = `/calls/${encodeURIComponent(id)}/events?levels=true`;
      for await (const event of events(path, connection.signal)) {
        timeline.current.add(event, Date.now());
        // the picture draws these by itself
        if (event.event !== "levels") show({ state: timeline.current.live ? "live" : "over", error: undefined });
        wait = FIRST_WAIT_MS;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isFinal(error)) return show(refused(error, kept));
    } finally {
      connection.end();
    }
    if (!timeline.current.live) return show({ state: "over", error: undefined });
    if (connection.left) await looked(signal);
    else {
      show({ state: "away" });
      await waited(wait, signal);
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    }
  }
}

/** `{record, timeline}`; undefined: nothing is kept, or not yet, or not for us: the call itself tells what was said. */
async function before(id, signal) {
  try {
    const record = await get(`/conversations/${encodeURIComponent(id)}`, {}, signal);
    return { record, timeline: Timeline.fromRecord(record) };
  } catch (error) {
    // nobody was there to tell
    if (error.status === 0 || error.name === "AbortError") throw error;
    return undefined;
  }
}

// a long recording takes its time, while the call is followed already
async function addSound({ record, timeline }, signal) {
  const sound = await soundBefore(record, timeline, signal);
  if (sound && !signal.aborted) timeline.addWaveform(sound, timeline.start);
}

/** How loud it was so far, as far as it is recorded; undefined: nobody can tell, or it would be too much to ask for. */
async function soundBefore({ recording, events: happened, turns }, { start }, signal) {
  const last = [...happened, ...turns].map(({ created_at: at }) => Date.parse(at));
  if (!recording || Math.max(start, ...last) - start > LONGEST_SOUND_MS) return undefined;
  try {
    return (await fetchRecording(recording, signal)).levels;
  } catch {
    return undefined;
  }
}

// of others it is worth asking again
function isFinal({ status }) {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

function refused(error, kept) {
  if (error.status !== 404) return { state: "refused", error };
  return { state: kept ? "over" : "unknown", error };
}

/**
 * `{signal, left, end()}`: a signal that also ends when the network goes, as a stream would wait for long, and when
 * nobody looks any more, which `left` tells. `end()` leaves nothing open.
 */
function connected(signal) {
  const ending = new AbortController();
  const abort = () => ending.abort();
  signal.addEventListener("abort", abort);
  addEventListener("offline", abort);
  const connection = { signal: ending.signal, left: false };
  const stay = whenLeft(() => {
    connection.left = true;
    abort();
  }, LEFT_MS);
  connection.end = () => {
    stay();
    signal.removeEventListener("abort", abort);
    removeEventListener("offline", abort);
    abort();
  };
  return connection;
}

/** When somebody looks at the page again, or nobody follows any more. */
function looked(signal) {
  return new Promise((resolve) => {
    const done = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    document.addEventListener("visibilitychange", done);
    signal.addEventListener("abort", done);
    done();
  });
}

/** After so many milliseconds; earlier when the network is back, or nobody follows any more. */
function waited(ms, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
