// Before a call: what it is held with.

import { AS_ROUTED, about, lineOf, nobodyRecognises, options, wanted } from "./options.js";
import { Action, Notice, Problem, Select, Waiting } from "../ui.js";
import { STAGES } from "../naming.js";
import { browserRecognises } from "./recogniser.js";
import { call, comeBack } from "./current.js";
import { canSpeak } from "./voices.js";
import { get } from "../api.js";
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { left } from "./kept.js";
import { useAccess } from "../access.js";
import { useData } from "../hooks.js";

const LINES = {
  stream: {
    title: "Sound",
    hint: "You talk and listen as on a telephone. The page sends sound as Twilio's Media Streams do (stream).",
  },
  relay: {
    title: "Words",
    hint:
      "You type and read, as if Twilio recognised and spoke. " +
      "The page sends words as Twilio's ConversationRelay does (relay).",
  },
};

// as chosen last, until the page is loaded anew
let last = { chosen: AS_ROUTED, settings: {} };

export function Before({ exact }) {
  const { data: choices, error, again } = useData((signal) => get("/console/choices", {}, signal));
  if (!choices) return error ? html`<${Problem} error=${error} again=${again} />` : html`<${Waiting} />`;
  return html`<${Return} /><${Choosing} choices=${choices} exact=${exact} />`;
}

/** The offer to come back into a call that a reload has cut off, as long as it waits. */
function Return() {
  const [kept, setKept] = useState(() => left(Date.now()));
  useEffect(() => {
    if (!kept) return undefined;
    const timer = setTimeout(() => setKept(undefined), kept.until - Date.now());
    return () => clearTimeout(timer);
  }, [kept]);
  if (!kept) return null;
  const button = html`<${Action} kind="primary" onClick=${() => comeBack(kept)}>Return to the call<//>`;
  return html`<${Notice} kind="warning" action=${button}>
    You left a call. It waits for you for a few seconds.
  <//>`;
}

function Choosing({ choices, exact }) {
  const [chosen, setChosen] = useState(() => stillThere(choices, last.chosen));
  const [settings, setSettings] = useState({
    usesMicrophone: true,
    cleaned: !exact,
    ownRecogniser: false,
    speaks: false,
    ...last.settings,
  });
  const { may } = useAccess();
  const button = useRef(null);
  // Enter calls, where nothing else has the focus or is more urgent
  useEffect(() => {
    if (document.activeElement === document.body && !left(Date.now())) button.current.focus();
  }, []);
  const choose = (kind) => (value) => setChosen({ ...chosen, [kind]: value });
  const change = (name) => (value) => setSettings({ ...settings, [name]: value });
  const line = lineOf(choices, chosen);
  const nobody = nobodyRecognises(choices, chosen);
  const place = (event) => {
    event.preventDefault();
    last = { chosen, settings };
    const language = chosen.language.trim() || choices.route.language;
    const ownRecogniser = settings.ownRecogniser && nobody && browserRecognises;
    call(wanted(choices, chosen), { ...settings, ownRecogniser, language, follows: may("read") });
  };
  return html`<form class="card call-before" onSubmit=${place}>
    <h1>Call the agent</h1>
    <p class="row">
      <button type="submit" class="primary big" id="call" ref=${button}>Call</button>
      <span class="hint">No telephone is needed: this page is one. You can type in place of speaking.</span>
    </p>
    <${Lines} lines=${choices.lines} line=${line} onChange=${choose("line")} />
    <div class="call-choices">
      <${Choice} kind="persona" label=${STAGES.persona} ...${{ choices, chosen, choose }} />
      ${line === "stream" && html`<${Choice} kind="stt" label=${STAGES.stt} ...${{ choices, chosen, choose }} />`}
      <${Choice} kind="llm" label=${STAGES.llm} ...${{ choices, chosen, choose }} />
      ${line === "stream" && html`<${Choice} kind="tts" label=${STAGES.tts} ...${{ choices, chosen, choose }} />`}
      <div class="field">
        <label for="language">Language (optional)</label>
        <input
          id="language"
          value=${chosen.language}
          placeholder=${choices.route.language}
          autocomplete="off"
          spellcheck="false"
          aria-describedby="language-hint"
          onInput=${(event) => choose("language")(event.target.value)}
        />
        <p class="hint" id="language-hint">A tag such as en-US or de-DE.</p>
      </div>
    </div>
    <${Settings} ...${{ line, nobody, settings, change }} />
  </form>`;
}

function Lines({ lines, line, onChange }) {
  return html`<fieldset class="call-lines">
    <legend>Line</legend>
    ${lines.map(
      (name) => html`<label class="option">
        <input type="radio" name="line" value=${name} checked=${name === line} onChange=${() => onChange(name)} />
        <span>${LINES[name]?.title ?? name}<span class="hint">${LINES[name]?.hint}</span></span>
      </label>`,
    )}
  </fieldset>`;
}

function Choice({ kind, label, choices, chosen, choose }) {
  const all = options(choices, kind);
  const hint = about(choices, kind, chosen[kind]);
  return html`<${Select} id=${kind} label=${label} hint=${hint} value=${chosen[kind]} options=${all} onChange=${choose(kind)} />`;
}

function Settings({ line, nobody, settings, change }) {
  return html`<div class="call-settings">
    ${line === "stream" &&
    html`<${Check} name="usesMicrophone" label="Use the microphone" ...${{ settings, change }} />
      ${settings.usesMicrophone &&
      html`<${Check}
        name="cleaned"
        label="Clean up its sound"
        hint="The browser takes out echo and noise, and evens the level."
        ...${{ settings, change }}
      />`}`}
    ${line === "stream" &&
    nobody &&
    html`<p class="hint">
      Nobody recognises speech here: type, or
      ${browserRecognises ? " have your browser recognise it" : " choose a recogniser"}. The agent answers with its
      voice.
    </p>`}
    ${nobody &&
    browserRecognises &&
    html`<${Check}
      name="ownRecogniser"
      label="Have the browser recognise what I say"
      hint="Your voice then goes to the servers of the browser's maker (in Chrome, to Google's); this server gets the words."
      ...${{ settings, change }}
    />`}
    ${line === "relay" &&
    canSpeak() &&
    html`<${Check} name="speaks" label="Have the browser speak the answers" ...${{ settings, change }} />`}
  </div>`;
}

function Check({ name, label, hint, settings, change }) {
  return html`<label class="option">
    <input
      type="checkbox"
      name=${name}
      checked=${settings[name]}
      onChange=${(event) => change(name)(event.target.checked)}
    />
    <span>${label}${hint && html`<span class="hint">${hint}</span>`}</span>
  </label>`;
}

// what was chosen for the last call, where the server still has it
function stillThere(choices, chosen) {
  const kinds = ["persona", "stt", "llm", "tts"];
  const has = (kind) => options(choices, kind).some(({ value, disabled }) => value === chosen[kind] && !disabled);
  const gone = kinds.filter((kind) => !has(kind)).map((kind) => [kind, ""]);
  return { ...chosen, ...Object.fromEntries(gone) };
}
