// The line as words: Twilio's part of ConversationRelay, message for message. What the agent sends is "spoken" by
// a voice, so that a caller can cut in on it and the agent is told how far it came; what the caller says is sent
// as a recogniser would have understood it.
//
// As in a session that a server of ours asks Twilio for: keys and partial prompts are told, `info` says when the
// agent speaks, and what is said while the agent must not be interrupted is told nevertheless.

import { Lifeline } from "./lifeline.js";
import { randomSid, read } from "./messages.js";
import { Talk } from "./talk.js";

/**
 * `call`: the call's id. `language`: what the caller speaks. `voice`: see Talk. `tell(event)` is told what
 * happens, by its `what`: "open" (`again`), "speaking" (`on`), "saying" (`text`), "spoke" (`text`, `heard`),
 * "note" (`text`), "lost", "over" (`why`, `reason`, `departure`).
 */
export class Relay {
  #call;
  #language;
  #talk;
  #tell;
  #newSid;
  #lifeline;
  #departure = "";

  constructor({ call, language, voice, connect, comeBack, wait, now, tell, newSid = () => randomSid("VX") }) {
    this.#call = call;
    this.#language = language;
    this.#tell = tell;
    this.#newSid = newSid;
    this.#talk = new Talk({
      voice,
      now,
      tell: {
        began: () => this.#speaking(true),
        saying: (text) => tell({ what: "saying", text }),
        over: ({ text, heard }) => {
          tell({ what: "spoke", text, heard });
          this.#speaking(false);
        },
      },
    });
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

  /** What the caller said: so far, or all of it. */
  said(text, final) {
    if (!this.isOpen) return;
    this.#cutIn();
    this.#send({ type: "prompt", voicePrompt: text, lang: this.#language, last: final });
  }

  /** A key of the telephone: 0-9, * or #. */
  press(digit) {
    this.#cutIn();
    this.#send({ type: "dtmf", digit });
  }

  hangUp() {
    this.#lifeline.close();
    this.#silence();
  }

  /** The network is known to be gone. */
  abandon() {
    this.#lifeline.abandon();
  }

  #opened(again) {
    this.#send({
      type: "setup",
      sessionId: this.#newSid(),
      accountSid: "",
      callSid: this.#call,
      parentCallSid: "",
      from: "",
      to: "",
      forwardedFrom: "",
      callType: "",
      callerName: "",
      direction: "inbound",
      callStatus: "RINGING",
      customParameters: {},
    });
    this.#tell({ what: "open", again });
  }

  #cutIn() {
    if (!this.#talk.isSpeaking || !this.#talk.isInterruptible) return;
    const { text, heard, milliseconds } = this.#talk.cut();
    this.#send({ type: "interrupt", utteranceUntilInterrupt: heard, durationUntilInterruptMs: milliseconds });
    this.#tell({ what: "spoke", text, heard });
    // after the interruption: before it, it would mean that all was spoken
    this.#speaking(false);
  }

  #message(text) {
    const message = read(text);
    switch (message?.type) {
      case "text":
        return this.#say(message);
      case "language":
        this.#language = message.transcriptionLanguage ?? this.#language;
        return;
      case "sendDigits":
        return this.#tell({ what: "note", text: `The agent presses ${message.digits}.` });
      case "play":
        return this.#tell({ what: "note", text: `The agent has a sound played: ${message.source}` });
      case "end":
        return this.#ended(message.handoffData);
      default:
        this.#send({ type: "error", description: `Invalid message received: ${text.slice(0, 100)}` });
    }
  }

  #say({ token, last, interruptible = true, preemptible = false }) {
    this.#talk.push({ text: token, last, interruptible, preemptible });
  }

  // it ends at once: what was not spoken by then is not spoken
  #ended(handoff) {
    this.#departure = read(handoff)?.reason ?? "";
    this.#lifeline.close();
    this.#over("closed");
  }

  #lost() {
    this.#silence();
    this.#tell({ what: "lost" });
  }

  // there is nobody to be told how far it came
  #silence() {
    const cut = this.#talk.cut();
    if (!cut) return;
    this.#tell({ what: "spoke", text: cut.text, heard: cut.heard });
    this.#tell({ what: "speaking", on: false });
  }

  #over(why, reason) {
    this.#silence();
    this.#tell({ what: "over", why, reason, departure: this.#departure });
  }

  #speaking(on) {
    this.#tell({ what: "speaking", on });
    this.#send({ type: "info", name: "agentSpeaking", value: on ? "on" : "off" });
  }

  #send(message) {
    this.#lifeline.send(message);
  }
}
