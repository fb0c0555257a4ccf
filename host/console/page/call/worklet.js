// What runs on the browser's audio thread: the microphone as frames of a telephone line, and the agent's sound
// with its marks. At 8000 Hz samples go through as they are; a context of another rate is resampled.
//
// `cordboard-capture` posts {frame: ArrayBuffer of 160 µ-law bytes, level: 0..100} every 20 ms, silence where no
// microphone is connected, so that its frames are also the line's clock.
// `cordboard-playback` takes {play: ArrayBuffer of µ-law}, {mark: id}, {clear: true} and {latency: seconds}; it
// posts {played: [id, ...]} when the sound before a mark was heard, and {playing: boolean} when that changes.

import { Framer } from "./framer.js";
import { Playout } from "./playout.js";
import { RATE } from "./mulaw.js";
import { Resampler } from "./resampler.js";

class Capture extends AudioWorkletProcessor {
  #framer = new Framer();
  #resampler = sampleRate === RATE ? undefined : new Resampler(sampleRate, RATE);

  process([input], [output]) {
    const block = input[0] ?? new Float32Array(output[0].length);
    const samples = this.#resampler ? this.#resampler.process(block) : block;
    for (const { frame, level } of this.#framer.push(samples)) this.port.postMessage({ frame, level }, [frame]);
    return true;
  }
}

class Playback extends AudioWorkletProcessor {
  #playout = new Playout();
  #resampler = sampleRate === RATE ? undefined : new Resampler(RATE, sampleRate);
  // 2 ms at 8000 Hz, and what they are at the context's rate that was not played yet
  #piece = new Float32Array(16);
  #ready = new Float32Array(0);
  #wasPlaying = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#told(data);
  }

  #told({ play, mark, clear, latency }) {
    if (play) this.#playout.push(new Uint8Array(play));
    if (mark !== undefined) this.#playout.mark(mark);
    if (clear) this.#clear();
    if (latency !== undefined) this.#playout.latency = Math.round(latency * RATE);
  }

  #clear() {
    this.#playout.clear();
    this.#ready = new Float32Array(0);
    if (this.#resampler) this.#resampler = new Resampler(RATE, sampleRate);
  }

  process(_, [[out]]) {
    const played = this.#resampler ? this.#resampled(out) : this.#playout.render(out);
    if (played.length) this.port.postMessage({ played });
    const playing = this.#playout.isPlaying;
    if (playing !== this.#wasPlaying) this.port.postMessage({ playing });
    this.#wasPlaying = playing;
    return true;
  }

  #resampled(out) {
    const played = [];
    while (this.#ready.length < out.length) {
      played.push(...this.#playout.render(this.#piece));
      const more = this.#resampler.process(this.#piece);
      const both = new Float32Array(this.#ready.length + more.length);
      both.set(this.#ready);
      both.set(more, this.#ready.length);
      this.#ready = both;
    }
    out.set(this.#ready.subarray(0, out.length));
    this.#ready = this.#ready.slice(out.length);
    return played;
  }
}

registerProcessor("cordboard-capture", Capture);
registerProcessor("cordboard-playback", Playback);
