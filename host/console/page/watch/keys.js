// Keys that do something here, and which they are.

import { html } from "../vendor/htm-preact-3.1.1.js";

/** Whether keys are meant for this element, as text or as a choice. */
export function typing(element) {
  return element.matches?.("input, textarea, select, [contenteditable]") ?? false;
}

/** The keys of a view: `[[["j", "k"], "next and previous"], …]`. */
export function Keys({ keys }) {
  return html`<p class="hint watch-keys">
    Keys:${" "}
    ${keys.map(
      ([names, does]) =>
        html`<span key=${does}>${names.map((name) => html`<kbd>${name}</kbd>${" "}`)} ${does}</span>${" "}`,
    )}
  </p>`;
}
