// The view "Components": what is plugged in, how it does, and exchanging it while calls run.

import { useAccess } from "../access.js";
import { get } from "../api.js";
import { useData } from "../hooks.js";
import { Nothing, Problem, Waiting } from "../ui.js";
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { ComponentCard } from "./card.js";
import { LoadingPanel, useLoading } from "./loading.js";
import { inTrouble, KINDS } from "./wording.js";

const EVERY_MS = 3000;

export function Components() {
  const { data, error, again } = useData((signal) => get("/components", {}, signal), EVERY_MS);
  const loading = useLoading(again);
  const { may } = useAccess();
  const mayLoad = may("components");
  const [choose, picker] = usePicker(loading.offer);
  const dragged = useDrop(loading.offer, mayLoad);
  const known = data?.components ?? [];
  return html`<div class="components ${dragged ? "dragged" : ""}">
    <div class="row apart">
      <h1>Components</h1>
      ${mayLoad
        ? html`<div class="row">
            <span class="hint">Drop a .wasm file here, or</span>
            <button type="button" onClick=${() => choose()}>Load a component</button>
            ${picker}
          </div>`
        : html`<p class="hint">Exchanging them needs a key with the role “components”.</p>`}
    </div>
    ${loading.state && html`<${LoadingPanel} loading=${loading} known=${known} onChoose=${choose} />`}
    <${Problem} error=${error} again=${again} />
    ${!data && !error && html`<${Waiting} />`}
    ${data && !known.length && html`<${Nothing} title="Nothing is plugged in">Load a component to begin.<//>`}
    <${Trouble} components=${known} />
    ${KINDS.map(({ kind, title }) => {
      const group = known.filter((component) => component.kind === kind);
      if (!group.length) return null;
      return html`<section key=${kind} aria-labelledby="kind-${kind}">
        <h2 id="kind-${kind}">${title}</h2>
        ${group.map(
          (component) =>
            html`<${ComponentCard}
              key=${component.id}
              component=${component}
              onSwap=${() => choose(component.id)}
              onChanged=${again}
            />`,
        )}
      </section>`;
    })}
  </div>`;
}

/** Those that are in trouble, before all others. */
function Trouble({ components }) {
  const names = components.filter(inTrouble).map(({ id }) => id);
  return html`<p role="status" class=${names.length ? "wrong" : "visually-hidden"}>
    ${names.length > 0 && `In trouble: ${names.join(", ")}.`}
  </p>`;
}

/** The browser's own dialog for a file: `choose(over)` opens it; the element belongs into the page. */
function usePicker(onFile) {
  const input = useRef(null);
  const over = useRef(undefined);
  const choose = (id) => {
    over.current = id;
    // the same file again is a choice too
    input.current.value = "";
    input.current.click();
  };
  const element = html`<input
    ref=${input}
    type="file"
    hidden
    accept=".wasm,application/wasm"
    onChange=${({ target }) => target.files[0] && onFile(target.files[0], over.current)}
  />`;
  return [choose, element];
}

/** Whether a file is held over the page; `onFile(file, id)` when it is dropped, with the component of the card below it. */
function useDrop(onFile, wanted) {
  const [dragged, setDragged] = useState(false);
  const latest = useRef(onFile);
  latest.current = onFile;
  useEffect(() => {
    if (!wanted) return undefined;
    const ending = new AbortController();
    const on = (name, then) => {
      const listener = (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        // else the browser opens the file in place of the console
        event.preventDefault();
        then(event);
      };
      addEventListener(name, listener, { signal: ending.signal });
    };
    on("dragover", () => setDragged(true));
    // it has left the window where it comes from no other element
    on("dragleave", (event) => event.relatedTarget === null && setDragged(false));
    on("drop", ({ dataTransfer, target }) => {
      setDragged(false);
      const [file] = dataTransfer.files;
      if (file) latest.current(file, target.closest?.("[data-component]")?.dataset.component);
    });
    return () => ending.abort();
  }, [wanted]);
  return dragged;
}
