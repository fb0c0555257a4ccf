// What the agent says, on its way to the loudspeaker: pieces of µ-law and the marks between them, in the
// order in which they came. It knows no clock but the samples that are taken out of it.

import { decodeFloat } from "./mulaw.js";

export class Playout {
  /** How long after a sample was taken it is heard: samples. */
  latency = 0;

  // bytes (Uint8Array) and marks (numbers)
  #waiting = [];
  // bytes of the first piece that were taken
  #taken = 0;
  // samples that were asked for so far
  #clock = 0;
  // marks that were reached, and when they are heard: {id, at}
  #reached = [];

  /** More to play. */
  push(bytes) {
    if (bytes.length) this.#waiting.push(bytes);
  }

  /** To be told when all that came before it was heard. */
  mark(id) {
    this.#waiting.push(id);
  }

  /** Forgets what waits, marks included. */
  clear() {
    this.#waiting = [];
    this.#reached = [];
    this.#taken = 0;
  }

  /** Whether there is something to be heard. */
  get isPlaying() {
    return this.#waiting.some((item) => typeof item !== "number");
  }

  /** Fills `out` with what is next, and silence behind it; the marks that are heard by its end. */
  render(out) {
    let at = 0;
    while (this.#waiting.length) {
      const [item] = this.#waiting;
      if (typeof item === "number") {
        this.#reached.push({ id: item, at: this.#clock + at + this.latency });
        this.#waiting.shift();
      } else if (at === out.length) {
        break;
      } else {
        at = this.#take(item, out, at);
      }
    }
    out.fill(0, at);
    this.#clock += out.length;
    return this.#heard();
  }

  #take(bytes, out, at) {
    const count = Math.min(bytes.length - this.#taken, out.length - at);
    for (let i = 0; i < count; i += 1) out[at + i] = decodeFloat(bytes[this.#taken + i]);
    this.#taken += count;
    if (this.#taken === bytes.length) {
      this.#waiting.shift();
      this.#taken = 0;
    }
    return at + count;
  }

  #heard() {
    const marks = [];
    while (this.#reached.length && this.#reached[0].at <= this.#clock) marks.push(this.#reached.shift().id);
    return marks;
  }
}
