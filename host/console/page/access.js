// Who may do what here: what the server says of our key, and the dialog that asks for another.

import { currentKey, get, useKey } from "./api.js";
import { createContext, html, useContext, useState } from "./vendor/htm-preact-3.1.1.js";
import { Dialog, Field, Notice } from "./ui.js";

/** What the key may do: `{roles: Set, may(role)}`. */
export const Access = createContext({ roles: new Set(), may: () => false });

/** Asks the server; throws where it does not answer us at all. */
export async function askAccess(signal) {
  const { roles } = await get("/access", {}, signal);
  const set = new Set(roles);
  return { roles: set, may: (role) => set.has(role) };
}

/** What the key may do. Roles: read, control, call, components. */
export function useAccess() {
  return useContext(Access);
}

/** Shows its children to those who have this role, and to others why they see nothing. */
export function Needs({ role, children, quiet }) {
  const { may } = useAccess();
  if (may(role)) return children;
  return quiet ? null : html`<${Notice}>This key may not do that: it has not the role “${role}”.<//>`;
}

/** Asks for a key. It is kept by this tab, and goes nowhere but to this server. */
export function KeyDialog({ why, onClose, onKey }) {
  const [typed, setTyped] = useState(currentKey());
  // what else a browser would send as bytes that no key has
  const isKey = /^[\x20-\x7e]*$/.test(typed.trim());
  const send = (event) => {
    event.preventDefault();
    if (!isKey) return;
    useKey(typed);
    onKey();
  };
  return html`<${Dialog} title="Key" onClose=${onClose}>
    <form onSubmit=${send}>
      ${why && html`<${Notice} kind="warning">${why}<//>`}
      <p>
        A key of this server (<code>CORDBOARD_API_KEY</code>, or one with a single role). It is kept in this tab
        until you close it.
      </p>
      <${Field} id="key" label="Key">
        <input id="key" type="password" autocomplete="off" value=${typed} onInput=${(e) => setTyped(e.target.value)} />
      <//>
      ${!isKey && html`<${Notice} kind="warning">A key has letters, digits and signs as in English only.<//>`}
      <div class="row end">
        ${currentKey() && html`<button type="button" onClick=${() => { useKey(""); onKey(); }}>Forget it</button>`}
        <button type="submit" class="primary">Use it</button>
      </div>
    </form>
  <//>`;
}
