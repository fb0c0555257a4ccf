// During a call: its state, both meters, what was said, and all that the caller can do.

import { Action, Badge, Notice } from "../ui.js";
import { Keypad } from "./keypad.js";
import { Meter } from "./meter.js";
import { Transcript } from "./transcript.js";
import { at, useNow } from "../hooks.js";
import { goOnWithout, hangUp, levels, mute, press, say, unblock, useMicrophone } from "./current.js";
import { html, useEffect, useRef, useState } from "../vendor/htm-preact-3.1.1.js";
import { length } from "../words.js";
import { useAccess } from "../access.js";

const PHASES = {
  connecting: { words: "Connecting …", kind: "busy" },
  listening: { words: "The agent listens", kind: "good" },
  thinking: { words: "The agent thinks", kind: "busy" },
  speaking: { words: "The agent speaks", kind: "busy" },
  lost: { words: "Connection lost, returning …", kind: "bad" },
};

const callerLevel = () => levels().caller;
const agentLevel = () => levels().agent;

export function During({ call, onAgentLevel }) {
  const { phase, line, conversation, partial, saying } = call;
  const isOpen = phase !== "connecting" && phase !== "lost";
  return html`
    <h1 class="visually-hidden">Your call</h1>
    <${Head} ...${call} />
    <${Notices} ...${call} />
    <div class="call-columns">
      <div class="card call-talk">
        <${Transcript} entries=${conversation} ...${{ partial, saying }} empty="What you and the agent say appears here." />
        <${Typing} isOpen=${isOpen} />
      </div>
      <div class="call-side">
        ${line === "stream" &&
        html`<div class="card">
          <h2>Levels</h2>
          <${Meter} id="caller-level" label="Microphone" who="caller" level=${callerLevel} />
          <${Meter} id="agent-level" label="Agent" who="agent" level=${agentLevel} onLevel=${onAgentLevel} />
        </div>`}
        <div class="card">
          <h2>Keypad</h2>
          <${Keypad} onPress=${press} disabled=${!isOpen} />
          <p class="hint">The keys of your keyboard work too, while one of these has the focus.</p>
        </div>
      </div>
    </div>
  `;
}

function Head({ id, phase, began, line, muted, microphone, asking }) {
  const { may } = useAccess();
  const { words, kind } = PHASES[phase];
  return html`<div class="card call-head">
    <div class="row">
      <span role="status"><${Badge} kind=${kind}>${words}<//></span>
      <${Elapsed} since=${began} />
      ${id && may("read") && html`<a href=${at("watch", id)}>Watch this call</a>`}
    </div>
    <div class="row">
      ${line === "stream" &&
      microphone.state === "on" &&
      html`<button type="button" onClick=${() => mute(!muted)}>${muted ? "Unmute" : "Mute"}</button>`}
      ${line === "stream" &&
      phase !== "connecting" &&
      microphone.state === "off" &&
      !microphone.why &&
      !asking &&
      html`<${Action} onClick=${useMicrophone}>Use the microphone<//>`}
      <button type="button" class="danger" onClick=${hangUp}>Hang up</button>
    </div>
  </div>`;
}

function Elapsed({ since }) {
  const now = useNow(1000);
  return html`<span class="elapsed" aria-label="Time since the call began">${since ? length(now - since) : "0:00"}</span>`;
}

function Notices({ phase, asking, blocked, microphone, recogniser, line, trouble, muted, listens }) {
  if (asking) {
    const button = html`<button type="button" onClick=${goOnWithout}>Go on without it</button>`;
    return html`<${Notice} action=${button}>Your browser asks whether this page may use the microphone: please answer it.<//>`;
  }
  const again =
    microphone.state !== "insecure" && html`<${Action} onClick=${useMicrophone}>Try the microphone<//>`;
  const play = html`<button type="button" onClick=${unblock}>Play sound</button>`;
  const silent = phase !== "connecting" && line === "stream" && recogniser === null && !listens;
  return html`
    ${microphone.why && html`<${Notice} kind="warning" action=${again}>${microphone.why}<//>`}
    ${blocked && phase !== "connecting" && html`<${Notice} kind="warning" action=${play}>The browser plays no sound here.<//>`}
    ${trouble && html`<${Notice} kind="warning">${trouble}<//>`}
    ${muted && html`<${Notice}>The microphone is muted: the agent hears silence.<//>`}
    ${silent && html`<${Notice}>Nobody recognises speech here: type, or hang up and choose a recogniser.<//>`}
  `;
}

function Typing({ isOpen }) {
  const [text, setText] = useState("");
  const input = useRef(null);
  useEffect(() => input.current.focus(), []);
  const send = (event) => {
    event.preventDefault();
    const words = text.trim();
    if (words && say(words)) setText("");
  };
  return html`<form class="call-typing" onSubmit=${send}>
    <label for="typed">Type instead of speaking</label>
    <div class="row">
      <input
        id="typed"
        ref=${input}
        value=${text}
        autocomplete="off"
        enterkeyhint="send"
        onInput=${(event) => setText(event.target.value)}
      />
      <button type="submit" disabled=${!isOpen || !text.trim()}>Say it</button>
    </div>
  </form>`;
}
