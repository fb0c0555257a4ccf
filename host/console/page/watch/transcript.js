// What is said in a call while it is said, with what happened between.

import { html, useLayoutEffect, useRef } from "../vendor/htm-preact-3.1.1.js";
import { length } from "../words.js";
import { missed, what } from "../timeline/story.js";
import { steady } from "../ui.js";

/** So near to its end the list keeps to its end. */
const NEAR_PX = 40;

/** The transcript of a timeline, at a `revision` of it; words that are still coming grow in place. */
export const Transcript = steady(function Transcript({ timeline }) {
  const list = useRef(null);
  const atEnd = useRef(true);
  const all = what(timeline);
  useLayoutEffect(() => {
    if (atEnd.current) list.current.scrollTop = list.current.scrollHeight;
  });
  const scrolled = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
  };
  const last = timeline.lines.findLast((line) => line.final);
  return html`
    <ol class="watch-transcript" ref=${list} onScroll=${scrolled} tabindex="0" aria-label="Transcript">
      ${all.map(({ key, at, who, text, line, mark }) => {
        const time = length(at - timeline.start);
        if (mark) return html`<${Mark} key=${key} time=${time} kind=${mark.kind} text=${text} />`;
        return html`<${Line} key=${key} time=${time} name=${who} ...${shownOf(line)} />`;
      })}
    </ol>
    ${all.length === 0 && html`<p class="hint">Nothing has been said yet.</p>`}
    <p class="visually-hidden" aria-live="polite">
      ${timeline.live && last ? `${last.who === "caller" ? "Caller" : "Agent"}: ${last.heard || last.text}` : ""}
    </p>
  `;
});

const Mark = steady(function Mark({ time, kind, text }) {
  return html`<li class="mark ${kind}"><${Time} time=${time} /> <span>${text}</span></li>`;
});

// of a line, which grows, what it shows by now
function shownOf(line) {
  return { who: line.who, final: line.final, said: line.heard || line.text, unheard: missed(line) };
}

const Line = steady(function Line({ time, name, who, final, said, unheard }) {
  return html`<li class="${who} ${final ? "" : "growing"}">
    <${Time} time=${time} /> <strong>${name}</strong>${" "}
    <span>
      ${said}${final ? "" : " …"}
      ${unheard &&
      html` <span class="unheard"><span class="visually-hidden">not heard: </span><s>${unheard}</s></span>`}
    </span>
  </li>`;
});

function Time({ time }) {
  return html`<span class="hint time">${time}</span>`;
}
