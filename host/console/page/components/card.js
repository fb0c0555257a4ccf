// One component: what it is, how its uses do, what it may, and what can be done with it.

import { post } from "../api.js";
import { useAccess } from "../access.js";
import { at } from "../hooks.js";
import { Facts } from "../facts.js";
import { Action, Badge, Notice } from "../ui.js";
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { bytes, count, milliseconds, moment, sentence } from "../words.js";
import { askBack, compared, failures, limit, promoted, rolledBack, stateOf } from "./wording.js";

/** `component` as the server lists it. `onSwap()`: another build is to be chosen; `onChanged()`: something was done. */
export function ComponentCard({ component, onSwap, onChanged }) {
  const { id, version, hash, about, from, uses } = component;
  const [result, setResult] = useState("");
  return html`<article class="card component" data-component=${id} aria-labelledby="component-${id}">
    <div class="row apart">
      <div class="row">
        <h3 id="component-${id}">${id}</h3>
        <span>${version}</span>
        <code title="The beginning of its SHA-256">${hash}</code>
        ${!uses.length && html`<${Badge}>not in use<//>`}
      </div>
      <${Buttons} component=${component} onSwap=${onSwap} onChanged=${onChanged} onResult=${setResult} />
    </div>
    ${result &&
    html`<${Notice}
      kind="good"
      action=${html`<button type="button" class="plain" aria-label="Close" onClick=${() => setResult("")}>✕</button>`}
    >
      ${result}
    <//>`}
    ${about && html`<p>${sentence(about)}</p>`}
    <p class="hint">Source: <code>${from}</code></p>
    ${uses.map((use) => html`<${Use} key=${use.name} use=${use} id=${id} />`)}
    <${Allowed} component=${component} />
  </article>`;
}

function Buttons({ component, onSwap, onChanged, onResult }) {
  const { may } = useAccess();
  if (!may("components")) return null;
  const { id, uses } = component;
  const onTrial = uses.some(({ canary }) => canary);
  const wayBack = onTrial || uses.some(({ previous }) => previous);
  const act = (what, told) => async () => {
    onResult("");
    const path = `/components/${encodeURIComponent(id)}/${what}`;
    try {
      onResult(told(await post(path)));
    } finally {
      onChanged();
    }
  };
  const named = html`<span class="visually-hidden"> ${id}</span>`;
  return html`<div class="row">
    ${onTrial && html`<${Action} onClick=${act("promote", promoted)}>Promote${named}<//>`}
    ${wayBack &&
    html`<${Action} kind="danger" confirm=${askBack(component)} onClick=${act("rollback", rolledBack)}>
      Roll back${named}
    <//>`}
    <button type="button" onClick=${onSwap}>Swap${named}</button>
  </div>`;
}

function Use({ use, id }) {
  const { badge, word, why } = stateOf(use);
  const { name, current, canary, previous } = use;
  return html`<section class="use">
    <div class="row">
      <h4>${name === id ? "In use" : html`In use as ${name}`}</h4>
      <${Badge} kind=${badge}>${word}<//>
    </div>
    ${why && html`<p>${why}</p>`}
    <div class="builds">
      <${Build} title="Current" build=${current} kind="current" />
      ${canary &&
      html`<${Build} title="On trial for ${canary.share}" build=${canary} kind="trial">
        <p>${compared(current, canary)}</p>
      <//>`}
      ${previous && html`<${Build} title="Before" build=${previous} kind="before" />`}
    </div>
    <${Consumed} consumed=${use.consumed} />
  </section>`;
}

function Build({ title, build, kind, children }) {
  const { generation, version, hash, since, calls, ready, last_failure, pinned = {} } = build;
  const staying = Object.entries(pinned);
  return html`<div class="build ${kind}" role="group" aria-label=${title}>
    <h5>${title}</h5>
    <p>Generation ${generation}: ${version} <code>${hash}</code></p>
    <${Facts}
      look="facts"
      facts=${[
        ["Since", moment(since)],
        ["Live calls", count(calls)],
        ["Failed sessions", failures(build)],
        ["Instances ready", count(ready)],
        last_failure && ["Last failure", last_failure],
      ]}
    />
    ${children}
    ${staying.length > 0 &&
    html`<details>
      <summary>${staying.length === 1 ? "1 call stays with it" : `${staying.length} calls stay with it`}</summary>
      <ul>
        ${staying.map(([call, why]) => html`<li key=${call}><a href=${at("watch", call)}>${call}</a>: ${why}</li>`)}
      </ul>
    </details>`}
  </div>`;
}

function Consumed({ consumed }) {
  return html`<details>
    <summary>Resources used</summary>
    <${Facts}
      look="facts"
      facts=${[
        ["CPU time", milliseconds(consumed.cpu_ms)],
        ["Memory", `${bytes(consumed.memory_bytes)}, at most ${bytes(consumed.most_memory_bytes)} so far`],
        ["Sessions", `${count(consumed.sessions)} now, ${count(consumed.opened)} in all`],
        ["Calls into it", count(consumed.entries)],
        ["Effects", count(consumed.effects)],
        ["Received", bytes(consumed.bytes_in)],
        ["Sent", bytes(consumed.bytes_out)],
        ["Faults", count(consumed.faults)],
        ["Refused to begin", count(consumed.refusals)],
        consumed.last_fault && ["Last fault", consumed.last_fault],
      ]}
    />
  </details>`;
}

function Allowed({ component: { grant, limits } }) {
  if (!grant && !limits) return null;
  const list = (values) => (values?.length ? values.map((value) => html`<code key=${value}>${value}</code> `) : "none");
  return html`<details>
    <summary>Grant and limits</summary>
    <${Facts}
      look="facts"
      facts=${[
        grant && ["May reach", list(grant.egress)],
        grant && ["May reach your own network", grant.private ? "yes" : "no"],
        grant && ["Secrets, added by the server", list(grant.secrets)],
        grant?.refused?.length && ["Asked for and not granted", list(grant.refused)],
        grant?.idempotent?.length && ["Tools that may be called again", list(grant.idempotent)],
      ]}
    />
    ${limits &&
    html`<h4>Limits of a session</h4>
      <${Facts}
        look="facts"
        facts=${Object.entries(limits).map(([key, value]) => {
          const { name, value: words } = limit(key, value);
          return [name, words];
        })}
      />`}
  </details>`;
}
