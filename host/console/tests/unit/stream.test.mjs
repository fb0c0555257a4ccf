// A call as sound: what the page sends in Twilio's place, and when.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Stream } from "../../page/call/stream.js";
import { ends, refusal } from "./line-ends.mjs";

const FRAME = new Uint8Array(160).fill(0xff);

/** A loudspeaker that plays when the test says so. */
class Loudspeaker {
  waiting = [];

  play(bytes) {
    this.waiting.push(bytes.length);
  }

  mark(id) {
    this.waiting.push({ id });
  }

  clear() {
    this.waiting = [];
  }

  /** Plays everything; the marks that were heard. */
  playAll() {
    return this.waiting.splice(0).flatMap((item) => item.id ?? []);
  }
}

async function call(answers) {
  const far = ends(answers);
  const speaker = new Loudspeaker();
  let streams = 0;
  const stream = new Stream({ call: "call-1", ports: speaker, newSid: () => `MZ${(streams += 1)}`, ...far.line });
  stream.begin("/ws/first");
  await far.sockets[0].open();
  return { ...far, stream, speaker, socket: far.sockets[0] };
}

function says(socket, sid, ...messages) {
  for (const message of messages) socket.says({ streamSid: sid, ...message });
}

const media = { event: "media", media: { payload: "gICA" } };
const mark = (name) => ({ event: "mark", mark: { name } });

test("the call begins with the messages that Twilio sends, and every one has the next number", async () => {
  const { stream, socket, of } = await call();
  stream.frame(FRAME);
  stream.press("5");
  stream.frame(FRAME);
  stream.hangUp();
  assert.equal(socket.path, "/ws/first");
  assert.deepEqual(of("open"), [{ what: "open", again: false }]);
  const payload = `${"/".repeat(213)}w==`;
  assert.deepEqual(socket.messages, [
    { event: "connected", protocol: "Call", version: "1.0.0" },
    {
      event: "start",
      sequenceNumber: "1",
      streamSid: "MZ1",
      start: {
        streamSid: "MZ1",
        callSid: "call-1",
        accountSid: "",
        tracks: ["inbound"],
        customParameters: { cordboard: "1" },
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      },
    },
    { event: "media", sequenceNumber: "2", streamSid: "MZ1", media: { track: "inbound", chunk: "1", timestamp: "0", payload } },
    { event: "dtmf", sequenceNumber: "3", streamSid: "MZ1", dtmf: { track: "inbound_track", digit: "5" } },
    { event: "media", sequenceNumber: "4", streamSid: "MZ1", media: { track: "inbound", chunk: "2", timestamp: "20", payload } },
    { event: "stop", sequenceNumber: "5", streamSid: "MZ1", stop: { accountSid: "", callSid: "call-1" } },
  ]);
  assert.deepEqual([socket.isClosed, socket.code], [true, 1000]);
});

test("a mark is answered when the sound before it was played, and not when it comes", async () => {
  const { stream, socket, speaker } = await call();
  socket.taken();
  says(socket, "MZ1", media, mark("greeting"), media, mark("question"));
  assert.deepEqual(socket.taken(), []);
  assert.deepEqual(speaker.waiting, [3, { id: 1 }, 3, { id: 2 }]);
  stream.played([1]);
  assert.deepEqual(socket.taken(), [
    { event: "mark", sequenceNumber: "2", streamSid: "MZ1", mark: { name: "greeting" } },
  ]);
  stream.played([2]);
  assert.deepEqual(socket.taken("mark").map(({ mark }) => mark.name), ["question"]);
});

test("a caller who cuts in: clear silences at once and answers every mark that is left, once", async () => {
  const { stream, socket, speaker, of } = await call();
  says(socket, "MZ1", media, mark("a"), media, mark("b"), media, mark("c"));
  stream.played([1]);
  socket.taken();
  const late = speaker.waiting.flatMap((item) => item.id ?? []);
  says(socket, "MZ1", { event: "clear" });
  assert.deepEqual(speaker.waiting, []);
  assert.deepEqual(socket.taken("mark").map(({ mark }) => mark.name), ["b", "c"]);
  assert.equal(of("clear").length, 1);
  stream.played(late);
  assert.deepEqual(socket.taken(), [], "what the loudspeaker told too late was answered already");
  says(socket, "MZ1", media, mark("a"));
  stream.played(speaker.playAll());
  assert.deepEqual(socket.taken("mark").map(({ mark }) => mark.name), ["a"], "a name may come again");
});

test("what is typed goes along with the sound, and what was understood is told", async () => {
  const { stream, socket, of } = await call();
  socket.taken();
  stream.said("My soup", false);
  stream.said("My soup was cold.", true);
  assert.deepEqual(socket.taken(), [
    { event: "cordboard.said", streamSid: "MZ1", text: "My soup", final: false },
    { event: "cordboard.said", streamSid: "MZ1", text: "My soup was cold.", final: true },
  ]);
  says(
    socket,
    "MZ1",
    { event: "cordboard.offer", recogniser: null, said: true },
    { event: "cordboard.turn", number: 1, revision: 0, text: "My soup was cold." },
    { event: "cordboard.spoke", text: "I am sorry. Anything else?", heard: "I am sorry." },
  );
  assert.deepEqual(of("offer"), [{ what: "offer", recogniser: null }]);
  assert.deepEqual(of("turn"), [{ what: "turn", number: 1, revision: 0, text: "My soup was cold." }]);
  assert.deepEqual(of("spoke"), [{ what: "spoke", text: "I am sorry. Anything else?", heard: "I am sorry." }]);
});

test("what is none of this stream's messages is ignored", async () => {
  const { socket, speaker, told } = await call();
  told.length = 0;
  socket.onmessage({ data: "what?" });
  says(socket, "MZ9", media, { event: "clear" });
  says(socket, "MZ1", { event: "surprise" });
  assert.deepEqual([speaker.waiting, told], [[], []]);
});

test("a line that closes is sent nothing more, and is lost only if it says so", async () => {
  const { stream, socket, of } = await call();
  socket.isClosing();
  stream.frame(FRAME);
  assert.equal(of("lost").length + of("over").length, 0);
  await socket.closes(1000);
  assert.deepEqual(of("over").map(({ why }) => why), ["closed"]);
});

test("the agent ends the call, and says why", async () => {
  const { socket, of, stream } = await call();
  says(socket, "MZ1", { event: "cordboard.ended", departure: "script" });
  await socket.closes(1000);
  assert.deepEqual(of("over"), [{ what: "over", why: "closed", reason: undefined, departure: "script" }]);
  socket.taken();
  stream.frame(FRAME);
  assert.deepEqual(socket.taken(), [], "nothing is sent any more");
});

test("a call that is over is not come back to when its socket goes without a word", async () => {
  const { socket, sockets, of, passes } = await call(["/ws/second"]);
  says(socket, "MZ1", { event: "cordboard.ended", departure: "operator" });
  await socket.closes(1006);
  await passes(20_000);
  assert.equal(sockets.length, 1);
  assert.deepEqual(of("over").map(({ departure }) => departure), ["operator"]);
});

test("the network goes and comes back: another stream of the same call, with numbers from the beginning", async () => {
  const { stream, socket, sockets, speaker, of, passes } = await call(["/ws/second"]);
  stream.frame(FRAME);
  says(socket, "MZ1", media, mark("cut"));
  const late = speaker.waiting.flatMap((item) => item.id ?? []);
  await socket.closes(1006);
  assert.deepEqual(speaker.waiting, [], "what was not heard yet is said again by the agent");
  assert.equal(of("lost").length, 1);
  stream.frame(FRAME);
  await passes(10);
  await sockets[1].open();
  assert.equal(sockets[1].path, "/ws/second");
  assert.deepEqual(of("open").map(({ again }) => again), [false, true]);
  stream.played(late);
  stream.frame(FRAME);
  const [connected, start, frame, ...rest] = sockets[1].taken();
  assert.equal(connected.event, "connected");
  assert.deepEqual([start.sequenceNumber, start.streamSid, start.start.callSid], ["1", "MZ2", "call-1"]);
  assert.deepEqual([frame.sequenceNumber, frame.media.chunk, frame.media.timestamp], ["2", "1", "0"]);
  assert.deepEqual(rest, [], "marks of the stream that was lost are not answered on this one");
});

test("a network that is away for some seconds is waited for", async () => {
  const away = refusal(0);
  const { socket, sockets, of, passes } = await call([away, away, away, away, "/ws/late"]);
  await socket.closes(1006);
  await passes(5000);
  await sockets[1].open();
  assert.equal(sockets[1].path, "/ws/late");
  assert.deepEqual([of("open").length, of("over").length], [2, 0]);
});

test("a socket that does not open is tried again, and then given up for one at another path", async () => {
  const { socket, sockets, of, passes } = await call(["/ws/deaf", "/ws/second"]);
  await socket.closes(1006);
  await passes(7000);
  assert.deepEqual(sockets.map(({ path }) => path), ["/ws/first", "/ws/deaf", "/ws/deaf", "/ws/second"]);
  assert.ok(sockets[1].isClosed && sockets[2].isClosed);
  await sockets[3].open();
  assert.equal(of("open").length, 2);
});

test("a server that answers slowly is asked once, and its late answer is the way back", async () => {
  const { socket, sockets, asked, of, passes } = await call([{ after: 4000, path: "/ws/late" }]);
  await socket.closes(1006);
  await passes(5000);
  assert.equal(asked(), 1);
  assert.deepEqual(sockets.map(({ path }) => path), ["/ws/first", "/ws/late"]);
  await sockets[1].open();
  assert.equal(of("open").length, 2);
});

test("a loss after a return is asked about anew", async () => {
  const { socket, sockets, of, passes } = await call(["/ws/second", "/ws/third"]);
  await socket.closes(1006);
  await passes(10);
  await sockets[1].open();
  await sockets[1].closes(1006);
  await passes(10);
  await sockets[2].open();
  assert.deepEqual(sockets.map(({ path }) => path), ["/ws/first", "/ws/second", "/ws/third"]);
  assert.equal(of("open").length, 3);
});

test("a socket that takes nothing is a line that is lost, though nobody has said so", async () => {
  const { stream, socket, sockets, of, passes } = await call(["/ws/second"]);
  socket.bufferedAmount = 40_000;
  stream.frame(FRAME);
  await passes(400);
  stream.frame(FRAME);
  assert.equal(of("lost").length, 0);
  await passes(100);
  stream.frame(FRAME);
  assert.equal(of("lost").length, 1);
  assert.ok(socket.isClosed);
  await passes(10);
  await sockets[1].open();
  assert.equal(of("open").length, 2);
});

test("a page that stood still, and sends much at once, has not lost its line", async () => {
  const { stream, socket, of, passes } = await call();
  socket.bufferedAmount = 40_000;
  stream.frame(FRAME);
  socket.bufferedAmount = 0;
  await passes(600);
  stream.frame(FRAME);
  socket.bufferedAmount = 40_000;
  stream.frame(FRAME);
  assert.equal(of("lost").length, 0);
});

test("after ten seconds nobody waits any more", async () => {
  const { socket, sockets, of, passes } = await call([refusal(0)]);
  await socket.closes(1006);
  await passes(9000);
  assert.equal(of("over").length, 0);
  await passes(2000);
  assert.deepEqual(of("over").map(({ why }) => why), ["lost"]);
  assert.equal(sockets.length, 1);
});

test("who comes back too late is told so at once", async () => {
  const { socket, of, passes } = await call([refusal(409, "the call is over")]);
  await socket.closes(1006);
  await passes(10);
  assert.deepEqual(of("over"), [{ what: "over", why: "gone", reason: "the call is over", departure: "" }]);
});

test("a network that is known to be gone is not waited for by the socket", async () => {
  const { stream, socket, sockets, passes, of } = await call(["/ws/second"]);
  stream.abandon();
  assert.ok(socket.isClosed);
  await passes(10);
  await sockets[1].open();
  assert.deepEqual([of("lost").length, of("open").length], [1, 2]);
});

test("who hangs up while the line is lost does not come back", async () => {
  const { stream, socket, sockets, passes, of } = await call(["/ws/second"]);
  await socket.closes(1006);
  stream.hangUp();
  await passes(20_000);
  assert.deepEqual([sockets.length, of("over").length], [1, 0]);
});

test("a server that does not take the call says why", async () => {
  const far = ends();
  const stream = new Stream({ call: "call-1", ports: new Loudspeaker(), ...far.line });
  const beginning = stream.begin("/ws/used");
  await far.sockets[0].closes(1008, "this token was used");
  await beginning;
  assert.deepEqual(far.told, [{ what: "over", why: "refused", reason: "this token was used", departure: "" }]);
});
