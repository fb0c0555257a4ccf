// What was said, line by line, following the recording.

import { Badge } from "../ui.js";
import { html, useEffect, useMemo, useRef } from "../vendor/htm-preact-3.1.1.js";
import { speakingAt } from "./spoken.js";
import { length } from "../words.js";

const ENDINGS = {
  interrupted: { words: "interrupted", kind: "warning" },
  cancelled: { words: "cancelled", kind: "neutral" },
  failed: { words: "failed", kind: "bad" },
};

const SPEAKERS = { caller: "Caller", agent: "Agent" };

/** `lines`: of `spoken`. `position` in milliseconds, undefined before anything was played; `onSeek(ms)`. */
export function Transcript({ lines, position, onSeek }) {
  const box = useRef(null);
  const speaking = useMemo(() => (position === undefined ? new Set() : speakingAt(lines, position)), [lines, position]);
  const newest = [...speaking].at(-1);
  useEffect(() => {
    if (newest !== undefined) bringIntoView(box.current, box.current.querySelector(`[data-line="${newest}"]`));
  }, [newest]);
  return html`<ol class="past-transcript" ref=${box} tabindex="0" aria-label="What was said">
    ${lines.map(
      (line) => html`<${Line}
        key=${line.position}
        ...${line}
        speaking=${speaking.has(line.position)}
        onSeek=${() => onSeek(line.startMs)}
      />`,
    )}
  </ol>`;
}

/** Scrolls the transcript and not the page. */
function bringIntoView(box, line) {
  const [outer, inner] = [box.getBoundingClientRect(), line.getBoundingClientRect()];
  if (inner.top >= outer.top && inner.bottom <= outer.bottom) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const top = box.scrollTop + inner.top - outer.top - (outer.height - inner.height) / 2;
  box.scrollTo({ top, behavior: still ? "auto" : "smooth" });
}

function Line({ position, speaker, text, intended, ending, confidence, startMs, speaking, onSeek }) {
  // who marks words with the mouse does not want to go there
  const click = () => getSelection().isCollapsed && onSeek();
  const how = ENDINGS[ending];
  const unheard = speaker === "agent" && intended && intended.startsWith(text) ? intended.slice(text.length) : "";
  return html`<li
    class="past-line ${speaker} ${speaking ? "speaking" : ""}"
    data-line=${position}
    aria-current=${speaking ? "true" : undefined}
    onClick=${click}
  >
    <button
      type="button"
      class="plain past-time"
      title="Play from here"
      onClick=${(event) => {
        event.stopPropagation();
        onSeek();
      }}
    >
      ${length(startMs)}<span class="visually-hidden">, play from here</span>
    </button>
    <div>
      <strong class="past-speaker">${SPEAKERS[speaker] ?? speaker}</strong>
      ${speaking && html` <${Badge} kind="busy">now<//>`} ${how && html` <${Badge} kind=${how.kind}>${how.words}<//>`}
      ${unsure(confidence) && html` <${Badge} kind="warning">understood with ${percent(confidence)} certainty<//>`}
      <p>${text}${unheard.trim() && html`<span class="past-unheard" title="Not heard any more">${unheard}</span>`}</p>
    </div>
  </li>`;
}

/** What a recogniser is less sure of than this is worth listening to. */
const UNSURE = 0.6;

function unsure(confidence) {
  return confidence !== null && confidence !== undefined && Number(confidence) < UNSURE;
}

function percent(share) {
  return `${Math.round(Number(share) * 100)} %`;
}
