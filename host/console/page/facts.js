// Names with their values.

import { html } from "./vendor/htm-preact-3.1.1.js";

/**
 * Names and values, side by side. `facts`: `[name, value]`; those without a value are left out, as is what is no
 * fact at all. `look`: the list's class.
 */
export function Facts({ facts, look }) {
  const there = facts.filter((fact) => fact && ![null, undefined, ""].includes(fact[1]));
  return html`<dl class=${look}>
    ${there.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
