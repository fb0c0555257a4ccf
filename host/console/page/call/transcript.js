// The conversation as it grows.

import { html, useEffect, useRef } from "../vendor/htm-preact-3.1.1.js";

const WHO = { caller: "You", agent: "Agent" };

/**
 * `entries`: see conversation.js. `partial`: what is being recognised; `saying`: what the agent is saying. Those
 * change all the time and are not read out.
 */
export function Transcript({ entries, partial = "", saying = "", empty }) {
  const list = useRef(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current) list.current.scrollTop = list.current.scrollHeight;
  }, [entries, partial, saying]);
  const scrolled = ({ target }) => {
    follows.current = target.scrollHeight - target.scrollTop - target.clientHeight < 40;
  };
  return html`<div class="transcript" role="group" aria-label="Conversation" tabindex="0" ref=${list} onScroll=${scrolled}>
    <div role="log">
      ${!entries.length && !partial && !saying && html`<p class="hint">${empty}</p>`}
      <ol>${entries.map((entry) => html`<${Entry} key=${entry.key} ...${entry} />`)}</ol>
    </div>
    <ol>
      ${partial && html`<${Now} who="caller" text=${partial} />`}
      ${saying && html`<${Now} who="agent" text=${saying} />`}
    </ol>
  </div>`;
}

function Now({ who, text }) {
  return html`<li class="${who} now"><b>${WHO[who]}</b><p>${text} <span class="hint">…</span></p></li>`;
}

function Entry({ who, text, heard, state }) {
  if (who === "note") return html`<li class="note"><p>${text}</p></li>`;
  return html`<li class=${who} data-state=${state}>
    <b>${WHO[who]}</b>
    <${Text} text=${text} heard=${heard} state=${state} />
  </li>`;
}

function Text({ text, heard, state }) {
  if (state === "unheard") {
    return html`<p><s>${text}</s> <span class="hint">nothing of it was heard</span></p>`;
  }
  if (state !== "interrupted") {
    return html`<p>
      ${text} ${state === "sent" && html`<span class="hint">sent</span>`}
    </p>`;
  }
  const rest = text.startsWith(heard) ? text.slice(heard.length) : "";
  return html`<p>
    ${heard}<s>${rest}</s> <span class="hint">interrupted; ${rest ? "what is struck out was not heard" : "this was heard"}</span>
  </p>`;
}
