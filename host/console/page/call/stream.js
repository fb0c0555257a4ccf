// The line as sound: Twilio's part of a media stream, message for message, with the words that a server of ours
// takes and tells along with it (`cordboard.…`). Sound comes from and goes to ports; there is no browser here.
//
// A line that is lost comes back as another stream of the same call. What was waiting to be played is dropped
// when it is lost: the agent goes on from what was heard.

import { Lifeline } from "./lifeline.js";
import { randomSid, read } from "./messages.js";
import { RATE } from "./mulaw.js";

/**
 * `call`: the call's id. `ports`: `play(bytes)`, `mark(id)`, `clear()` (the marks' ids come back by `played`).
 * `clock` and `server` are a Lifeline's. `tell(event)` is told what happens, by its `what`: "open" (`again`),
 * "offer" (`recogniser`), "turn" (`number`, `revision`, `text`), "spoke" (`text`, `heard`), "clear", "lost",
 * "over" (`why`, `reason`, `departure`).
 */
export class Stream {
  #call;
  #ports;
  #tell;
  #newSid;
  #lifeline;
  #sid = "";
  #sequence = 0;
  #chunk = 0;
  // marks that were not answered yet, by id; ids are never used twice
  #marks = new Map();
  #lastMark = 0;
  #departure = "";

  constructor({ call, ports, connect, comeBack, wait, now, tell, newSid = () => randomSid("MZ") }) {
    this.#call = call;
    this.#ports = ports;
    this.#tell = tell;
    this.#newSid = newSid;
    this.#lifeline = new Lifeline({
      connect,
      comeBack,
      wait,
      now,
      tell: {
        opened: (again) => this.#opened(again),
        message: (text) => this.#message(text),
        lost: () => this.#lost(),
        over: (why, reason) => this.#over(why, reason),
      },
    });
  }

  get isOpen() {
    return this.#lifeline.isOpen;
  }

  begin(path) {
    return this.#lifeline.begin(path);
  }

  /** 20 ms of the caller: a Uint8Array of 160 µ-law bytes. */
  frame(bytes) {
    if (!this.isOpen) return;
    const timestamp = (this.#chunk * bytes.length * 1000) / RATE;
    this.#chunk += 1;
    this.#send("media", {
      media: {
        track: "inbound",
        chunk: String(this.#chunk),
        timestamp: String(Math.round(timestamp)),
        payload: toBase64(bytes),
      },
    });
  }

  /** The sound before these marks was heard. */
  played(ids) {
    for (const id of ids) this.#answer(id);
  }

  /** A key of the telephone: 0-9, * or #. */
  press(digit) {
    this.#send("dtmf", { dtmf: { track: "inbound_track", digit } });
  }

  /** Words of the caller that the server's recogniser does not know of. */
  said(text, final) {
    this.#lifeline.send({ event: "cordboard.said", streamSid: this.#sid, text, final });
  }

  hangUp() {
    this.#send("stop", { stop: { accountSid: "", callSid: this.#call } });
    this.#lifeline.close();
  }

  /** The network is known to be gone. */
  abandon() {
    this.#lifeline.abandon();
  }

  #opened(again) {
    this.#sid = this.#newSid();
    this.#sequence = 0;
    this.#chunk = 0;
    this.#lifeline.send({ event: "connected", protocol: "Call", version: "1.0.0" });
    this.#send("start", {
      start: {
        streamSid: this.#sid,
        callSid: this.#call,
        accountSid: "",
        tracks: ["inbound"],
        customParameters: { cordboard: "1" },
        mediaFormat: { encoding: "audio/x-mulaw", sampleRate: RATE, channels: 1 },
      },
    });
    this.#tell({ what: "open", again });
  }

  #message(text) {
    const message = read(text);
    if (message?.streamSid !== this.#sid) return;
    switch (message.event) {
      case "media":
        return this.#ports.play(fromBase64(message.media.payload));
      case "mark":
        return this.#mark(message.mark.name);
      case "clear":
        return this.#clear();
      case "cordboard.offer":
        return this.#tell({ what: "offer", recogniser: message.recogniser });
      case "cordboard.turn":
        return this.#tell({ what: "turn", number: message.number, revision: message.revision, text: message.text });
      case "cordboard.spoke":
        return this.#tell({ what: "spoke", text: message.text, heard: message.heard });
      case "cordboard.ended":
        this.#departure = message.departure;
    }
  }

  #mark(name) {
    this.#lastMark += 1;
    this.#marks.set(this.#lastMark, name);
    this.#ports.mark(this.#lastMark);
  }

  #answer(id) {
    const name = this.#marks.get(id);
    if (name === undefined) return;
    this.#marks.delete(id);
    this.#send("mark", { mark: { name } });
  }

  #clear() {
    this.#ports.clear();
    for (const id of [...this.#marks.keys()]) this.#answer(id);
    this.#tell({ what: "clear" });
  }

  #lost() {
    this.#marks.clear();
    this.#ports.clear();
    // a server that has said that the call is over does not wait for us
    if (this.#departure) this.#lifeline.close();
    if (this.#departure) this.#tell({ what: "over", why: "closed", departure: this.#departure });
    else this.#tell({ what: "lost" });
  }

  #over(why, reason) {
    this.#tell({ what: "over", why, reason, departure: this.#departure });
  }

  #send(event, content) {
    if (!this.isOpen) return;
    this.#sequence += 1;
    this.#lifeline.send({ event, sequenceNumber: String(this.#sequence), streamSid: this.#sid, ...content });
  }
}

function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
