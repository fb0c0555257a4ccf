// The form that conversations are searched by.

import { ENDING_OPTIONS } from "../naming.js";
import { Field, Select } from "../ui.js";
import { address, fromForm, toForm } from "./query.js";
import { html, useState } from "../vendor/htm-preact-3.1.1.js";

const DIRECTIONS = [
  { value: "", label: "Either" },
  { value: "inbound", label: "Came in" },
  { value: "outbound", label: "We called" },
];

/** What is searched by less often stands behind a fold where there is little room. */
const FURTHER = ["from", "to", "persona", "state", "outcome", "departure", "direction"];

function isWide() {
  return matchMedia("(min-width: 48rem)").matches;
}

/** `rows`: what is shown, for proposals. It goes to another address, which says what is searched for. */
export function Search({ filters, claims, rows }) {
  const [typed, setTyped] = useState(() => toForm(filters));
  const [open] = useState(() => isWide() || FURTHER.some((name) => filters[name]));
  const change = (name) => (value) => setTyped((typed) => ({ ...typed, [name]: value }));
  const line = (name, label, more = {}) =>
    html`<${Line} name=${name} label=${label} value=${typed[name]} onChange=${change(name)} ...${more} />`;
  const choice = (name, label, options) =>
    html`<${Select} id="past-${name}" label=${label} value=${typed[name]} options=${options} onChange=${change(name)} />`;
  const seen = (name) => [...new Set(rows.map((row) => row[name]).filter(Boolean))].sort();
  const send = (event) => {
    event.preventDefault();
    location.hash = address(fromForm(typed), claims);
  };
  return html`<form class="card" role="search" aria-label="Conversations" onSubmit=${send}>
    <div class="past-search">
      ${line("text", "Words that were said", { type: "search", maxlength: 200 })}
      ${line("caller", "Caller", { type: "tel", placeholder: "+15555550101" })}
      ${line("claim_id", "Claim number")}
    </div>
    <details open=${open}>
      <summary>More to search by</summary>
      <div class="past-search">
        ${line("from", "From", { type: "datetime-local" })}
        ${line("to", "Before", { type: "datetime-local" })}
        ${line("persona", "Persona", { proposals: seen("persona") })}
        ${line("state", "State", { proposals: seen("state") })}
        ${line("outcome", "Outcome", { proposals: seen("outcome") })}
        ${choice("departure", "How it ended", [{ value: "", label: "Any way" }, ...ENDING_OPTIONS])}
        ${choice("direction", "Direction", DIRECTIONS)}
      </div>
    </details>
    <div class="row">
      <button type="submit" class="primary">Search</button>
      ${Object.keys(filters).length > 0 && html`<a class="button past-clear" href=${address({}, claims)}>Show all</a>`}
    </div>
  </form>`;
}

function Line({ name, label, value, onChange, type = "text", placeholder, maxlength, proposals = [] }) {
  const id = `past-${name}`;
  return html`<${Field} id=${id} label=${label}>
    <input
      id=${id}
      type=${type}
      value=${value}
      placeholder=${placeholder}
      maxlength=${maxlength}
      list=${proposals.length ? `${id}-seen` : undefined}
      autocomplete="off"
      onInput=${(event) => onChange(event.target.value)}
    />
    ${proposals.length > 0 &&
    html`<datalist id="${id}-seen">${proposals.map((proposal) => html`<option value=${proposal} />`)}</datalist>`}
  <//>`;
}
