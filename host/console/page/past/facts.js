// What is known of a conversation besides what was said: facts, fields, claim, figures, use, what happened.

import { Badge } from "../ui.js";
import { Facts } from "../facts.js";
import { address } from "./query.js";
import { happening, stageName } from "./happenings.js";
import { html } from "../vendor/htm-preact-3.1.1.js";
import { Ending, Parties } from "./rows.js";
import { count, length, milliseconds, moment, money, timeOfDay, written } from "../words.js";

/** The head of a conversation. `durationMs`: as far as it is known. */
export function Head({ conversation, durationMs, currency }) {
  const row = conversation;
  return html`<${Facts}
    look="past-facts"
    facts=${[
      ["When", moment(row.created_at)],
      ["Length", typeof durationMs === "number" ? length(durationMs) : undefined],
      ["Call", html`<${Parties} ...${row} />`],
      ["How it ended", html`<${Ending} row=${row} />`],
      ["State", row.state && html`<${Badge}>${row.state}<//>`],
      ["Persona", row.persona],
      ["Language", row.language],
      ["Answered by", row.answered_by],
      ["Cost", row.cost && money(row.cost, currency)],
      ["Held by", row.node && html`<span class="mono">${row.node}</span>`],
      ["Call's id", row.call_sid && html`<span class="mono">${row.call_sid}</span>`],
    ]}
  />`;
}

/** The claim that it was about. */
export function Claim({ conversation }) {
  const { claim_id, claim_date, claim_status, claim_amount, state } = conversation;
  if (!claim_id) return null;
  return html`<section class="card" aria-labelledby="past-claim">
    <h2 id="past-claim">Claim ${claim_id}</h2>
    <${Facts} look="past-facts" facts=${[["Date", claim_date], ["Status", claim_status], ["Amount", claim_amount], ["State", state]]} />
    <a href=${address({ claim_id }, false)}>All conversations about this claim</a>
  </section>`;
}

/** What the persona kept that is no claim. */
export function Kept({ conversation: { fields, claim_id } }) {
  const facts = Object.entries(fields ?? {});
  if (claim_id && !facts.length) return null;
  return html`<section class="card" aria-labelledby="past-kept">
    <h2 id="past-kept">Facts that were kept</h2>
    ${facts.length
      ? html`<${Facts} look="past-facts" facts=${facts.map(([name, value]) => [name, written(value)])} />`
      : html`<p class="hint">The persona kept nothing.</p>`}
  </section>`;
}

const MEASURED = ["stt", "llm", "tts"];
const SPREAD = ["avg", "min", "max"];

/** How quick it was. */
export function Metrics({ metrics }) {
  if (!metrics) return null;
  const spread = (name) => SPREAD.map((of) => metrics[`${name}_${of}_ms`]);
  const rows = [["Voice to voice", null, spread("latency")]];
  for (const stage of MEASURED) {
    const provider = metrics[`${stage}_provider`];
    if (!provider) continue;
    const name = stageName(stage);
    rows.push([`First of ${name}`, provider, spread(`${stage}_first`)]);
    rows.push([`All of ${name}`, provider, spread(`${stage}_processing`)]);
  }
  return html`<section class="card" aria-labelledby="past-metrics">
    <h2 id="past-metrics">How quick it was</h2>
    <p class="hint">${several(metrics.turns, "turn")}, ${several(metrics.interruptions, "interruption")}</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Times of each stage">
      <table>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Provider</th>
            ${["Average", "Shortest", "Longest"].map((title) => html`<th scope="col" class="number">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ([what, provider, values]) => html`<tr key=${what}>
              <td>${what}</td>
              <td>${provider ?? ""}</td>
              ${values.map((value) => html`<td class="number">${milliseconds(value)}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

function several(number, what) {
  return `${count(number)} ${what}${number === 1 ? "" : "s"}`;
}

const UNITS = {
  input_tokens: (amount) => `${count(amount)} tokens read`,
  output_tokens: (amount) => `${count(amount)} tokens written`,
  characters: (amount) => `${count(amount)} characters spoken`,
  audio_ms: (amount) => `${length(amount)} of sound`,
};

/** What was used of each provider, and what that costs. */
export function Usage({ usage, cost, currency }) {
  const providers = Object.entries(usage ?? {});
  if (!providers.length) return null;
  const amounts = ({ stage, ...used }) =>
    Object.entries(used)
      .map(([unit, amount]) => UNITS[unit]?.(amount) ?? `${count(amount)} ${unit}`)
      .join(", ");
  return html`<section class="card" aria-labelledby="past-usage">
    <h2 id="past-usage">What was used</h2>
    <${Facts} look="past-facts" facts=${providers.map(([provider, used]) => [provider, amounts(used)])} />
    <p class="hint">${cost ? `This costs ${money(cost, currency)}.` : "Nothing of it has a price in the configuration."}</p>
  </section>`;
}

/** What happened, in order. `onSeek(ms)` goes to that time. */
export function Events({ events, created, onSeek }) {
  if (!events.length) return null;
  return html`<section class="card" aria-labelledby="past-events">
    <h2 id="past-events">What happened</h2>
    <ol class="past-events">
      ${events.map((event) => {
        const { words, kind, more } = happening(event);
        const ms = Date.parse(event.created_at) - Date.parse(created);
        return html`<li key=${event.position}>
          <button type="button" class="plain past-time" title=${timeOfDay(event.created_at)} onClick=${() => onSeek(ms)}>
            ${length(ms)}<span class="visually-hidden">, go there</span>
          </button>
          <div>
            ${kind === "neutral" ? words : html`<${Badge} kind=${kind}>${kind === "bad" ? "Wrong" : "Note"}<//> ${words}`}
            ${more && html`<details><summary>Details</summary><pre class="mono">${more}</pre></details>`}
          </div>
        </li>`;
      })}
    </ol>
  </section>`;
}
