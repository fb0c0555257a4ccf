// What happens in a call, put together out of its events: who spoke when, what was understood, what went wrong
// and how quick every answer was. It draws nothing and asks nobody.

import { happen } from "./happens.js";
import { Levels } from "./levels.js";
import { SAME_MS, retold } from "./record.js";

const WRONG = new Set(["trouble", "failover", "line-lost"]);

/**
 * A call in time. All moments are milliseconds since the epoch.
 *
 * - `start`, `live`; `end`: what is known last; `edge(now)`: where the call is by now
 * - `spans`: `{lane: "caller"|"agent"|"thinking", from, to, text, kind}`, in the order in which they began. `to` is
 *   null while it goes on. `kind`: of the caller "speech", of the agent "speaking" and then how it ended
 *   ("complete", "interrupted", "cancelled", "failed"), of thinking "thinking"; `estimated`: how long it took is.
 * - `words`: when the recogniser said something: `{at, final}`
 * - `lines`: the transcript: `{key, at, who: "caller"|"agent", text, heard, ending, turn, final}`; not `final` while
 *   words are still coming
 * - `marks`: `{at, kind, text}`; kind: "interruption", "tool", "trouble", "failover", "exchange", "line-lost",
 *   "line-back", "operator", "transfer", "outcome", "end"
 * - `turns`: of the caller: `{number, revision, at, speechEnd, text, answer, heard, ending, metrics, tools}`;
 *   `metrics` as the server tells them (ms after the end of speech, null if not reached), or null
 * - `levels`: `{caller, agent}`, see {@link Levels}
 * - `call`: the call as the server last told it whole, if it did; `kept`, `outcome`, `departure`, `providers`
 */
export class Timeline {
  constructor(start) {
    this.start = start;
    this.end = start;
    this.live = true;
    this.spans = [];
    this.words = [];
    this.lines = [];
    this.marks = [];
    this.turns = [];
    this.levels = { caller: new Levels(), agent: new Levels() };
    this.call = undefined;
    this.kept = {};
    this.outcome = null;
    this.departure = null;
    this.providers = {};
    this.lineLost = false;
    this.open = { caller: undefined, thinking: undefined };
    /** what the agent is saying, and what of it is queued behind: `{span, line}` */
    this.speeches = [];
    this.keys = 0;
    this.lag = undefined;
    /** where the call was known before what happens now */
    this.known = start;
    this.listeners = new Set();
  }

  /** A call of which this was kept: what GET /conversations/{id} answers. */
  static fromRecord(record) {
    const timeline = new Timeline(Date.parse(record.conversation.created_at));
    for (const event of retold(record)) timeline.add(event);
    return timeline;
  }

  /**
   * Something happened, as GET /calls/{id}/events tells it. `received`: when we heard of it, for the difference
   * of the clocks; left out for what is long past.
   */
  add(event, received) {
    const at = Date.parse(event.at);
    this.start ??= event.event === "call" ? Date.parse(event.start_time ?? event.created_at) : at;
    this.known = this.end ?? at;
    this.end = Math.max(this.known, at);
    if (received !== undefined) this.lag = Math.min(this.lag ?? Infinity, received - at);
    happen(this, at, event);
    if (event.event === "levels") this.#louder();
  }

  /** The loudness of the recording as far as it is, which begins at `start`; what came after that stays. */
  addWaveform({ step_ms: step, caller, agent }, start) {
    this.levels = {
      caller: Levels.whole(caller, step, start).followedBy(this.levels.caller),
      agent: Levels.whole(agent, step, start).followedBy(this.levels.agent),
    };
    if (!this.live) this.end = Math.max(this.end, this.levels.caller.to, this.levels.agent.to);
    this.#louder();
  }

  /** Calls `listener()` when more of the loudness is known, which is often. Gives what ends that. */
  onLevels(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  #louder() {
    for (const listener of this.listeners) listener();
  }

  /** Where the call is, when our clock shows `now`. */
  edge(now) {
    if (!this.live || this.lag === undefined) return this.end;
    return Math.max(this.end, now - this.lag);
  }

  /** How the call stands: "ringing", "listening", "hearing", "thinking", "speaking", "lost", "over". */
  get state() {
    if (!this.live) return "over";
    if (this.lineLost) return "lost";
    if (this.open.caller) return "hearing";
    if (this.speeches.length) return "speaking";
    if (this.open.thinking) return "thinking";
    return this.call?.state === "ringing" ? "ringing" : "listening";
  }

  /** Voice to voice of the newest turn that has it, in milliseconds; null: none has. */
  get latency() {
    const measured = this.turns.filter((turn) => typeof turn.metrics?.first_frame_ms === "number");
    return measured.at(-1)?.metrics.first_frame_ms ?? null;
  }

  /** What did not go as it should, newest first: marks. */
  get trouble() {
    return this.marks.filter(({ kind }) => WRONG.has(kind)).reverse();
  }

  /** A span begins. One that goes on in this lane ends with it. */
  begin(lane, from, more) {
    this.finish(lane, from);
    const span = { lane, from, to: null, text: "", kind: "speech", estimated: false, ...more };
    this.spans.push(span);
    this.open[lane] = span;
    return span;
  }

  /** What goes on in this lane is over. */
  finish(lane, to, more) {
    const span = this.open[lane];
    if (span) Object.assign(span, { to: Math.max(span.from, to) }, more);
    this.open[lane] = undefined;
    return span;
  }

  mark(at, kind, text) {
    const same = (mark) => mark.kind === kind && mark.text === text && Math.abs(mark.at - at) < SAME_MS;
    if (!this.marks.some(same)) this.marks.push({ at, kind, text });
  }

  /** A line of the transcript begins. */
  write(who, at, more) {
    const unknown = { text: "", heard: null, ending: null, turn: null, final: false };
    const line = { key: (this.keys += 1), at, who, ...unknown, ...more };
    this.lines.push(line);
    return line;
  }

  /** The caller's words that are still coming, or a line for them. */
  growing(at) {
    return this.lines.findLast((line) => line.who === "caller" && !line.final) ?? this.write("caller", at);
  }

  /** The agent begins to be heard, or will when it has said what it is saying. */
  speak(at, { text, estimated = false }) {
    // how long it thought is known no better than when it began to speak
    this.finish("thinking", at, estimated ? { estimated } : undefined);
    const span = { lane: "agent", from: at, to: null, text, kind: "speaking", estimated };
    this.spans.push(span);
    const speech = { span, line: this.write("agent", at, { text, turn: this.turns.at(-1)?.number ?? null }) };
    this.speeches.push(speech);
    return speech;
  }

  /** It has been said so far as it will be; what is queued behind it begins. */
  spoken(speech, at, more) {
    Object.assign(speech.span, { to: Math.max(speech.span.from, at) }, more);
    this.speeches = this.speeches.filter((other) => other !== speech);
    const [next] = this.speeches;
    if (next) next.span.from = next.line.at = Math.max(next.span.from, at);
  }

  turn(number) {
    return this.turns.findLast((turn) => turn.number === number);
  }
}
