// One call as it goes on: what is said, how quick it is, what goes wrong, and taking part in it.

import { Badge, Notice, Waiting, steady } from "../ui.js";
import { Keys, typing } from "./keys.js";
import { STATES, begun, way, who } from "./calls.js";
import { STAGES, ended } from "../naming.js";
import { Part } from "./part.js";
import { TimelineView } from "../timeline/view.js";
import { Transcript } from "./transcript.js";
import { Waterfall } from "../timeline/waterfall.js";
import { at, go, useNow } from "../hooks.js";
import { html, useEffect, useState } from "../vendor/htm-preact-3.1.1.js";
import { length, milliseconds, timeOfDay } from "../words.js";
import { useCall } from "./following.js";
import { voiceToVoice } from "../timeline/phases.js";

const KEYS = [
  [["Esc"], "back to all calls"],
  [["+", "−"], "zoom the timeline"],
  [["←", "→"], "move it"],
];

/** A call by its id. */
export function One({ id }) {
  const { timeline, revision, state, error, changed } = useCall(id);
  useEscape();
  const back = html`<p><a href=${at("watch")}>← All live calls</a></p>`;
  if (state === "unknown") return [back, html`<${Unknown} id=${id} />`];
  if (state === "refused") return [back, html`<${Notice} kind="bad">${error.message}<//>`];
  if (timeline.start === undefined) return [back, html`<${Unseen} away=${state === "away"} />`];
  return html`<div class="watch-one">
    ${back}
    <${Head} id=${id} timeline=${timeline} />
    ${state === "away" &&
    html`<${Notice} kind="warning">The connection is lost; trying to get it back. What is shown may be old.<//>`}
    ${state === "over" && html`<${Over} id=${id} timeline=${timeline} />`}
    <section class="card" aria-label="Timeline">
      <${TimelineView} timeline=${timeline} revision=${revision} follow=${true} />
    </section>
    <div class="columns">
      <div>
        <section class="card">
          <h2>Transcript</h2>
          <${Transcript} timeline=${timeline} revision=${revision} />
        </section>
        <${Turns} timeline=${timeline} revision=${revision} />
      </div>
      <div>
        ${timeline.live && html`<${Part} id=${id} timeline=${timeline} away=${state === "away"} changed=${changed} />`}
        <${Troubles} timeline=${timeline} revision=${revision} />
        <${Kept} kept=${timeline.kept} />
      </div>
    </div>
    <${Keys} keys=${KEYS} />
  </div>`;
}

function useEscape() {
  useEffect(() => {
    const pressed = (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || event.target.closest?.("dialog")) return;
      if (typing(event.target)) event.target.blur();
      else go("watch");
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

function Unseen({ away }) {
  if (!away) return html`<${Waiting} what="Looking for the call" />`;
  return html`<${Notice} kind="warning">The server does not tell of this call yet; asking again …<//>`;
}

function Unknown({ id }) {
  return html`<${Notice} kind="warning">
    There is no live call “${id}” here. It may be over: look for it among the${" "}
    <a href=${at("past", id)}>conversations</a>.
  <//>`;
}

function Over({ id, timeline }) {
  return html`<${Notice} action=${html`<a class="button" href=${at("past", id)}>Look back at it</a>`}>
    ${ended(timeline.departure)}
    ${timeline.outcome ? ` Outcome: ${timeline.outcome}.` : ""}
    ${" "}It lasted ${length(timeline.end - timeline.start)}.
  <//>`;
}

function Head({ id, timeline }) {
  const now = useNow(1000);
  const call = timeline.call ?? { id };
  const [word, kind] = STATES[timeline.state] ?? [timeline.state];
  const age = timeline.edge(now) - (timeline.call ? begun(timeline.call) : timeline.start);
  return html`<header class="watch-head">
    <div class="row">
      <h1>${who(call)}</h1>
      <${Badge} kind=${kind}>${word}<//>
    </div>
    <dl class="watch-facts">
      <${Fact} name="Line">${[call.line, way(call)].filter(Boolean).join(", ")}<//>
      <${Fact} name="Persona">${call.persona ?? "–"}<//>
      ${Object.entries(timeline.providers).map(
        ([stage, provider]) => html`<${Fact} key=${stage} name=${STAGES[stage] ?? stage}>${provider}<//>`,
      )}
      <${Fact} name="Call"><span class="mono">${id}</span><//>
      <${Fact} name="Age">${length(Math.max(0, age))}<//>
      <${Fact} name="Voice to voice">${milliseconds(timeline.latency ?? call.latency_ms)}<//>
      ${call.answered_by && html`<${Fact} name="Answered by">${call.answered_by}<//>`}
      ${call.node && html`<${Fact} name="Server">${call.node}<//>`}
    </dl>
  </header>`;
}

function Fact({ name, children }) {
  return html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
}

const Troubles = steady(function Troubles({ timeline }) {
  const { trouble } = timeline;
  return html`<section class="card">
    <h2>Trouble</h2>
    ${trouble.length === 0 && html`<p class="hint">None so far.</p>`}
    ${trouble.length > 0 &&
    html`<ul class="watch-trouble">
      ${trouble.map(
        ({ at, text }) => html`<li key=${`${at} ${text}`}><span class="hint">${timeOfDay(at)}</span> ${text}</li>`,
      )}
    </ul>`}
  </section>`;
});

const Turns = steady(function Turns({ timeline: { turns } }) {
  const newest = turns.at(-1)?.number;
  return html`<section class="card">
    <h2>How quick it was</h2>
    ${turns.length === 0 && html`<p class="hint">The caller has not said anything yet.</p>`}
    ${turns
      .slice()
      .reverse()
      .map(
        ({ number, text, metrics }) =>
          html`<${Turn} key=${number} ...${{ number, text, metrics }} newest=${number === newest} />`,
      )}
  </section>`;
});

/** Open is the newest, and what somebody opens. */
const Turn = steady(function Turn({ number, text, metrics, newest }) {
  const [open, setOpen] = useState(newest);
  useEffect(() => setOpen(newest), [newest]);
  return html`<details class="watch-turn" open=${open} onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>
      <span>Turn ${number}</span> <q>${text}</q>
      <strong>${metrics ? milliseconds(voiceToVoice(metrics)) : ""}</strong>
    </summary>
    ${open && html`<${Waterfall} turn=${{ number, metrics }} />`}
  </details>`;
});

function Kept({ kept }) {
  const facts = Object.entries(kept);
  if (!facts.length) return null;
  return html`<section class="card">
    <h2>Facts kept</h2>
    <table>
      <tbody>
        ${facts.map(
          ([name, value]) => html`<tr key=${name}><th scope="row">${name}</th><td>${written(value)}</td></tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

function written(value) {
  if (Array.isArray(value)) return value.map(written).join("; ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
