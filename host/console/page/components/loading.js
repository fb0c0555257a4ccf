// Loading a component from a file: what is being loaded, how far it has come, and the panel that shows it.

import { upload } from "../api.js";
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { Notice } from "../ui.js";
import { bytes, sentence } from "../words.js";
import { manifestOf } from "./wasm.js";
import { destination, forWhom, loaded } from "./wording.js";

// the server takes no more
const LONGEST_MIB = 64;
const RUNNING = ["sending", "trial"];

/**
 * One file at a time: `{state, choice, setChoice, offer(file, over), send(), close()}`. `over` is the id of the
 * component on which the file was dropped, or that was to be swapped. `onChanged` is called when the server has
 * answered. The stages of `state`: reading, unfit, chosen, sending, trial, done, refused.
 */
export function useLoading(onChanged) {
  const [state, setState] = useState(null);
  const [choice, setChoice] = useState({ whom: "all", share: "10", numbers: "" });
  const update = (more) => setState((state) => ({ ...state, ...more }));

  const offer = async (file, over) => {
    // one at a time: what is on its way can no longer be called back
    if (RUNNING.includes(state?.stage)) return;
    setChoice((choice) => ({ ...choice, whom: "all" }));
    setState({ stage: "reading", file, over });
    try {
      update({ stage: "chosen", manifest: manifestOf(await contents(file)) });
    } catch (error) {
      update({ stage: "unfit", wrong: error.message });
    }
  };

  const send = async () => {
    const { path, wrong } = destination(state.manifest.id, choice);
    if (wrong) return update({ wrong });
    const whom = forWhom(choice);
    update({ stage: "sending", progress: 0, wrong: undefined, whom });
    const onProgress = (progress) => update({ progress, stage: progress < 1 ? "sending" : "trial" });
    try {
      update({ stage: "done", done: await upload(path, state.file, "application/wasm", onProgress) });
    } catch (error) {
      update({ stage: "refused", error });
    }
    onChanged();
  };

  return { state, choice, setChoice, offer, send, close: () => setState(null) };
}

async function contents(file) {
  if (file.size > LONGEST_MIB << 20) {
    throw new Error(`It is larger than ${LONGEST_MIB} MiB, the most a component may have.`);
  }
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error("It cannot be read. Choose it again.");
  }
}

/** What is being loaded. `known`: the components that are plugged in. */
export function LoadingPanel({ loading, known, onChoose }) {
  const { state, close } = loading;
  const title = useRef(null);
  // also when another file is chosen while the panel is open
  useEffect(() => title.current.focus(), [state.file]);
  const { manifest, file, stage } = state;
  return html`<section class="card loading" aria-labelledby="loading-title">
    <h2 id="loading-title" tabindex="-1" ref=${title}>
      ${manifest ? `Load ${manifest.id} ${manifest.version}` : `Load ${file.name}`}
    </h2>
    <p class="hint">${file.name}, ${bytes(file.size)}</p>
    ${stage === "unfit" && html`<${Notice} kind="bad">${state.wrong} Nothing has been sent.<//>`}
    ${stage === "chosen" && html`<${Choosing} loading=${loading} known=${known} />`}
    <${Running} stage=${stage} progress=${state.progress} />
    ${stage === "done" && html`<${Notice} kind="good">${loaded(state.done, state.whom)}<//>`}
    ${stage === "refused" && html`<${NotLoaded} error=${state.error} />`}
    ${["unfit", "chosen", "done", "refused"].includes(stage) &&
    html`<div class="row">
      ${stage === "chosen" &&
      html`<button type="button" class="primary" onClick=${loading.send}>
        Load it ${forWhomShort(loading.choice)}
      </button>`}
      <button type="button" onClick=${() => onChoose(state.over)}>Choose another file</button>
      <button type="button" onClick=${close}>${stage === "chosen" ? "Cancel" : "Close"}</button>
    </div>`}
  </section>`;
}

function forWhomShort({ whom }) {
  return whom === "all" ? "for all calls" : "for some calls";
}

/** A refusal changes nothing; where the answer is missing, nobody can say so. */
function NotLoaded({ error }) {
  const known = error.status >= 400 && error.status < 500;
  return html`<${Notice} kind="bad">
    ${sentence(error.message)}${" "}
    ${known ? "Nothing has changed." : "Look below at what is plugged in: it may have been loaded all the same."}
  <//>`;
}

function Choosing({ loading, known }) {
  const { state } = loading;
  const { manifest, over } = state;
  const there = known.find(({ id }) => id === manifest.id);
  return html`
    ${manifest.about && html`<p>${sentence(manifest.about)}</p>`}
    ${over &&
    over !== manifest.id &&
    html`<${Notice} kind="warning">This file is ${manifest.id}, not ${over}. ${over} stays as it is.<//>`}
    <p>
      ${there
        ? html`It takes the place of ${there.version} (<code>${there.hash}</code>).`
        : html`${manifest.id} is not plugged in yet: it is added.`}
    </p>
    ${there?.uses.length > 0 && html`<${ForWhom} loading=${loading} />`}
  `;
}

function ForWhom({ loading }) {
  const { state, choice, setChoice } = loading;
  const set = (more) => setChoice({ ...choice, ...more });
  const described = state.wrong ? "loading-wrong" : undefined;
  const option = (whom, label) => html`<label class="option">
    <input type="radio" name="whom" value=${whom} checked=${choice.whom === whom} onChange=${() => set({ whom })} />
    ${label}
  </label>`;
  return html`<fieldset>
    <legend>Which calls get it</legend>
    ${option("all", "All calls")}
    ${option("share", "A share of the calls, as a trial")}
    ${choice.whom === "share" &&
    html`<div class="field given">
      <label for="loading-share">Share in percent</label>
      <input
        id="loading-share"
        type="number"
        min="1"
        max="99"
        step="1"
        aria-describedby=${described}
        value=${choice.share}
        onInput=${(event) => set({ share: event.target.value })}
      />
    </div>`}
    ${option("numbers", "Calls from or to certain numbers, as a trial")}
    ${choice.whom === "numbers" &&
    html`<div class="field given">
      <label for="loading-numbers">Numbers, with commas between them</label>
      <input
        id="loading-numbers"
        type="text"
        inputmode="tel"
        autocomplete="off"
        placeholder="+15555550101"
        aria-describedby=${described}
        value=${choice.numbers}
        onInput=${(event) => set({ numbers: event.target.value })}
      />
    </div>`}
    ${state.wrong && html`<p class="wrong" id="loading-wrong" role="alert">${state.wrong}</p>`}
  </fieldset>`;
}

const STAGES = {
  reading: "Reading the file …",
  sending: "Sending it …",
  trial: "It is being compiled, checked and opened on trial …",
};

function Running({ stage, progress }) {
  const words = STAGES[stage];
  return html`<div class="running">
    <p role="status">${words}</p>
    ${stage === "sending" &&
    html`<progress aria-label="Sent" max="1" value=${progress}></progress>
      <span>${Math.round(progress * 100)} %</span>`}
    ${stage === "trial" && html`<progress aria-label="On trial"></progress>`}
  </div>`;
}
