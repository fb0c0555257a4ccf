// Conversations that were kept: the list of them, or one.

import { Conversation } from "./conversation.js";
import { List } from "./list.js";
import { html } from "../vendor/htm-preact-3.1.1.js";

/** The view "past": `#/past?…` is the list, `#/past/ID` a conversation. */
export function Past({ rest, query }) {
  const [id] = rest;
  return id ? html`<${Conversation} key=${id} id=${id} />` : html`<${List} query=${query} />`;
}
