// The list of conversations, or of the claims in them, with what it is searched by.

import { Problem, Nothing, Waiting, Action } from "../ui.js";
import { address, exportPath, fromAddress } from "./query.js";
import { html } from "../vendor/htm-preact-3.1.1.js";
import { save } from "../api.js";
import { ClaimRows, ConversationRows } from "./rows.js";
import { Search } from "./search.js";
import { useCurrency } from "./currency.js";
import { usePages } from "./pages.js";
import { count } from "../words.js";

/** `query`: of the page's address (URLSearchParams). */
export function List({ query }) {
  const filters = fromAddress(query);
  const claims = query.get("show") === "claims";
  const currency = useCurrency();
  const pages = usePages(filters, claims);
  return html`
    <div class="row apart past-head">
      <h1>${claims ? "Claims" : "Conversations"}</h1>
      <div class="row" role="group" aria-label="What is shown">
        <${Tab} here=${!claims} href=${address(filters, false)}>Conversations<//>
        <${Tab} here=${claims} href=${address(filters, true)}>Claims<//>
      </div>
    </div>
    <${Search} key=${JSON.stringify(filters)} filters=${filters} claims=${claims} rows=${pages.rows ?? []} />
    <${Found} ...${pages} filters=${filters} claims=${claims} currency=${currency} />
  `;
}

function Tab({ here, href, children }) {
  return html`<a class="past-tab" href=${href} aria-current=${here ? "page" : undefined}>${children}</a>`;
}

function Found({ rows, next, incomplete, error, busy, more, again, filters, claims, currency }) {
  if (!rows) return error ? html`<${Problem} error=${error} again=${again} />` : html`<${Waiting} />`;
  const Rows = claims ? ClaimRows : ConversationRows;
  return html`
    <${Problem} error=${error} again=${again} />
    <section class="card" aria-label="Found">
      <div class="row apart">
        <p class="hint" role="status">${told(rows.length, next)}${incomplete && INCOMPLETE}</p>
        <div class="row">
          <button type="button" onClick=${again} disabled=${busy}>Refresh</button>
          <${Export} filters=${filters} claims=${claims} kind="csv" what="CSV" />
          <${Export} filters=${filters} claims=${claims} kind="jsonl" what="JSON lines" />
        </div>
      </div>
      ${rows.length
        ? html`<${Rows} rows=${rows} currency=${currency} />`
        : html`<${None} filters=${filters} claims=${claims} />`}
      ${next &&
      html`<div class="past-more">
        <button type="button" onClick=${more} disabled=${busy} aria-busy=${busy}>
          More
        </button>
      </div>`}
    </section>
  `;
}

const INCOMPLETE =
  ". More may hold these words: only those that said them last were looked at. Search a shorter time to find them.";

function told(rows, next) {
  return `${count(rows)} conversation${rows === 1 ? "" : "s"}${next ? "; there are more" : ""}`;
}

function Export({ filters, claims, kind, what }) {
  return html`<${Action}
    title="All conversations that are searched for, in one file"
    onClick=${() => save(exportPath(filters, kind, claims), `conversations.${kind}`)}
  >
    Save as ${what}
  <//>`;
}

function None({ filters, claims }) {
  if (Object.keys(filters).length) {
    return html`<${Nothing} title="Nothing found">Search for less, or <a href=${address({}, claims)}>for everything</a>.<//>`;
  }
  if (claims) {
    return html`<${Nothing} title="No claims">
      Conversations in which a persona keeps a <code>claim_id</code> stand here.
    <//>`;
  }
  return html`<${Nothing} title="No conversations yet">
    <a href="#/call">Call the agent</a>, and the conversation is kept here.
  <//>`;
}
