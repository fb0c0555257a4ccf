// Calls as they go on: all of them, and one of them.

import { List } from "./list.js";
import { Needs } from "../access.js";
import { One } from "./one.js";
import { html } from "../vendor/htm-preact-3.1.1.js";

/** `#/watch` is the list, `#/watch/ID` a call. */
export function Watch({ rest: [id] }) {
  return html`<${Needs} role="read">${id ? html`<${One} key=${id} id=${id} />` : html`<${List} />`}<//>`;
}
