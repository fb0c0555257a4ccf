// Figures that are better read than drawn: of each provider, and how the services are.

import { Badge, Problem } from "../ui.js";
import { html } from "../vendor/htm-preact-3.1.1.js";
import { providerRows, serviceRows } from "./series.js";
import { count, milliseconds, moment } from "../words.js";

const PARTS = ["p50", "p95", "p99"];
const TIMES = ["First output", "Whole"];
const FAILURES = ["Failures", "Failed over from", "Failed over to"];

/** Each provider: how quick, how often it failed, who went on. */
export function Providers({ figures }) {
  const rows = providerRows(figures);
  return html`<section class="card" aria-labelledby="figures-providers">
    <h2 id="figures-providers">Providers</h2>
    <p class="hint">
      How long requests took: p50, half of them were within; p95, 95 of a hundred; p99, 99 of a hundred. First output:
      until something useful came; whole: until the last of it.
    </p>
    ${rows.length
      ? html`<${ProviderTable} rows=${rows} />`
      : html`<p>No provider was asked for anything in this time.</p>`}
  </section>`;
}

function ProviderTable({ rows }) {
  const tall = (title, more = "") => html`<th scope="col" rowspan="2" class=${more}>${title}</th>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Times and failures of each provider">
    <table class="figures-providers" aria-labelledby="figures-providers">
      <thead>
        <tr>
          ${tall("Stage")}${tall("Provider")}${tall("Requests", "number")}
          ${TIMES.map((title) => html`<th scope="colgroup" colspan=${PARTS.length} class="number">${title}</th>`)}
          ${FAILURES.map((title) => tall(title, "number"))}
        </tr>
        <tr>
          ${TIMES.map(() => PARTS.map((part) => html`<th scope="col" class="number">${part}</th>`))}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${Provider} key="${row.stage} ${row.provider}" ...${row} />`)}
      </tbody>
    </table>
  </div>`;
}

function Provider({ name, provider, requests, first, processing, failures, from, to }) {
  const times = [...PARTS.map((part) => first[part]), ...PARTS.map((part) => processing[part])];
  return html`<tr>
    <td>${name}</td>
    <th scope="row">${provider}</th>
    <td class="number">${count(requests)}</td>
    ${times.map((time) => html`<td class="number">${milliseconds(time)}</td>`)}
    <td class="number">${failures ? html`<${Badge} kind="bad">${count(failures)}<//>` : 0}</td>
    <td class="number">${from ? html`<${Badge} kind="warning">${count(from)}<//>` : 0}</td>
    <td class="number">${count(to)}</td>
  </tr>`;
}

const STATES = {
  ok: { words: "works", kind: "good" },
  failing: { words: "fails", kind: "bad" },
  unused: { words: "not needed yet", kind: "neutral" },
  off: { words: "off", kind: "neutral" },
};

const STATUS = {
  healthy: { words: "healthy", kind: "good" },
  degraded: { words: "degraded", kind: "warning" },
  stopping: { words: "stopping", kind: "warning" },
};

/** How the services of this host are, and why. `health`: of GET /health. */
export function Services({ health, error, again }) {
  const status = health && (STATUS[health.status] ?? { words: health.status, kind: "neutral" });
  return html`<section class="card" aria-labelledby="figures-services">
    <div class="row">
      <h2 id="figures-services">Services</h2>
      ${status && html`<${Badge} kind=${status.kind}>${status.words}<//>`}
      ${health && html`<span class="hint">Cordboard ${health.version}</span>`}
    </div>
    <${Problem} error=${error} again=${again} />
    ${health &&
    html`<ul class="figures-services">
      ${serviceRows(health).map((service) => html`<${Service} key=${service.name} ...${service} />`)}
    </ul>`}
  </section>`;
}

function Service({ name, component, state, reason, since, failures }) {
  const { words, kind } = STATES[state] ?? { words: state, kind: "neutral" };
  return html`<li>
    <div class="row">
      <strong>${name}</strong> <${Badge} kind=${kind}>${words}<//> ${component && html`<span class="hint">${component}</span>`}
    </div>
    ${reason &&
    html`<p class="figures-reason">
      ${reason} <span class="hint">since ${moment(since)}${failures > 1 ? `, ${count(failures)} times` : ""}</span>
    </p>`}
  </li>`;
}
