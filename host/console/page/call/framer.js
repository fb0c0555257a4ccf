// Samples at 8000 Hz, however many come at once, as the frames of a telephone line: 20 ms of µ-law each.

import { encodeFloat } from "./mulaw.js";
import { loudness } from "./level.js";

/** Bytes of a frame. */
export const FRAME = 160;
/** How long it takes, in milliseconds. */
export const FRAME_MS = 20;

export class Framer {
  #frame = new Uint8Array(FRAME);
  #length = 0;
  #peak = 0;

  /** The frames that these samples complete: `{frame: ArrayBuffer, level: 0..100}`. */
  push(samples) {
    const full = [];
    for (const sample of samples) {
      this.#frame[this.#length++] = encodeFloat(sample);
      this.#peak = Math.max(this.#peak, Math.abs(sample));
      if (this.#length === FRAME) full.push(this.#take());
    }
    return full;
  }

  #take() {
    const taken = { frame: this.#frame.buffer, level: loudness(this.#peak) };
    this.#frame = new Uint8Array(FRAME);
    this.#length = 0;
    this.#peak = 0;
    return taken;
  }
}
