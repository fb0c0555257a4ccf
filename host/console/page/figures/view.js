// Figures of this host: how many calls, how quick, what went wrong, what it costs and takes.

import { Figure, Problem, Waiting } from "../ui.js";
import { Plot } from "./plot.js";
import { Providers, Services } from "./tables.js";
import { get } from "../api.js";
import { html, useMemo } from "../vendor/htm-preact-3.1.1.js";
import { latency, plots, sum } from "./series.js";
import { count, milliseconds, money, timeOfDay } from "../words.js";
import { useData } from "../hooks.js";

const EVERY = 10_000;

const RANGES = [
  { minutes: 15, words: "15 minutes" },
  { minutes: 60, words: "1 hour" },
  { minutes: 360, words: "6 hours" },
];

/** The view "figures": `#/figures?minutes=60`. */
export function Figures({ query }) {
  const asked = Number(query.get("minutes"));
  const { minutes } = RANGES.find((range) => range.minutes === asked) ?? RANGES[1];
  const { data, error, again } = useData((signal) => get("/figures", { minutes }, signal), EVERY, [minutes]);
  const health = useData((signal) => get("/health", {}, signal), EVERY);
  return html`
    <div class="row apart figures-head">
      <h1>Figures</h1>
      <nav class="row" aria-label="Time">
        ${RANGES.map(
          (range) =>
            html`<a
              class="figures-range"
              href="#/figures?minutes=${range.minutes}"
              aria-current=${range.minutes === minutes ? "true" : undefined}
              >${range.words}</a
            >`,
        )}
      </nav>
    </div>
    <${Problem} error=${error} again=${again} />
    ${data ? html`<${Numbers} figures=${data} />` : !error && html`<${Waiting} />`}
    ${data && html`<${Plots} figures=${data} />`}
    ${data && html`<${Providers} figures=${data} />`}
    <${Services} health=${health.data} error=${health.error} again=${health.again} />
  `;
}

function Numbers({ figures }) {
  const took = latency(figures, "turn", "voice to voice");
  const total = (name) => sum(figures[name]) ?? 0;
  const wrong = (name) => ({ value: count(total(name)), kind: total(name) > 0 ? "bad" : "" });
  return html`
    <p class="hint">Of this host, from ${timeOfDay(figures.from)} to ${timeOfDay(figures.to)}; told anew every ten seconds.</p>
    <dl class="figures card">
      <${Figure} label="Live now" value=${count(figures.live)} />
      <${Figure} label="Ended" value=${count(total("ended"))} />
      <${Figure} label="Failed" ...${wrong("failed")} />
      <${Figure} label="Turned away" ...${wrong("turned_away")} />
      <${Figure} label="Interruptions" value=${count(total("interruptions"))} />
      <${Figure} label="Failovers" ...${wrong("failovers")} />
      <${Cost} figures=${figures} />
      <${Figure} label="Voice to voice, half within" value=${milliseconds(took?.p50)} hint="p50" />
      <${Figure} label="95 % within" value=${milliseconds(took?.p95)} hint="p95" />
      <${Figure} label="99 % within" value=${milliseconds(took?.p99)} hint="p99" />
    </dl>
  `;
}

function Cost({ figures: { cost, currency } }) {
  if (!currency) return html`<${Figure} label="Cost" value="–" hint="nothing has a price" />`;
  return html`<${Figure} label="Cost" value=${money(sum(cost), currency)} />`;
}

function Plots({ figures }) {
  const all = useMemo(() => plots(figures), [figures]);
  return html`<div class="figures-plots">
    ${all.map((plot) => html`<${Plot} key=${plot.id} plot=${plot} at=${figures.at} />`)}
  </div>`;
}
