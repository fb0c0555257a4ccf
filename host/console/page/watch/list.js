// All live calls in one table, those in trouble first.

import { STATES, begun, counted, matches, numbered, providers, shortened, way, who } from "./calls.js";
import { ranked } from "./trouble.js";
import { Badge, Figure, Nothing, Problem, Waiting } from "../ui.js";
import { at, go, useData } from "../hooks.js";
import { count, length, milliseconds } from "../words.js";
import { get, serverNow } from "../api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { Keys, typing } from "./keys.js";

const EVERY_MS = 1000;

// what was asked for, and where we were, when we come back from a call
const kept = { filter: "", onlyTrouble: false, call: undefined };

export function List() {
  const { data, error, again } = useData(async (signal) => {
    const { calls } = await get("/calls", { brief: true }, signal);
    const now = serverNow();
    return { rows: ranked(calls, now), calls, now };
  }, EVERY_MS);
  const [filter, setFilter] = useState(kept.filter);
  const [onlyTrouble, setOnlyTrouble] = useState(kept.onlyTrouble);
  Object.assign(kept, { filter, onlyTrouble });
  const element = useRef(null);
  useKeys(element);
  const wanted = ({ call, judgement }) => (!onlyTrouble || judgement.level > 0) && matches(call, filter);
  const rows = data?.rows.filter(wanted) ?? [];
  useFocusKept(element, rows.length > 0);
  return html`<section ref=${element} class="watch-list">
    <h1>Live calls</h1>
    <${Problem} error=${error} again=${again} />
    ${!data && !error && html`<${Waiting} what="Looking for calls" />`}
    ${data && html`<${Counts} calls=${data.calls} rows=${data.rows} />`}
    ${data?.calls.length > 0 &&
    html`<form class="row watch-filter" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label for="watch-filter">Filter</label>
      <input
        id="watch-filter"
        type="search"
        placeholder="number, persona, provider, state"
        value=${filter}
        onInput=${(event) => setFilter(event.target.value)}
      />
      <label class="row">
        <input type="checkbox" checked=${onlyTrouble} onChange=${(event) => setOnlyTrouble(event.target.checked)} />
        only in trouble
      </label>
    </form>`}
    ${rows.length > 0 && html`<${Table} rows=${rows} now=${data.now} />`}
    ${data && !rows.length && html`<${Empty} any=${data.calls.length > 0} />`}
    <${Keys} keys=${KEYS} />
  </section>`;
}

const KEYS = [
  [["j", "k"], "next and previous call"],
  [["Enter"], "open"],
  [["/"], "filter"],
];

function Counts({ calls, rows }) {
  const counts = counted(calls);
  const bad = rows.filter(({ judgement }) => judgement.level > 1).length;
  const warned = rows.filter(({ judgement }) => judgement.level === 1).length;
  return html`<dl class="figures">
    <${Figure} label="Live" value=${count(calls.length)} />
    <${Figure} label="In trouble" value=${count(bad)} kind=${bad ? "bad" : ""} />
    <${Figure} label="To watch" value=${count(warned)} />
    <${Figure} label="Caller speaks" value=${count(counts.hearing)} />
    <${Figure} label="Thinking" value=${count(counts.thinking)} />
    <${Figure} label="Agent speaks" value=${count(counts.speaking)} />
  </dl>`;
}

function Empty({ any }) {
  if (any) return html`<${Nothing} title="No call fits">Change or clear the filter to see the others.<//>`;
  return html`<${Nothing} title="No live calls">
    They appear here as soon as there are any. <a href=${at("call")}>Make one from this browser</a>.
  <//>`;
}

function Table({ rows, now }) {
  return html`<table class="watch-table">
    <thead>
      <tr>
        <th scope="col">State</th>
        <th scope="col">Who</th>
        <th scope="col">Persona and providers</th>
        <th scope="col" class="number">Age</th>
        <th scope="col" class="number">Turns</th>
        <th scope="col" class="number" title="From the end of the caller's speech to the first sound of the answer">
          Voice to voice
        </th>
        <th scope="col">Trouble</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map((row) => html`<${Row} key=${row.call.id} ...${row} now=${now} />`)}
    </tbody>
  </table>`;
}

function Row({ call, judgement, now }) {
  const [word, kind] = STATES[call.state] ?? [call.state, "neutral"];
  const open = (event) => {
    // the link does it itself, and selected text is wanted as it is
    if (event.target.closest("a") || String(getSelection())) return;
    go("watch", call.id);
  };
  return html`<tr class=${judgement.kind ?? ""} onClick=${open}>
    <td data-label="State"><${Badge} kind=${kind}>${word}<//></td>
    <td data-label="Who">
      <a
        class="watch-link"
        href=${at("watch", call.id)}
        data-call=${call.id}
        onFocus=${() => (kept.call = call.id)}
      >${who(call)}</a>
      <span class="hint" title=${call.id}>${way(call)}${numbered(call) ? "" : `, ${shortened(call.id)}`}</span>
    </td>
    <td data-label="Persona">
      ${call.persona ?? "–"}
      <span class="hint">${providers(call).join(", ")}</span>
    </td>
    <td data-label="Age" class="number">${length(now - begun(call))}</td>
    <td data-label="Turns" class="number">${call.turns}</td>
    <td data-label="Voice to voice" class="number">${milliseconds(call.latency_ms)}</td>
    <td data-label="Trouble"><${Why} call=${call} judgement=${judgement} /></td>
  </tr>`;
}

function Why({ call, judgement }) {
  const counts = [
    call.trouble?.length && `trouble ${call.trouble.length === 5 ? "5 or more" : call.trouble.length}`,
    call.failovers && `failovers ${call.failovers}`,
    call.interruptions && `interruptions ${call.interruptions}`,
  ].filter(Boolean);
  const [worst, ...others] = judgement.reasons;
  return html`
    ${worst &&
    html`<div title=${others.join(" ")}>
      <${Badge} kind=${judgement.kind}>${judgement.kind === "bad" ? "trouble" : "watch"}<//> ${worst}
    </div>`}
    <span class="hint">${counts.join(", ") || (worst ? "" : "–")}</span>
  `;
}

/** Keys move from row to row. */
function useKeys(element) {
  useEffect(() => {
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape" && typing(event.target)) return leave(element.current, event);
      if (typing(event.target)) return;
      // elsewhere they scroll the page
      const arrow = event.target.closest?.(".watch-table") && event.key;
      if (event.key === "/") element.current.querySelector("#watch-filter")?.focus();
      else if (event.key === "j" || arrow === "ArrowDown") step(element.current, 1);
      else if (event.key === "k" || arrow === "ArrowUp") step(element.current, -1);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** A row that is moved while it has the focus keeps it; who comes back from a call is where they were. */
function useFocusKept(element, any) {
  const arrived = useRef(false);
  // as it is before the rows are moved
  const focused = document.activeElement?.matches("a.watch-link") ? document.activeElement.dataset.call : undefined;
  useLayoutEffect(() => {
    const wanted = any && !arrived.current ? kept.call : focused;
    arrived.current ||= any;
    if (!wanted || document.activeElement !== document.body) return;
    links(element.current).find((link) => link.dataset.call === wanted)?.focus({ preventScroll: true });
  });
}

function links(element) {
  return [...element.querySelectorAll("a.watch-link")];
}

function step(element, by) {
  const all = links(element);
  const index = all.findIndex((link) => link.dataset.call === kept.call);
  const next = index < 0 ? 0 : Math.min(all.length - 1, Math.max(0, index + by));
  all[next]?.focus();
  all[next]?.closest("tr").scrollIntoView({ block: "nearest" });
}

function leave(element, event) {
  event.target.blur();
  const all = links(element);
  (all.find((link) => link.dataset.call === kept.call) ?? all[0])?.focus();
}
