// The view "Call": a telephone in the page. What is shown is the call that goes on, whenever it began.
//
// The view's element tells its state by attributes, also for tests in a browser: `data-state` (the phase of
// current.js), `data-microphone`, `data-line`, `data-call-id`, and ten times a second `data-agent-level`, 0 to
// 100, of what is really playing.

import { Before } from "./before.js";
import { During } from "./during.js";
import { Needs, useAccess } from "../access.js";
import { Notice } from "../ui.js";
import { Transcript } from "./transcript.js";
import { at } from "../hooks.js";
import { current, dismiss, watch } from "./current.js";
import { html, useCallback, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { ended, ending } from "../naming.js";
import { length, sentence } from "../words.js";

// to the caller themselves
const YOURS = { caller: "You hung up.", transferred: "You were put through to somebody." };

const WHYS = {
  caller: () => YOURS.caller,
  closed: ({ departure }) => (departure ? YOURS[departure] ?? ended(departure) : "The server ended the call."),
  refused: ({ reason }) => sentence(`The call could not be placed: ${reason}`),
  gone: ({ reason }) => sentence(`The connection was lost, and the call is over: ${reason}`),
  lost: () => "The connection was lost, and could not be had back within ten seconds.",
};

export function Call({ query }) {
  const [call, setCall] = useState(current());
  useEffect(() => {
    setCall(current());
    return watch(setCall);
  }, []);
  const element = useRef(null);
  const showLevel = useCallback((level) => element.current?.setAttribute("data-agent-level", level), []);
  const { phase, microphone, line, id } = call;
  return html`<section
    class="call"
    ref=${element}
    data-state=${phase}
    data-microphone=${microphone.state}
    data-line=${line}
    data-call-id=${id}
    data-agent-level="0"
  >
    <${Needs} role="call">
      ${phase === "none" && html`<${Before} exact=${query.has("exact")} />`}
      ${phase === "over" && html`<${After} ...${call} />`}
      ${phase !== "none" && phase !== "over" && html`<${During} call=${call} onAgentLevel=${showLevel} />`}
    <//>
  </section>`;
}

function After({ id, began, over, conversation }) {
  const { may } = useAccess();
  // whoever is typing as the call ends presses nothing by that
  const heading = useRef(null);
  useEffect(() => heading.current.focus(), []);
  return html`<div class="card call-after">
    <h1 tabindex="-1" ref=${heading}>The call is over</h1>
    <${Notice} kind=${kindOf(over)}>${WHYS[over.why](over)}${began > 0 && ` It took ${length(over.at - began)}.`}<//>
    <p class="row">
      <button type="button" class="primary" onClick=${dismiss}>Call again</button>
      ${began > 0 && may("read") && html`<a href=${at("past", id)}>Look back at it</a>`}
    </p>
    ${conversation.length > 0 && html`<${Transcript} entries=${conversation} />`}
  </div>`;
}

function kindOf({ why, departure }) {
  if (why !== "caller" && why !== "closed") return "bad";
  return ending(departure).kind === "bad" ? "bad" : "info";
}
