// A call's timeline, to be looked at, moved along and listened into; and the same as a table of what happened.

import { HEIGHT, colours, draw } from "./draw.js";
import { atEdge, moved, showing, whole, zoomed } from "./scale.js";
import { html, useCallback, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { length } from "../words.js";
import { steady } from "../ui.js";
import { what } from "./story.js";

/** What is seen of a live call at first. */
const LIVE_SPAN_MS = 30_000;
const NARROW_SPAN_MS = 12_000;
const NARROW = "(max-width: 40rem)";
const STEP_MS = 1000;
const LEAP_MS = 10_000;
/** Less is a click, more moves the picture. */
const CLICK_PX = 4;

/**
 * The picture of a call. `revision`: another number whenever more than the timeline's loudness has changed;
 * `position`: ms since its start, of what is being listened to; `onSeek(ms since the start)`: what to do when a place
 * in it is chosen (without it, arrows move the picture); `follow`: it keeps to the live edge, or to the position.
 */
export function TimelineView({ timeline, revision, position, onSeek, follow = false }) {
  const [seen, setSeen] = useState(undefined);
  const [following, setFollowing] = useState(follow);
  const canvas = useRef(null);
  const now = useRef({});
  const total = lengthOf(timeline);
  const chosen = seen ?? (timeline.live ? { from: 0, span: atFirst() } : whole(total));
  const shown = following ? followed(chosen, { timeline, position, total }) : chosen;
  now.current = { timeline, seen: shown, position, following };
  const redraw = useDrawing(canvas, now);
  useEffect(redraw);
  useEffect(() => {
    if (!timeline.live) return undefined;
    const end = timeline.onLevels(redraw);
    // also where nothing happens, time goes on
    const timer = setInterval(redraw, 1000);
    return () => {
      end();
      clearInterval(timer);
    };
  }, [timeline, timeline.live]);
  const look = (next) => {
    setFollowing(false);
    setSeen(next);
  };
  const zoom = (factor, anchor) => {
    const { seen, following } = now.current;
    const total = lengthOf(timeline);
    const middle = following ? Math.min(total, seen.from + seen.span) : position ?? seen.from + seen.span / 2;
    setSeen(zoomed(seen, factor, anchor ?? middle, total));
  };
  const toggle = () => {
    if (following) setSeen(now.current.seen);
    setFollowing(!following);
  };
  const pointer = usePointer({ now, look, onSeek, zoom, canvas });
  const keys = (event) => {
    const done = pressed(event, { now: now.current, zoom, look, onSeek });
    if (done) event.preventDefault();
  };
  return html`<div class="timeline">
    <div class="row apart timeline-tools">
      <${Legend} />
      <div class="row">
        <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick=${() => zoom(0.5)}>+</button>
        <button type="button" aria-label="Zoom out" title="Zoom out (−)" onClick=${() => zoom(2)}>−</button>
        <button type="button" onClick=${() => look(whole(lengthOf(timeline)))}>All</button>
        <button type="button" aria-pressed=${following} onClick=${toggle}>Follow</button>
      </div>
    </div>
    <div class="timeline-picture" tabindex="0" onKeyDown=${keys} ...${role({ onSeek, position, total })}>
      <canvas ref=${canvas} height=${HEIGHT} ...${pointer} aria-hidden="true"></canvas>
    </div>
    <${Happenings} timeline=${timeline} revision=${revision} />
  </div>`;
}

/** By now, in ms. */
function lengthOf(timeline) {
  return Math.max(0, timeline.edge(Date.now()) - timeline.start);
}

function atFirst() {
  return matchMedia(NARROW).matches ? NARROW_SPAN_MS : LIVE_SPAN_MS;
}

function followed(seen, { timeline, position, total }) {
  if (position !== undefined) return showing(seen, position, total);
  return timeline.live ? atEdge(seen, total) : seen;
}

function role({ onSeek, position = 0, total }) {
  if (!onSeek) return { role: "group", "aria-label": "Timeline. Arrow keys move it, plus and minus zoom." };
  return {
    role: "slider",
    "aria-label": "Position in the call. Arrow keys move by a second, with Shift by ten; plus and minus zoom.",
    "aria-valuemin": 0,
    "aria-valuemax": Math.round(total / 1000),
    "aria-valuenow": Math.round(position / 1000),
    "aria-valuetext": `${length(position)} of ${length(total)}`,
  };
}

// what a key does; whether it does something
function pressed({ key, shiftKey, ctrlKey, metaKey, altKey }, { now, zoom, look, onSeek }) {
  if (ctrlKey || metaKey || altKey) return false;
  const { timeline, seen, position = 0 } = now;
  const total = lengthOf(timeline);
  if (key === "+" || key === "=") zoom(0.5);
  else if (key === "-") zoom(2);
  else if (key === "ArrowLeft" || key === "ArrowRight") {
    const forward = key === "ArrowRight" ? 1 : -1;
    if (onSeek) onSeek(within(position + forward * (shiftKey ? LEAP_MS : STEP_MS), total));
    else look(moved(seen, forward * seen.span * (shiftKey ? 0.9 : 0.1), total));
  } else if (key === "Home" || key === "End") {
    const to = key === "Home" ? 0 : total;
    if (onSeek) onSeek(to);
    else look(moved({ from: 0, span: seen.span }, to, total));
  } else return false;
  return true;
}

function within(moment, total) {
  return Math.min(total, Math.max(0, moment));
}

/** Draws at most once a frame: when asked to, and when size or colours change. */
function useDrawing(canvas, now) {
  const frame = useRef(0);
  const palette = useRef(undefined);
  const redraw = useCallback(() => {
    if (frame.current) return;
    frame.current = requestAnimationFrame(() => {
      frame.current = 0;
      if (!canvas.current) return;
      // where it follows, the picture has moved since the view was made
      now.current.seen = paint(canvas.current, (palette.current ??= colours(canvas.current)), now.current);
    });
  }, []);
  useEffect(() => {
    const changed = () => {
      palette.current = undefined;
      redraw();
    };
    const size = new ResizeObserver(redraw);
    size.observe(canvas.current.parentElement);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("theme", changed);
    dark.addEventListener("change", changed);
    return () => {
      size.disconnect();
      removeEventListener("theme", changed);
      dark.removeEventListener("change", changed);
      cancelAnimationFrame(frame.current);
    };
  }, []);
  return redraw;
}

/** Gives what is seen now. */
function paint(canvas, palette, { timeline, seen, position, following }) {
  const width = canvas.parentElement.clientWidth;
  const ratio = devicePixelRatio || 1;
  const [wide, tall] = [Math.round(width * ratio), Math.round(HEIGHT * ratio)];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== tall) canvas.height = tall;
  const edge = timeline.edge(Date.now());
  const current = following ? followed(seen, { timeline, position, total: edge - timeline.start }) : seen;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw(context, { timeline, seen: current, edge, width, position, colours: palette });
  return current;
}

/** A click chooses a place, a drag moves the picture, the wheel zooms with Control and moves sidewards. */
function usePointer({ now, look, onSeek, zoom, canvas }) {
  const drag = useRef(undefined);
  const moment = (event) => {
    const box = canvas.current.getBoundingClientRect();
    const { seen } = now.current;
    return seen.from + ((event.clientX - box.left) / box.width) * seen.span;
  };
  const wheel = useRef(undefined);
  wheel.current = (event) => {
    const { seen, timeline } = now.current;
    const total = lengthOf(timeline);
    const sidewards = event.deltaX || (event.shiftKey ? event.deltaY : 0);
    if (event.ctrlKey) zoom(event.deltaY > 0 ? 1.25 : 0.8, moment(event));
    else if (sidewards) look(moved(seen, (sidewards / canvas.current.clientWidth) * seen.span, total));
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    // what the framework registers could not prevent the page's own scrolling
    const turned = (event) => wheel.current(event);
    canvas.current.addEventListener("wheel", turned, { passive: false });
    return () => canvas.current?.removeEventListener("wheel", turned);
  }, []);
  return {
    onPointerDown(event) {
      drag.current = { x: event.clientX, seen: now.current.seen, far: false };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event) {
      if (!drag.current) return void (canvas.current.title = near(now.current, moment(event)));
      const by = event.clientX - drag.current.x;
      drag.current.far ||= Math.abs(by) > CLICK_PX;
      const { seen } = drag.current;
      const total = lengthOf(now.current.timeline);
      if (drag.current.far) look(moved(seen, (-by / canvas.current.clientWidth) * seen.span, total));
    },
    onPointerUp(event) {
      const clicked = drag.current && !drag.current.far;
      drag.current = undefined;
      if (clicked && onSeek) onSeek(within(moment(event), lengthOf(now.current.timeline)));
    },
    onPointerCancel() {
      drag.current = undefined;
    },
  };
}

// what happened about there, in words
function near({ timeline, seen }, moment) {
  const at = timeline.start + moment;
  const reach = seen.span / 150;
  const mark = timeline.marks.find((mark) => Math.abs(mark.at - at) < reach);
  const span = timeline.spans.findLast((span) => span.from <= at && (span.to ?? at) >= at);
  return mark?.text ?? (span?.lane === "thinking" ? "thinking" : span?.text) ?? "";
}

function Legend() {
  return html`<p class="timeline-legend hint" aria-hidden="true">
    <span class="caller">Caller</span> <span class="agent">Agent</span> <span class="thinking">Thinking</span>
  </p>`;
}

/** Everything that the picture shows, as a table; made when it is opened. */
const Happenings = steady(function Happenings({ timeline }) {
  const [open, setOpen] = useState(false);
  return html`<details class="timeline-table" onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>What happened, as a table</summary>
    ${open &&
    html`<div class="scroll">
      <table>
        <thead><tr><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th></tr></thead>
        <tbody>
          ${what(timeline).map(
            ({ key, at, who, text }) =>
              html`<tr key=${key}><td>${length(at - timeline.start)}</td><td>${who}</td><td>${text}</td></tr>`,
          )}
        </tbody>
      </table>
    </div>`}
  </details>`;
});
