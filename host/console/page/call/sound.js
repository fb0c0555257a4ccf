// The page's ears and mouth: the browser's audio, as ports of a line. Where the page has an AudioWorklet (secure
// pages), everything runs there, at 8000 Hz if the browser can; elsewhere the agent is heard nevertheless, and
// the caller's frames are silence.

import { FRAME, FRAME_MS } from "./framer.js";
import { RATE, SILENCE } from "./mulaw.js";
import { ScheduledPlayback, WorkletPlayback } from "./playback.js";
import { due } from "./silence.js";
import { loudness, peak } from "./level.js";

// what the meter looks back on: milliseconds
const LOOKS_BACK = 100;

/**
 * `frame(bytes)` is told 20 ms of the caller, `played(ids)` which marks were heard, `playing(boolean)` when the
 * agent begins and ends to be heard, `blocked(boolean)` that the browser plays nothing, or does again. Where the
 * browser's audio breaks, it goes on by simpler means: `deaf()` tells that the microphone is not heard any more,
 * `broken()` that what was waiting to be played, and its marks, are gone.
 */
export class Sound {
  #tell;
  #context;
  #playback;
  #analyser;
  #capture;
  #source;
  // another context, where the microphone could not be connected to the first
  #ownContext;
  #level = 0;
  #ticking;

  constructor(tell) {
    this.#tell = tell;
  }

  /** Makes everything ready; `stream`: the microphone, if there is one. To be called while the user presses. */
  async open(stream) {
    this.#context = await contextFor(stream);
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = powerOfTwo((this.#context.sampleRate * LOOKS_BACK) / 1000);
    this.#analyser.connect(this.#context.destination);
    const tell = { played: (ids) => this.#tell.played(ids), playing: (playing) => this.#tell.playing(playing) };
    if (this.#context.audioWorklet) {
      await this.#context.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
      this.#playback = new WorkletPlayback(this.#context, this.#analyser, { ...tell, broken: () => this.#broken(tell) });
      this.#listen(this.#context, stream);
    } else {
      this.#playback = new ScheduledPlayback(this.#context, this.#analyser, tell);
    }
    this.#context.onstatechange = () => this.#watch();
    // what never happens where there is no loudspeaker at all
    this.#context.resume().catch(() => {});
    this.#watch();
  }

  /** The microphone, where it comes later. */
  async attach(stream) {
    try {
      if (this.#capture) this.#connect(this.#context, stream);
      else this.#listen(this.#context, stream);
    } catch {
      // a browser that connects streams of the device's own rate only
      this.#ownContext ??= new AudioContext();
      await this.#ownContext.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
      this.#listen(this.#ownContext, stream);
    }
    this.#watch();
  }

  play(bytes) {
    this.#playback?.play(bytes);
  }

  mark(id) {
    this.#playback?.mark(id);
  }

  clear() {
    this.#playback?.clear();
  }

  /** How loud the agent is just now, behind everything that plays it: 0 to 100. */
  agentLevel() {
    if (!this.#analyser || this.#context.state !== "running") return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    return loudness(peak(samples));
  }

  /** How loud the caller is just now: 0 to 100. */
  callerLevel() {
    return this.#source ? this.#level : 0;
  }

  /** Has the browser play what it held back; to be called while the user presses. */
  resume() {
    return this.#context?.resume();
  }

  close() {
    clearInterval(this.#ticking);
    for (const context of [this.#context, this.#ownContext]) {
      if (!context) continue;
      context.onstatechange = null;
      context.close().catch(() => {});
    }
    this.#capture?.port.close();
    this.#context = this.#ownContext = this.#playback = this.#analyser = undefined;
  }

  #listen(context, stream) {
    this.#unplug();
    // with an output that is connected, though silent, it runs without a microphone too
    const capture = new AudioWorkletNode(context, "cordboard-capture", {
      numberOfOutputs: 1,
      outputChannelCount: [1],
      channelCount: 1,
      channelCountMode: "explicit",
    });
    this.#capture = capture;
    capture.connect(context.destination);
    capture.port.onmessage = ({ data: { frame, level } }) => {
      this.#level = level;
      this.#tell.frame(new Uint8Array(frame));
    };
    capture.onprocessorerror = () => this.#capture === capture && this.#deaf();
    if (stream) this.#connect(context, stream);
  }

  #unplug() {
    if (!this.#capture) return;
    this.#source?.disconnect();
    this.#capture.port.close();
    this.#capture.disconnect();
    this.#source = this.#capture = undefined;
  }

  // a processor that has failed gives no frames any more
  #deaf() {
    this.#unplug();
    this.#watch();
    this.#tell.deaf();
  }

  #broken(tell) {
    if (!this.#context) return;
    this.#playback = new ScheduledPlayback(this.#context, this.#analyser, tell);
    this.#tell.playing(false);
    this.#tell.broken();
  }

  #connect(context, stream) {
    const source = context.createMediaStreamSource(stream);
    source.connect(this.#capture);
    this.#source?.disconnect();
    this.#source = source;
  }

  // while nothing runs here, a timer keeps the line alive with silence
  #watch() {
    if (!this.#context) return;
    const runs = this.#context.state === "running";
    this.#playback.running(runs, this.#context.outputLatency || this.#context.baseLatency || 0);
    this.#tell.blocked(!runs);
    clearInterval(this.#ticking);
    if (!runs || !this.#capture) this.#tick();
  }

  #tick() {
    let sent = performance.now();
    this.#ticking = setInterval(() => {
      const { frames, until } = due(sent, performance.now());
      sent = until;
      for (let frame = 0; frame < frames; frame += 1) this.#tell.frame(new Uint8Array(FRAME).fill(SILENCE));
    }, FRAME_MS);
  }
}

/** At 8000 Hz if the microphone can be connected to that, and at the device's own rate otherwise. */
async function contextFor(stream) {
  let context;
  try {
    context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    if (stream) context.createMediaStreamSource(stream);
    return context;
  } catch {
    await context?.close();
    return new AudioContext({ latencyHint: "interactive" });
  }
}

function powerOfTwo(atLeast) {
  return 2 ** Math.ceil(Math.log2(atLeast));
}
