// A meter of how loud something is, drawn ten times a second without the view's taking part.

import { html, useEffect, useRef } from "../vendor/htm-preact-3.1.1.js";

const EVERY = 100;

/** `level()`: 0 to 100, asked for as long as the meter is there; `onLevel` is told it too. `who`: caller or agent. */
export function Meter({ id, label, who, level, onLevel }) {
  const bar = useRef(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const value = level();
      bar.current.setAttribute("aria-valuenow", value);
      bar.current.firstElementChild.style.transform = `scaleX(${value / 100})`;
      onLevel?.(value);
    }, EVERY);
    return () => {
      clearInterval(timer);
      onLevel?.(0);
    };
  }, [level, onLevel]);
  return html`<div class="meter ${who}">
    <span id=${id}>${label}</span>
    <div class="meter-bar" ref=${bar} role="meter" aria-labelledby=${id} aria-valuemin="0" aria-valuemax="100" aria-valuenow="0">
      <div></div>
    </div>
  </div>`;
}
