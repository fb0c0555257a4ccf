// Conversations and claims as tables, which are cards where the screen is narrow.

import { Badge } from "../ui.js";
import { address } from "./query.js";
import { at } from "../hooks.js";
import { ending } from "../naming.js";
import { html } from "../vendor/htm-preact-3.1.1.js";
import { length, moment, money } from "../words.js";

/**
 * A table: `columns` are `{title, cell(row), number?}`. The roles are written out, because a table that is
 * drawn as cards is no table to some readers otherwise.
 */
export function Cards({ label, columns, rows }) {
  return html`<table class="cards" role="table" aria-label=${label}>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(({ title, number }) => html`<th role="columnheader" scope="col" class=${number ? "number" : ""}>${title}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) => html`<tr role="row" key=${row.id}>
          ${columns.map((column) => html`<${Cell} key=${column.title} column=${column} value=${column.cell(row)} />`)}
        </tr>`,
      )}
    </tbody>
  </table>`;
}

function Cell({ column: { title, number }, value }) {
  const none = value === null || value === undefined;
  const kind = [number && "number", none && "none"].filter(Boolean).join(" ");
  return html`<td role="cell" data-title=${title} class=${kind}><div>${none ? "–" : value}</div></td>`;
}

/** The newest first, each a link to all of it. */
export function ConversationRows({ rows, currency }) {
  const columns = [
    { title: "When", cell: (row) => html`<a href=${at("past", row.id)}>${moment(row.created_at)}</a>` },
    { title: "Length", cell: lasted, number: true },
    { title: "Call", cell: (row) => html`<${Parties} ...${row} />` },
    { title: "Persona", cell: ({ persona }) => html`<span class="past-name">${persona}</span>` },
    { title: "Claim and state", cell: claimed },
    { title: "How it ended", cell: (row) => html`<${Ending} row=${row} />` },
    { title: "Cost", cell: ({ cost }) => cost && money(cost, currency), number: true },
  ];
  return html`<${Cards} label="Conversations" columns=${columns} rows=${rows} />`;
}

/** What was kept of each claim, once for each conversation that was about it. */
export function ClaimRows({ rows, currency }) {
  const columns = [
    { title: "Claim", cell: ({ claim_id }) => html`<a href=${address({ claim_id }, true)}>${claim_id}</a>` },
    { title: "Date", cell: ({ claim_date }) => claim_date },
    { title: "Status", cell: ({ claim_status }) => claim_status },
    { title: "Amount", cell: ({ claim_amount }) => claim_amount, number: true },
    { title: "State", cell: ({ state }) => state && html`<${Badge}>${state}<//>` },
    { title: "Conversation", cell: (row) => html`<a href=${at("past", row.id)}>${moment(row.created_at)}</a>` },
    { title: "How it ended", cell: (row) => html`<${Ending} row=${row} />` },
    { title: "Cost", cell: ({ cost }) => cost && money(cost, currency), number: true },
  ];
  return html`<${Cards} label="Claims" columns=${columns} rows=${rows} />`;
}

/** Who called whom. */
export function Parties({ direction, caller, called }) {
  const words = direction === "outbound" ? "We called" : "Came in";
  if (!caller && !called) return html`<span>${words}, without numbers</span>`;
  return html`<span class="hint">${words}</span> <span class="past-numbers">${caller ?? "unknown"} → ${called ?? "unknown"}</span>`;
}

/** How it ended: the badge, and the persona's own words. */
export function Ending({ row }) {
  const { words, kind } = ending(row.departure);
  const more = row.outcome?.toLowerCase() === words.toLowerCase() ? null : row.outcome;
  return html`<${Badge} kind=${kind}>${words}<//> ${more && html`<span class="past-outcome">${more}</span>`}`;
}

function lasted({ duration_ms, departure }) {
  if (typeof duration_ms === "number") return length(duration_ms);
  return departure ? null : "so far";
}

function claimed({ claim_id, claim_status, claim_amount, state }) {
  const facts = [claim_status, claim_amount].filter(Boolean).join(", ");
  if (!claim_id && !state && !facts) return null;
  return html`${claim_id && html`<a href=${address({ claim_id }, false)}>${claim_id}</a>`}
    ${state && html` <${Badge}>${state}<//>`} ${facts && html` <span class="past-outcome">${facts}</span>`}`;
}
