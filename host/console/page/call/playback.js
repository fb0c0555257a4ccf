// How the agent is played: by a worklet, sample for sample; or, in pages that have none, by pieces that are
// scheduled one after the other. Both are ports of a line: `play(bytes)`, `mark(id)`, `clear()`, and tell
// `played(ids)` and `playing(boolean)`; the first also `broken()`: it plays nothing any more.

import { RATE, decodeFloat } from "./mulaw.js";

export class WorkletPlayback {
  #node;

  constructor(context, destination, tell) {
    this.#node = new AudioWorkletNode(context, "cordboard-playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.connect(destination);
    this.#node.port.onmessage = ({ data: { played, playing } }) => {
      if (played) tell.played(played);
      if (playing !== undefined) tell.playing(playing);
    };
    this.#node.onprocessorerror = () => {
      this.#node.disconnect();
      this.#node.port.close();
      tell.broken();
    };
  }

  play(bytes) {
    this.#node.port.postMessage({ play: bytes.buffer }, [bytes.buffer]);
  }

  mark(id) {
    this.#node.port.postMessage({ mark: id });
  }

  clear() {
    this.#node.port.postMessage({ clear: true });
  }

  /** How long after it is rendered sound is heard: seconds. */
  running(_, latency) {
    this.#node.port.postMessage({ latency });
  }
}

export class ScheduledPlayback {
  #context;
  #destination;
  #tell;
  // when all that is scheduled is over: seconds of the context
  #end = 0;
  // what is scheduled
  #pieces = new Set();
  // {id, after}: the piece before it
  #marks = [];

  constructor(context, destination, tell) {
    this.#context = context;
    this.#destination = destination;
    this.#tell = tell;
  }

  play(bytes) {
    if (!bytes.length) return;
    const piece = this.#context.createBufferSource();
    piece.buffer = this.#context.createBuffer(1, bytes.length, RATE);
    piece.buffer.copyToChannel(Float32Array.from(bytes, decodeFloat), 0);
    piece.connect(this.#destination);
    const start = Math.max(this.#end, this.#context.currentTime);
    piece.start(start);
    this.#end = start + piece.buffer.duration;
    piece.onended = () => this.#ended(piece);
    if (!this.#pieces.size) this.#tell.playing(true);
    this.#pieces.add(piece);
  }

  mark(id) {
    if (this.#pieces.size) this.#marks.push({ id, after: [...this.#pieces].at(-1) });
    else this.#tell.played([id]);
  }

  clear() {
    for (const piece of this.#pieces) {
      piece.onended = null;
      piece.stop();
    }
    if (this.#pieces.size) this.#tell.playing(false);
    this.#pieces.clear();
    this.#marks = [];
    this.#end = 0;
  }

  /** What is scheduled waits by itself while nothing runs. */
  running() {}

  #ended(piece) {
    this.#pieces.delete(piece);
    const played = this.#marks.filter(({ after }) => after === piece).map(({ id }) => id);
    this.#marks = this.#marks.filter(({ after }) => after !== piece);
    if (played.length) this.#tell.played(played);
    if (!this.#pieces.size) this.#tell.playing(false);
  }
}
