// The pieces that all views are made of.

import { Component, html, useEffect, useRef, useState } from "./vendor/htm-preact-3.1.1.js";

/** A sentence that has to be seen. `kind`: info, good, warning, bad. Read out when it appears. */
export function Notice({ kind = "info", children, action }) {
  const urgent = kind === "bad" || kind === "warning";
  return html`<div class="notice ${kind}" role=${urgent ? "alert" : "status"}>
    <div>${children}</div>
    ${action}
  </div>`;
}

/** Why something could not be had; nothing where `error` is nothing. */
export function Problem({ error, again }) {
  if (!error) return null;
  const action = again && html`<button type="button" onClick=${again}>Try again</button>`;
  return html`<${Notice} kind="bad" action=${action}>${error.message}<//>`;
}

/** A label with what belongs to it: `children` is the control, which gets the label's id by `for`. */
export function Field({ label, hint, id, children }) {
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
  </div>`;
}

/** One of several: `options` are `{value, label, disabled}`. */
export function Select({ id, label, hint, value, options, onChange, disabled }) {
  return html`<${Field} id=${id} label=${label} hint=${hint}>
    <select
      id=${id}
      disabled=${disabled}
      aria-describedby=${hint ? `${id}-hint` : undefined}
      onChange=${(event) => onChange(event.target.value)}
    >
      ${options.map(
        (option) =>
          html`<option value=${option.value} selected=${option.value === value} disabled=${option.disabled}>
            ${option.label}
          </option>`,
      )}
    </select>
  <//>`;
}

/** A word with a colour, for a state. `kind`: neutral, good, busy, warning, bad. */
export function Badge({ kind = "neutral", children, title }) {
  return html`<span class="badge ${kind}" title=${title}>${children}</span>`;
}

/**
 * A button that does something which takes a while: it cannot be pressed twice, and says why it did not
 * work. `onClick` may be async; `confirm`: a question that is asked before.
 */
export function Action({ onClick, children, kind = "", confirm, disabled, title }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(undefined);
  const there = useRef(true);
  useEffect(() => () => void (there.current = false), []);
  const press = async () => {
    if (confirm && !window.confirm(confirm)) return;
    setBusy(true);
    setError(undefined);
    try {
      await onClick();
    } catch (wrong) {
      if (there.current) setError(wrong);
    }
    if (there.current) setBusy(false);
  };
  return html`<span class="action">
    <button type="button" class=${kind} disabled=${disabled || busy} aria-busy=${busy} title=${title} onClick=${press}>
      ${children}
    </button>
    ${error && html`<span class="wrong" role="alert">${error.message}</span>`}
  </span>`;
}

/**
 * A dialog over the page: Escape and the backdrop close it, the focus stays in it and returns afterwards.
 */
export function Dialog({ title, onClose, children }) {
  const element = useRef(null);
  useEffect(() => {
    const dialog = element.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return html`<dialog
    ref=${element}
    aria-labelledby="dialog-title"
    onCancel=${(event) => {
      event.preventDefault();
      onClose();
    }}
    onClick=${(event) => event.target === element.current && onClose()}
  >
    <div class="dialog">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick=${onClose}>✕</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** Something that is being asked for. */
export function Waiting({ what = "Loading" }) {
  return html`<p class="waiting" role="status">${what} …</p>`;
}

/** Where there is nothing, and what would bring something. */
export function Nothing({ title, children }) {
  return html`<div class="nothing">
    <h2>${title}</h2>
    <p>${children}</p>
  </div>`;
}

/** A number with its name, for the head of a view. */
export function Figure({ label, value, hint, kind = "" }) {
  return html`<div class="figure ${kind}">
    <dt>${label}</dt>
    <dd>${value}</dd>
    ${hint && html`<dd class="hint">${hint}</dd>`}
  </div>`;
}

/** The same view, made again only when one of its props is another; of an object that changes, a prop must tell. */
export function steady(View) {
  return class extends Component {
    shouldComponentUpdate(next) {
      return Object.keys(next).some((name) => next[name] !== this.props[name]);
    }

    render(props) {
      return html`<${View} ...${props} />`;
    }
  };
}
