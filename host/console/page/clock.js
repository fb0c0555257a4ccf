// The server's clock, as far as its answers tell it: what the server dates is compared with this one, for the
// browser's own may be minutes away from it.

/** A `Date` header has whole seconds: the moment lies within this long after it. */
const SECOND_MS = 1000;

/** How far the server's clock is ahead of ours, narrowed down by every answer. */
export class ServerClock {
  /** in milliseconds: it is not less ahead, nor more */
  #least = -Infinity;
  #most = Infinity;

  /** An answer has this `Date` header (or null); by our clock it was asked for at `sent` and came at `received`. */
  dated(date, sent, received) {
    const moment = Date.parse(date ?? "");
    if (Number.isNaN(moment)) return;
    const [least, most] = [moment - received, moment + SECOND_MS - sent];
    // one of the clocks was set meanwhile
    if (least > this.#most || most < this.#least) [this.#least, this.#most] = [-Infinity, Infinity];
    this.#least = Math.max(this.#least, least);
    this.#most = Math.min(this.#most, most);
  }

  /** What it shows when ours shows `ours`, both in ms since epoch; ours, as long as nothing is known. */
  at(ours) {
    return this.#least === -Infinity ? ours : ours + (this.#least + this.#most) / 2;
  }
}
