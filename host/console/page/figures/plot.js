// One plot: uPlot with the page's colours, a title, a legend in text, and the same as a table.

import { html, useEffect, useMemo, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { alone, last, summary, tableRows } from "./series.js";
import { timeOfDay } from "../words.js";
import uPlot from "../vendor/uplot-1.6.32.js";

const HEIGHT = 180;
/** What shows what it is at one moment shows it in all plots. */
const TOGETHER = "figures";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** A time of a plot, in unix seconds, in the reader's zone. */
function written(at) {
  return clock.format(new Date(at * 1000));
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** `{plot}`: of `plots` in series.js; `at`: its times, in unix seconds. */
export function Plot({ plot, at }) {
  const place = useRef(null);
  const [index, setIndex] = useState(null);
  const shape = JSON.stringify([plot.unit, plot.series.map(({ label, colour, dash }) => [label, colour, dash])]);
  const data = useMemo(() => [at, ...plot.series.map(({ values }) => values)], [at, plot]);
  useDrawn(place, plot, data, shape, setIndex);
  const id = `figures-${plot.id}`;
  return html`<section class="card figures-plot" aria-labelledby=${id}>
    <h2 id=${id}>${plot.title} <span class="hint">(${plot.unit})</span></h2>
    <div ref=${place} class="figures-canvas" role="img" aria-label=${summary(plot)}></div>
    <${Legend} plot=${plot} at=${at} index=${index} />
    <${AsTable} plot=${plot} at=${at} />
  </section>`;
}

function useDrawn(place, plot, data, shape, setIndex) {
  const drawn = useRef(undefined);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const width = place.current.clientWidth;
    const chart = new uPlot(options(plot, width, setIndex), latest.current, place.current);
    drawn.current = chart;
    const sized = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== chart.width) chart.setSize({ width: contentRect.width, height: HEIGHT });
    });
    sized.observe(place.current);
    const repaint = () => chart.redraw(false);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("theme", repaint);
    dark.addEventListener("change", repaint);
    return () => {
      sized.disconnect();
      removeEventListener("theme", repaint);
      dark.removeEventListener("change", repaint);
      chart.destroy();
    };
  }, [shape]);
  useEffect(() => drawn.current.setData(data), [data]);
}

/** The steps of a scale without fractions. */
const WHOLE = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));

function options({ series, write, fine }, width, setIndex) {
  const axis = (more) => ({
    stroke: () => colour("--quiet"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { stroke: () => colour("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
    ...more,
  });
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: TOGETHER }, drag: { x: false, y: false }, y: false },
    hooks: { setCursor: [({ cursor }) => setIndex(cursor.idx ?? null)] },
    scales: { y: { range: (chart, lowest, highest) => uPlot.rangeNum(0, highest || 1, 0.1, true) } },
    axes: [
      axis({ values: (chart, times) => times.map(written), space: 70, size: 34 }),
      axis({ values: (chart, values) => values.map((value) => write(value)), size: 68, ...(fine ? {} : { incrs: WHOLE }) }),
    ],
    series: [
      {},
      ...series.map((line) => ({
        label: line.label,
        stroke: () => colour(line.colour),
        width: 2,
        dash: line.dash,
        points: {
          size: 6,
          fill: () => colour(line.colour),
          filter: (chart, place, all) => (all ? null : alone(chart.data[place])),
        },
      })),
    ],
  };
}

/** Names of the lines with their values: where the pointer is, or else the newest that there are. */
function Legend({ plot, at, index }) {
  const { series, write } = plot;
  if (!series.length) return html`<p class="hint">Nothing yet.</p>`;
  const value = (values) => (index === null ? last(values) : values[index] ?? null);
  return html`<div class="figures-legend">
    ${series.map(
      ({ label, values, colour: name, dash }) => html`<span key=${label} class="figures-line">
        <svg width="26" height="8" aria-hidden="true">
          <line x1="1" x2="25" y1="4" y2="4" stroke-width="2.5" stroke-dasharray=${dash.join(" ")} style=${{ stroke: `var(${name})` }} />
        </svg>
        ${label} <b>${write(value(values))}</b>
      </span>`,
    )}
    <span class="hint">${index === null || index >= at.length ? "newest" : `at ${timeOfDay(at[index] * 1000)}`}</span>
  </div>`;
}

function AsTable({ plot, at }) {
  const [open, setOpen] = useState(false);
  return html`<details onToggle=${({ target }) => setOpen(target.open)}>
    <summary>As a table</summary>
    ${open && html`<${Rows} plot=${plot} at=${at} />`}
  </details>`;
}

function Rows({ plot: { title, unit, series, write }, at }) {
  const rows = tableRows(at, series);
  return html`<div class="scroll figures-rows" tabindex="0" role="region" aria-label="${title}, as a table">
    <table>
      <caption>${rows.length ? `${title}, in ${unit}, the newest first` : "Nothing yet"}</caption>
      <thead>
        <tr>
          <th scope="col">Time</th>
          ${series.map(({ label }) => html`<th scope="col" class="number">${label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) => html`<tr key=${row.at}>
            <th scope="row">${timeOfDay(row.at * 1000)}</th>
            ${row.values.map((value) => html`<td class="number">${write(value)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
