// Taking part in a call: interrupting the agent, speaking through it, telling the persona something, ending the call,
// handing it to somebody.

import { Action, Field, Notice } from "../ui.js";
import { html, useState } from "../vendor/htm-preact-3.1.1.js";
import { post } from "../api.js";
import { useAccess } from "../access.js";

/** What an operator can do. `away`: nothing can be sent now; `changed()` when the timeline has got another mark. */
export function Part({ id, timeline, away, changed }) {
  const { may } = useAccess();
  if (!may("control")) {
    return html`<section class="card">
      <h2>Take part</h2>
      <${Notice}>This key may only watch: it has not the role “control”.<//>
    </section>`;
  }
  const send = (what, body) => post(`/calls/${encodeURIComponent(id)}/${what}`, body);
  // what the server does not tell among the call's events
  const mark = (text) => {
    timeline.mark(timeline.edge(Date.now()), "operator", text);
    changed();
  };
  return html`<section class="card watch-part">
    <h2>Take part</h2>
    <div class="row">
      <${Action}
        disabled=${away}
        title="The agent stops speaking at once"
        onClick=${() => send("interrupt", {})}
      >
        Interrupt the agent
      <//>
      <${Action}
        kind="danger"
        disabled=${away}
        confirm="Hang up? The caller's call ends at once."
        onClick=${async () => {
          await send("hangup", {});
          mark("You hung up.");
        }}
      >
        Hang up
      <//>
    </div>
    <${Sending}
      id="say"
      label="Say to the caller"
      hint="The agent's voice says these words."
      button="Say"
      away=${away}
      send=${async (text) => {
        await send("say", { text });
        mark(`You had this said: ${text}`);
      }}
    />
    <${Sending}
      id="whisper"
      label="Whisper to the persona"
      hint="Only the persona is told; the caller does not hear it. It is heeded from the next answer on."
      button="Whisper"
      away=${away}
      send=${(text) => send("operator", { text })}
    />
    <details>
      <summary>Transfer the caller</summary>
      <${Transfer} away=${away} send=${send} />
    </details>
  </section>`;
}

// a form that sends something once, and says why it did not
function useSending(send, done) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(undefined);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await send();
      done();
    } catch (wrong) {
      setError(wrong);
    }
    setBusy(false);
  };
  const wrong = error && html`<p class="wrong" role="alert">${error.message}</p>`;
  return { busy, submit, wrong };
}

function Sending({ id, label, hint, button, away, send }) {
  const [text, setText] = useState("");
  const { busy, submit, wrong } = useSending(() => send(text.trim()), () => setText(""));
  return html`<form onSubmit=${submit}>
    <${Field} id=${`watch-${id}`} label=${label} hint=${hint}>
      <div class="row watch-send">
        <input
          id=${`watch-${id}`}
          autocomplete="off"
          aria-describedby=${`watch-${id}-hint`}
          value=${text}
          onInput=${(event) => setText(event.target.value)}
        />
        <button type="submit" disabled=${away || busy || !text.trim()} aria-busy=${busy}>${button}</button>
      </div>
    <//>
    ${wrong}
  </form>`;
}

function Transfer({ away, send }) {
  const [to, setTo] = useState("");
  const [brief, setBrief] = useState("");
  const [warm, setWarm] = useState(false);
  const order = { to: to.trim(), warm, ...(brief.trim() && { brief: brief.trim() }) };
  const { busy, submit, wrong } = useSending(
    () => send("transfer", order),
    () => setTo(""),
  );
  return html`<form onSubmit=${submit}>
    <${Field} id="watch-to" label="To" hint="A number like +15555550123, or a name of this route’s transfers.">
      <input
        id="watch-to"
        autocomplete="off"
        aria-describedby="watch-to-hint"
        value=${to}
        onInput=${(event) => setTo(event.target.value)}
      />
    <//>
    <${Field} id="watch-brief" label="What they should know" hint="Told to whoever picks up a warm transfer.">
      <textarea
        id="watch-brief"
        rows="2"
        aria-describedby="watch-brief-hint"
        value=${brief}
        onInput=${(event) => setBrief(event.target.value)}
      ></textarea>
    <//>
    <label class="row">
      <input type="checkbox" checked=${warm} onChange=${(e) => setWarm(e.target.checked)} />
      Warm: they are called first, and the caller stays with the agent until they are there
    </label>
    <div class="row end">
      <button type="submit" disabled=${away || busy || !order.to} aria-busy=${busy}>Transfer</button>
    </div>
    ${wrong}
  </form>`;
}
