// One conversation: heard again, read, and what is known of it.

import { Action, Notice, Problem, Waiting } from "../ui.js";
import { Claim, Events, Head, Kept, Metrics, Usage } from "./facts.js";
import { Player, usePlayer } from "./player.js";
import { Timeline } from "../timeline/model.js";
import { TimelineView } from "../timeline/view.js";
import { Transcript } from "./transcript.js";
import { Waterfall } from "../timeline/waterfall.js";
import { at, go, useData } from "../hooks.js";
import { forgetShown, listAddress } from "./pages.js";
import { get, remove } from "../api.js";
import { html, useMemo, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { moment } from "../words.js";
import { spoken } from "./spoken.js";
import { useAccess } from "../access.js";
import { useCurrency } from "./currency.js";
import { useRecording } from "./recording.js";

/** What goes on is asked for again so often, in milliseconds. */
const GOES_ON_EVERY = 5000;

/** `id`: of the conversation, or of its call, or a claim's number. */
export function Conversation({ id }) {
  const { data: record, error, again } = useRecord(id);
  return html`
    <p><a href=${listAddress()}>← All conversations</a></p>
    <${Problem} error=${error} again=${again} />
    ${record ? html`<${Whole} record=${record} />` : !error && html`<${Waiting} />`}
  `;
}

/** What is kept of it; what is over does not change any more. */
function useRecord(id) {
  const over = useRef(undefined);
  const load = async (signal) => {
    if (over.current) return over.current;
    const record = await get(`/conversations/${encodeURIComponent(id)}`, {}, signal);
    if (record.conversation.departure) over.current = record;
    return record;
  };
  return useData(load, GOES_ON_EVERY);
}

function Whole({ record }) {
  const { conversation, events, metrics } = record;
  const [asked, setAsked] = useState(0);
  const recording = useRecording(record, asked);
  const player = usePlayer();
  const currency = useCurrency();
  const { levels } = recording;
  const lines = useMemo(() => spoken({ ...record, levels }), [record, levels]);
  const timeline = useMemo(() => drawn({ ...record, levels }), [record, levels]);
  const durationMs = conversation.duration_ms ?? recording.durationMs;
  return html`
    <div class="row apart past-head">
      <h1>Conversation of ${moment(conversation.created_at)}</h1>
      <${Forget} conversation=${conversation} />
    </div>
    ${!conversation.departure && html`<${GoesOn} conversation=${conversation} onMore=${() => setAsked(asked + 1)} />`}
    <section class="card" aria-label="Facts">
      <${Head} conversation=${conversation} durationMs=${durationMs} currency=${currency} />
    </section>
    <section class="card" aria-labelledby="past-heard">
      <h2 id="past-heard">Recording and timeline</h2>
      <${Heard} recording=${recording} player=${player} name="${conversation.call_sid ?? conversation.id}.wav" />
      <${TimelineView} timeline=${timeline} revision=${0} position=${player.position} onSeek=${player.seek} />
    </section>
    <div class="columns">
      <section class="card past-said" aria-labelledby="past-said">
        <h2 id="past-said">What was said</h2>
        ${lines.length
          ? html`<${Transcript} lines=${lines} position=${player.position} onSeek=${player.seek} />`
          : html`<p class="hint">Nothing that was said is kept, or nothing was said.</p>`}
      </section>
      <div>
        <${Turns} timeline=${timeline} lines=${lines} position=${player.position} />
        <${Claim} conversation=${conversation} />
        <${Kept} conversation=${conversation} />
        <${Metrics} metrics=${metrics} />
        <${Usage} usage=${conversation.usage} cost=${conversation.cost} currency=${currency} />
      </div>
    </div>
    <${Events} events=${events} created=${conversation.created_at} onSeek=${player.seek} />
  `;
}

function drawn(record) {
  const timeline = Timeline.fromRecord(record);
  if (record.levels) timeline.addWaveform(record.levels, timeline.start);
  return timeline;
}

function Heard({ recording, player, name }) {
  const { url, error, busy } = recording;
  if (url) return html`<${Player} url=${url} player=${player} name=${name} />`;
  if (error) return html`<p class="hint past-silent">${error.message}</p>`;
  return busy ? html`<p class="hint" role="status">Fetching the recording …</p>` : null;
}

function GoesOn({ conversation, onMore }) {
  return html`<${Notice} action=${html`<button type="button" onClick=${onMore}>Fetch the recording as far as it is</button>`}>
    This conversation goes on. <a href=${at("watch", conversation.call_sid ?? conversation.id)}>Watch it live</a>
  <//>`;
}

/** How the turns went, one at a time: the one that is being played, or that somebody chose. */
function Turns({ timeline, lines, position }) {
  const [chosen, setChosen] = useState(undefined);
  const { turns } = timeline;
  if (!turns.length) return null;
  const begun = position === undefined ? [] : lines.filter(({ startMs }) => startMs <= position);
  const played = turns.find(({ number }) => number === begun.at(-1)?.turn);
  const turn = turns.find(({ number }) => number === chosen) ?? played ?? turns.find(({ metrics }) => metrics) ?? turns[0];
  return html`<section class="card" aria-labelledby="past-turns">
    <div class="row apart">
      <h2 id="past-turns">From the caller's last sound to the answer</h2>
      <label class="row">
        Turn
        <select onChange=${({ target }) => setChosen(target.value === "" ? undefined : Number(target.value))}>
          <option value="" selected=${chosen === undefined}>as played</option>
          ${turns.map(
            ({ number }) => html`<option value=${number} selected=${number === chosen}>${number}</option>`,
          )}
        </select>
      </label>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label="Times of turn ${turn.number}">
      <${Waterfall} turn=${turn} />
    </div>
  </section>`;
}

function Forget({ conversation }) {
  const { may } = useAccess();
  if (!may("control")) return null;
  const goesOn = !conversation.departure;
  const forget = async () => {
    await remove(`/conversations/${encodeURIComponent(conversation.id)}`);
    forgetShown();
    go("past");
  };
  return html`<${Action}
    kind="danger"
    disabled=${goesOn}
    title=${goesOn ? "It goes on; it can be forgotten when it is over" : ""}
    confirm="Forget this conversation, with its recording and all that was said? It cannot be brought back."
    onClick=${forget}
  >
    Forget this conversation
  <//>`;
}
