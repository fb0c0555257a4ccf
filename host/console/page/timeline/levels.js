// How loud one side of a call was, step after step: it grows at its end while the call goes on.

/** The arrival of successive pieces trembles by so many steps; more is a gap. */
const TREMBLE = 8;
const AT_FIRST = 3000;

/** Loudness from a moment on, one value (0 silence to 100 full scale) for each step. */
export class Levels {
  constructor(stepMs = 20) {
    this.step_ms = stepMs;
    /** ms since epoch of the first value; undefined: there is none */
    this.from = undefined;
    this.length = 0;
    this.values = new Uint8Array(AT_FIRST);
  }

  /** A whole recording's, from its beginning. */
  static whole(values, stepMs, from) {
    const levels = new Levels(stepMs);
    Object.assign(levels, { from, values, length: values.length });
    return levels;
  }

  /** ms since epoch of where the last value ends. */
  get to() {
    return this.from === undefined ? undefined : this.from + this.length * this.step_ms;
  }

  /** Successive values, the last of which ends at `end` (ms since epoch). What was there before stays. */
  append(values, end) {
    const begin = end - values.length * this.step_ms;
    this.from ??= begin;
    const meant = Math.round((begin - this.from) / this.step_ms);
    const index = Math.abs(meant - this.length) <= TREMBLE ? this.length : meant;
    if (index < this.length) return;
    this.#reach(index + values.length);
    this.values.set(values, index);
    this.length = index + values.length;
  }

  /** These, and after their end what others have, whatever their step is. */
  followedBy(later) {
    if (!later.length) return this;
    const more = [];
    for (let at = this.to; at < later.to; at += this.step_ms) more.push(later.peak(at, at + this.step_ms));
    if (more.length) this.append(more, this.to + more.length * this.step_ms);
    return this;
  }

  /** The loudest between two moments (ms since epoch); 0 where nothing is known. */
  peak(from, to) {
    if (this.from === undefined) return 0;
    const first = Math.floor((from - this.from) / this.step_ms);
    const last = Math.min(this.length, Math.max(first + 1, Math.ceil((to - this.from) / this.step_ms)));
    let peak = 0;
    for (let at = Math.max(0, first); at < last; at += 1) if (this.values[at] > peak) peak = this.values[at];
    return peak;
  }

  #reach(length) {
    if (length <= this.values.length) return;
    const longer = new Uint8Array(Math.max(length, this.values.length * 2));
    longer.set(this.values.subarray(0, this.length));
    this.values = longer;
  }
}
