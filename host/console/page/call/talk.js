// What the agent has sent to be spoken on a line of words, and how far that has come.
//
// Words come in pieces; what belongs together is a talk cycle, and ends with a piece that is `last`. A voice
// speaks one piece after the other. Who cuts in ends everything that was sent by then.

/**
 * `voice`: `speak(text, done)` and `stop()`, which gives how many characters of the text were spoken; where
 * `inSentences` is true it is given whole sentences. `now()`: milliseconds. `tell` has `began()`,
 * `saying(text)` (the cycle, with the piece that is being spoken now) and `over({text, heard})`.
 */
export class Talk {
  #voice;
  #now;
  #tell;
  // {text, last, interruptible, preemptible}
  #queue = [];
  #current;
  // what was spoken of the cycle
  #spoken = "";
  #isOpen = false;
  #began = 0;
  #interruptible = true;
  // the last piece that came ended its cycle
  #isLastSent = true;

  constructor({ voice, now, tell }) {
    this.#voice = voice;
    this.#now = now;
    this.#tell = tell;
  }

  /** Something is being spoken, or will be. */
  get isSpeaking() {
    return this.#isOpen || this.#queue.length > 0;
  }

  /** The caller may cut in on what is being spoken. */
  get isInterruptible() {
    return this.#interruptible;
  }

  /** One more piece. A new cycle takes the place of what is preemptible. */
  push(piece) {
    if (this.#isLastSent) this.#preempt();
    this.#isLastSent = piece.last;
    this.#queue.push(piece);
    this.#next();
  }

  /**
   * Ends all of it at once: `{text, heard, milliseconds}` of the cycle that was being spoken; nothing where
   * nothing was. It is not told as over.
   */
  cut() {
    if (!this.isSpeaking) return undefined;
    const text = this.#whole();
    const heard = this.#stop();
    const milliseconds = this.#isOpen ? Math.round(this.#now() - this.#began) : 0;
    this.#queue = [];
    this.#spoken = "";
    this.#isOpen = false;
    this.#isLastSent = true;
    return { text, heard, milliseconds };
  }

  #preempt() {
    if (this.#current?.preemptible) {
      const whole = this.#whole();
      const heard = this.#stop();
      this.#over(whole, heard);
    }
    this.#queue = this.#queue.filter((piece) => !piece.preemptible);
  }

  // all of the cycle that was sent
  #whole() {
    const end = this.#queue.findIndex((piece) => piece.last);
    const waiting = this.#current?.last ? [] : this.#queue.slice(0, end < 0 ? undefined : end + 1);
    return this.#spoken + (this.#current?.text ?? "") + waiting.map((piece) => piece.text).join("");
  }

  // what was heard of the cycle
  #stop() {
    const heard = this.#spoken + (this.#current ? this.#current.text.slice(0, this.#voice.stop()) : "");
    this.#current = undefined;
    return heard;
  }

  #next() {
    while (!this.#current) {
      const piece = this.#take();
      if (!piece) return;
      this.#interruptible = piece.interruptible;
      if (!this.#isOpen && (piece.text || piece.last)) this.#open();
      if (piece.text) this.#speak(piece);
      else this.#finish(piece);
    }
  }

  #take() {
    const count = this.#voice.inSentences ? sentence(this.#queue) : 1;
    const taken = this.#queue.splice(0, count);
    if (!taken.length) return undefined;
    return { ...taken[0], text: taken.map((piece) => piece.text).join(""), last: taken.at(-1).last };
  }

  #open() {
    this.#isOpen = true;
    this.#began = this.#now();
    this.#tell.began();
  }

  #speak(piece) {
    this.#current = piece;
    this.#tell.saying(this.#spoken + piece.text);
    this.#voice.speak(piece.text, () => {
      this.#current = undefined;
      this.#finish(piece);
      this.#next();
    });
  }

  #finish(piece) {
    this.#spoken += piece.text;
    if (piece.last) this.#over(this.#spoken, this.#spoken);
  }

  #over(text, heard) {
    this.#spoken = "";
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#tell.over({ text, heard });
  }
}

// so many pieces are a sentence, or the rest of a cycle; 0: more has to come
function sentence(queue) {
  return 1 + queue.findIndex((piece) => piece.last || /[.!?…:;]\s*$/.test(piece.text));
}
