// A call as words: Twilio's part of ConversationRelay.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadVoice } from "../../page/call/voices.js";
import { Relay } from "../../page/call/relay.js";
import { Talk } from "../../page/call/talk.js";
import { ends } from "./line-ends.mjs";

async function call(answers) {
  const far = ends(answers);
  const voice = new ReadVoice(far.clock);
  const relay = new Relay({ call: "call-1", language: "en-US", voice, newSid: () => "VX1", ...far.line });
  relay.begin("/relay/first");
  await far.sockets[0].open();
  const [socket] = far.sockets;
  const opening = socket.taken();
  const text = (token, last, more) =>
    socket.says({ type: "text", token, last, interruptible: true, preemptible: false, ...more });
  return { ...far, relay, socket, opening, text };
}

const on = { type: "info", name: "agentSpeaking", value: "on" };
const off = { type: "info", name: "agentSpeaking", value: "off" };

test("a session begins with setup, of the call that was placed", async () => {
  const { opening, of } = await call();
  assert.equal(opening.length, 1);
  const [{ type, sessionId, callSid, direction, customParameters }] = opening;
  assert.deepEqual([type, sessionId, callSid, direction], ["setup", "VX1", "call-1", "inbound"]);
  assert.deepEqual(customParameters, {});
  assert.deepEqual(of("open"), [{ what: "open", again: false }]);
});

test("the agent's words are spoken at the pace of speech, and Twilio says when", async () => {
  const { socket, text, of, passes } = await call();
  text("Hello ", false);
  text("you.", true);
  assert.deepEqual(socket.taken(), [on]);
  assert.deepEqual(of("saying").map(({ text }) => text), ["Hello "]);
  await passes(6 * 60);
  assert.deepEqual(of("saying").map(({ text }) => text), ["Hello ", "Hello you."]);
  await passes(4 * 60 - 1);
  assert.deepEqual(socket.taken(), []);
  await passes(1);
  assert.deepEqual(socket.taken(), [off]);
  assert.deepEqual(of("spoke"), [{ what: "spoke", text: "Hello you.", heard: "Hello you." }]);
});

test("a line that is typed is what the caller said", async () => {
  const { relay, socket } = await call();
  relay.said("My soup", false);
  relay.said("My soup was cold.", true);
  relay.press("#");
  assert.deepEqual(socket.taken(), [
    { type: "prompt", voicePrompt: "My soup", lang: "en-US", last: false },
    { type: "prompt", voicePrompt: "My soup was cold.", lang: "en-US", last: true },
    { type: "dtmf", digit: "#" },
  ]);
});

test("who types while the agent speaks cuts in, and the agent is told how far it came", async () => {
  const { relay, socket, text, of, passes } = await call();
  text("Our opening hours ", false);
  text("are long.", true);
  text("And more.", true);
  await passes(11 * 60);
  socket.taken();
  relay.said("Wait!", true);
  assert.deepEqual(socket.taken(), [
    { type: "interrupt", utteranceUntilInterrupt: "Our opening", durationUntilInterruptMs: 660 },
    off,
    { type: "prompt", voicePrompt: "Wait!", lang: "en-US", last: true },
  ]);
  assert.deepEqual(of("spoke"), [{ what: "spoke", text: "Our opening hours are long.", heard: "Our opening" }]);
  await passes(10_000);
  assert.deepEqual(socket.taken(), [], "nothing of what was sent before is spoken");
});

test("what must not be interrupted is spoken to its end, and what the caller said is told", async () => {
  const { relay, socket, text, of, passes } = await call();
  text("This call is recorded.", true, { interruptible: false });
  socket.taken();
  relay.said("Hello?", true);
  assert.deepEqual(socket.taken("interrupt"), []);
  await passes(22 * 60);
  assert.deepEqual(of("spoke").map(({ heard }) => heard), ["This call is recorded."]);
});

test("the next utterance takes the place of one that may be replaced", async () => {
  const { socket, text, of, passes } = await call();
  text("One moment please", true, { preemptible: true });
  await passes(3 * 60);
  text("Here", true);
  assert.deepEqual(socket.taken(), [on, off, on]);
  await passes(4 * 60);
  assert.deepEqual(of("spoke"), [
    { what: "spoke", text: "One moment please", heard: "One" },
    { what: "spoke", text: "Here", heard: "Here" },
  ]);
});

test("another language is what the caller speaks from then on", async () => {
  const { relay, socket } = await call();
  socket.says({ type: "language", ttsLanguage: "de-DE", transcriptionLanguage: "de-DE" });
  socket.says({ type: "language", ttsLanguage: "sv-SE" });
  relay.said("Guten Tag", true);
  assert.equal(socket.taken("prompt")[0].lang, "de-DE");
});

test("what Twilio would not understand is answered as Twilio does", async () => {
  const { socket } = await call();
  socket.says({ type: "surprise" });
  const [error] = socket.taken();
  assert.deepEqual(error, { type: "error", description: 'Invalid message received: {"type":"surprise"}' });
});

test("the agent ends the session, and what was not spoken by then is not spoken", async () => {
  const { socket, text, of, told } = await call();
  text("Goodbye and thank you", true);
  socket.says({ type: "end", handoffData: JSON.stringify({ call: "c", reason: "script" }) });
  assert.deepEqual(of("spoke").map(({ heard }) => heard), [""]);
  assert.deepEqual(told.at(-1), { what: "over", why: "closed", reason: undefined, departure: "script" });
  assert.deepEqual([socket.isClosed, socket.code], [true, 1000]);
});

test("the network goes in the middle of a sentence: the session is set up again on another socket", async () => {
  const { socket, sockets, text, of, passes } = await call(["/relay/second"]);
  text("Our opening hours are long.", true);
  await passes(3 * 60);
  await socket.closes(1006);
  assert.deepEqual(of("spoke").map(({ heard }) => heard), ["Our"]);
  await passes(10);
  await sockets[1].open();
  assert.deepEqual(sockets[1].taken().map(({ type, callSid }) => [type, callSid]), [["setup", "call-1"]]);
  assert.deepEqual(of("open").map(({ again }) => again), [false, true]);
});

test("a voice that speaks sentences is not given halves of them", () => {
  const given = [];
  let done;
  const voice = { inSentences: true, speak: (text, then) => (given.push(text), (done = then)), stop: () => 0 };
  const tell = { began() {}, saying() {}, over: ({ text }) => given.push(`over: ${text}`) };
  const talk = new Talk({ voice, now: () => 0, tell });
  const say = (text, last) => talk.push({ text, last, interruptible: true, preemptible: false });
  say("I am ", false);
  assert.deepEqual(given, []);
  say("sorry. ", false);
  say("Anything ", false);
  say("else?", false);
  say("", true);
  assert.deepEqual(given, ["I am sorry. "]);
  done();
  assert.deepEqual(given, ["I am sorry. ", "Anything else?"]);
  done();
  assert.deepEqual(given.slice(2), ["over: I am sorry. Anything else?"]);
});
