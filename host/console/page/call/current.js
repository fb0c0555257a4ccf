// The call that goes on, whatever view is open: it outlives the view, and is one at most.
//
// Its state, made anew at every change:
// - phase: "none", "connecting", "listening", "thinking", "speaking", "lost", "over"
// - id, line ("stream" or "relay"), recogniser (of the server's; null: nobody), began (milliseconds)
// - over: {why, reason, departure, at}
// - microphone: {state: "on" | "off" | "refused" | "absent" | "insecure", why}; asking: the browser is asking
// - listens: the browser's own recogniser does; trouble: why it does not; muted; blocked: the browser plays nothing
// - conversation: see conversation.js; partial: what is being recognised; saying: what the agent is saying, as far
//   as it is known by then

import * as entries from "./conversation.js";
import { events, post } from "../api.js";
import { BrowserRecogniser } from "./recogniser.js";
import { NoMicrophone, microphone } from "./microphone.js";
import { Sound } from "./sound.js";
import { anotherSocket, lineTo } from "./lines.js";
import { forget, keep, leave } from "./kept.js";

const NONE = {
  phase: "none",
  id: "",
  ticket: "",
  line: "stream",
  recogniser: null,
  began: 0,
  over: undefined,
  microphone: { state: "off", why: "" },
  asking: false,
  listens: false,
  muted: false,
  blocked: false,
  partial: "",
  saying: "",
  trouble: "",
  conversation: [],
};
const TALKING = new Set(["listening", "thinking", "speaking"]);

const listeners = new Set();
let state = NONE;
// of the call that goes on: {settings, line, sound, stream, recogniser, following, skip}; another object for every call
let parts;
// the page is being left
let leaving = false;

/** The state; see above. */
export function current() {
  return state;
}

/** Is told at every change; gives what ends that. */
export function watch(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether a call goes on. */
export function goesOn({ phase } = state) {
  return phase !== "none" && phase !== "over";
}

/**
 * Places a call. `asked`: the body of `POST /console/calls`. `settings`: {language, usesMicrophone, cleaned,
 * ownRecogniser, speaks, follows}; follows: the key may read what happens in calls.
 */
export function call(asked, settings) {
  return enter({ ...NONE, line: asked.line }, settings, () => post("/console/calls", asked));
}

/** Comes back into a call that a reload has cut off: what `kept.js` has of it. */
export function comeBack({ id, ticket, line, recogniser, began, conversation, settings }) {
  const before = { ...NONE, id, ticket, line, recogniser, began, conversation };
  // the call waits for its line, and not for an answer about the microphone
  const place = async () => ({ id, ticket, line, recogniser, socket: await anotherSocket(id, ticket) });
  return enter(before, settings, place, { microphoneLater: true });
}

export function hangUp() {
  parts?.line?.hangUp();
  finish({ why: "caller" });
}

/** Makes room for another call. */
export function dismiss() {
  if (!goesOn()) set(NONE);
}

/** A key of the telephone. */
export function press(digit) {
  if (!parts?.line?.isOpen) return;
  parts.line.press(digit);
  set({ conversation: entries.note(state.conversation, `You pressed ${digit}.`) });
}

/** The caller's words, typed. Whether they were sent. */
export function say(text) {
  if (!parts?.line?.isOpen) return false;
  parts.line.said(text, true);
  uttered(text);
  return true;
}

/** Nothing of the microphone is sent, or all of it again. */
export function mute(muted) {
  for (const track of parts?.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  set({ muted, partial: "" });
  listen();
}

/** Goes on though the browser still asks for the microphone. */
export function goOnWithout() {
  parts?.skip?.();
}

/** Asks for the microphone again, during a call. */
export async function useMicrophone() {
  const here = parts;
  const stream = await ask(here);
  if (!stream || parts !== here) return;
  await here.sound.attach(stream);
  mute(false);
}

/** Has the browser play what it held back. */
export function unblock() {
  return parts?.sound?.resume();
}

/** How loud both are just now: {caller, agent}, 0 to 100. */
export function levels() {
  const sound = parts?.sound;
  return { caller: sound?.callerLevel() ?? 0, agent: sound?.agentLevel() ?? 0 };
}

async function enter(before, settings, place, { microphoneLater = false } = {}) {
  const here = (parts = { settings });
  state = before;
  set({ phase: "connecting" });
  try {
    if (state.line === "stream") await prepare(here, microphoneLater);
    if (parts !== here) return release(here);
    const { id, ticket, line, recogniser, socket } = await place();
    if (parts !== here) return release(here);
    set({ id, ticket, line, recogniser });
    const tell = (event) => parts === here && happened(event);
    here.line = lineTo({ call: id, ticket, line, sound: here.sound, settings, tell });
    await here.line.begin(socket);
  } catch (error) {
    if (parts === here) finish({ why: "refused", reason: error.message });
    else release(here);
  }
  if (microphoneLater && here.settings.usesMicrophone && state.line === "stream") await attachLater(here);
}

// a call that is there stays, whatever becomes of the microphone
async function attachLater(here) {
  if (parts !== here) return;
  try {
    await useMicrophone();
  } catch {
    if (parts === here) noMicrophone(NoMicrophone.broken());
  }
}

async function prepare(here, microphoneLater) {
  const stream = here.settings.usesMicrophone && !microphoneLater ? await ask(here) : undefined;
  if (parts !== here) return;
  here.sound = new Sound({
    frame: (bytes) => here.line?.frame?.(bytes),
    played: (ids) => here.line?.played?.(ids),
    playing: (playing) => heard(here, playing),
    blocked: (blocked) => parts === here && set({ blocked }),
    deaf: () => parts === here && deaf(here),
    broken: () => parts === here && broken(here),
  });
  await here.sound.open(stream);
}

// the microphone's stream, or the reason for its absence in the state
async function ask(here) {
  set({ asking: true });
  const skipped = new Promise((_, reject) => (here.skip = () => reject(NoMicrophone.skipped())));
  const asked = microphone(here.settings);
  try {
    const stream = await Promise.race([asked, skipped]);
    if (parts !== here) return stop(stream);
    here.stream = stream;
    stream.getAudioTracks()[0].onended = () => parts === here && noMicrophone(NoMicrophone.unplugged());
    set({ asking: false, microphone: { state: "on", why: "" } });
    return stream;
  } catch (error) {
    // what is given after all is given back
    asked.then(stop, () => {});
    if (parts === here) noMicrophone(error);
    return undefined;
  }
}

function deaf(here) {
  if (state.microphone.state !== "on") return;
  stop(here.stream);
  here.stream = undefined;
  noMicrophone(NoMicrophone.broken());
}

// on a line that comes back, the agent says again what nobody will hear of this one
function broken(here) {
  set({ conversation: entries.note(state.conversation, "The browser's sound broke off, and is begun anew.") });
  here.line?.abandon();
}

function noMicrophone(error) {
  set({ asking: false, microphone: { state: error.state ?? "absent", why: error.message } });
}

function happened(event) {
  const { conversation } = state;
  switch (event.what) {
    case "open":
      return opened(event.again);
    case "offer":
      return set({ recogniser: event.recogniser });
    case "turn":
      return set({ conversation: entries.turn(conversation, event), partial: "", ...talking("thinking") });
    case "saying":
      return set({ saying: event.text });
    case "spoke":
      set({ conversation: entries.spoke(conversation, event), ...(state.line === "relay" && { saying: "" }) });
      // an answer of which nothing was heard
      return state.phase === "thinking" && !event.heard ? set(talking("listening")) : undefined;
    case "speaking":
      return set(talking(event.on ? "speaking" : "listening"));
    case "note":
      return set({ conversation: entries.note(conversation, event.text) });
    case "lost":
      return set({ phase: "lost", partial: "", saying: "" });
    case "over":
      return finish(event);
  }
}

function opened(again) {
  const { conversation, began } = state;
  set({
    phase: "listening",
    began: began || Date.now(),
    conversation: again || began ? entries.note(conversation, "The line is back.") : conversation,
  });
  listen();
  follow(parts);
}

// the stream itself tells words when they were said; what is being said is known to who may watch calls
async function follow(here) {
  if (!here.settings.follows || state.line !== "stream") return;
  here.following?.abort();
  here.following = new AbortController();
  // where the caller cut in, the answer may have begun before it is told what was heard of the utterance before
  let utterance;
  try {
    for await (const event of events(`/calls/${encodeURIComponent(state.id)}/events`, here.following.signal)) {
      if (parts !== here) return;
      if (event.event === "partial") set({ partial: event.text });
      if (event.event === "call") set({ saying: event.speaking ?? "" });
      if (event.event === "speaks") {
        utterance = event.utterance;
        set({ saying: event.text });
      }
      if (event.event === "spoke" && (utterance ?? event.utterance) === event.utterance) set({ saying: "" });
    }
  } catch {
    // the call goes on without it
  }
}

function heard(here, playing) {
  if (parts === here) set(talking(playing ? "speaking" : "listening"));
}

// a phase of a line that is open; nothing else ends "connecting" and "lost"
function talking(phase) {
  if (!TALKING.has(state.phase)) return {};
  // the agent is still to be heard while it thinks again
  if (phase === "thinking" && state.phase === "speaking") return {};
  return { phase };
}

function uttered(text) {
  const { conversation, line } = state;
  if (line === "stream") set({ conversation: entries.sent(conversation, text), partial: "" });
  else set({ conversation: entries.said(conversation, text), partial: "", ...talking("thinking") });
}

// the browser's own recogniser, as long as it is wanted
function listen() {
  const wanted = parts?.settings.ownRecogniser && !state.recogniser && !state.muted && goesOn();
  if (!wanted) {
    parts?.recogniser?.stop();
    if (parts) parts.recogniser = undefined;
    return set({ listens: false });
  }
  const here = parts;
  here.recogniser ??= new BrowserRecogniser({
    language: here.settings.language,
    said: (text, final) => parts === here && recognised(text, final),
    failed: (trouble) => {
      here.recogniser = undefined;
      if (parts === here) set({ trouble, partial: "", listens: false });
    },
  });
  set({ listens: true });
}

function recognised(text, final) {
  if (!parts.line?.isOpen) return;
  parts.line.said(text, final);
  if (final) uttered(text);
  else set({ partial: text });
}

function finish(over) {
  if (!parts) return;
  const ended = parts;
  parts = undefined;
  release(ended);
  set({ phase: "over", over: { ...over, at: Date.now() }, asking: false, blocked: false, partial: "", saying: "" });
}

function release({ sound, stream, recogniser, following }) {
  following?.abort();
  recogniser?.stop();
  sound?.close();
  if (stream) stop(stream);
}

function stop(stream) {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}

function set(changes) {
  state = { ...state, ...changes };
  // the frame of the page shows it too
  document.documentElement.toggleAttribute("data-call", goesOn());
  remember();
  for (const listener of listeners) listener(state);
}

function remember() {
  // what happens while the page goes is not to count as having come back
  if (leaving) return;
  const { id, ticket, line, recogniser, began, conversation } = state;
  if (goesOn() && began) keep({ id, ticket, line, recogniser, began, conversation, settings: parts.settings });
  else forget();
}

addEventListener("offline", () => parts?.line?.abandon());
addEventListener("pagehide", () => {
  if (goesOn()) leave(Date.now());
  leaving = true;
});
addEventListener("pageshow", ({ persisted }) => {
  leaving = false;
  if (persisted) remember();
});
