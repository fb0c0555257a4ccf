// The keys of a telephone: pressed here, or on the keyboard while the focus is among them. One stop of the Tab
// key; the arrows go from key to key.

import { html, useRef, useState } from "../vendor/htm-preact-3.1.1.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const NAMES = { "*": "star", "#": "hash" };
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 };

/** `onPress(key)`: one of 0-9, * and #. */
export function Keypad({ onPress, disabled }) {
  const [at, setAt] = useState(0);
  const pad = useRef(null);
  const typed = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = STEPS[event.key];
    if (step && KEYS[at + step]) {
      event.preventDefault();
      setAt(at + step);
      pad.current.children[at + step].focus();
    } else if (KEYS.includes(event.key)) {
      event.preventDefault();
      setAt(KEYS.indexOf(event.key));
      onPress(event.key);
    }
  };
  return html`<div class="keypad" role="group" aria-label="Keypad" ref=${pad} onKeyDown=${typed}>
    ${KEYS.map(
      (key, index) => html`<button
        type="button"
        aria-label=${NAMES[key]}
        tabindex=${index === at ? 0 : -1}
        disabled=${disabled}
        onFocus=${() => setAt(index)}
        onClick=${() => onPress(key)}
      >
        ${key}
      </button>`,
    )}
  </div>`;
}
