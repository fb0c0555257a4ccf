// Voices of a line of words: one that is only read, at the pace of speech, and the browser's own.

// how long it takes to speak one character: milliseconds
const PACE = 60;

/** Nothing is heard: the words take as long as speaking them would, so that one can cut in on them. */
export class ReadVoice {
  inSentences = false;
  #now;
  #after;
  #cancel;
  #began = 0;

  /** `after(milliseconds, done)` calls done then, and gives what takes that back. */
  constructor({ now, after }) {
    this.#now = now;
    this.#after = after;
  }

  speak(text, done) {
    this.#began = this.#now();
    this.#cancel = this.#after(text.length * PACE, done);
  }

  stop() {
    this.#cancel();
    return Math.floor((this.#now() - this.#began) / PACE);
  }
}

/** Whether the browser can speak. */
export function canSpeak() {
  return "speechSynthesis" in globalThis;
}

/** The browser's own voice. */
export class BrowserVoice {
  inSentences = true;
  #language;
  #utterance;
  #at = 0;

  constructor(language) {
    this.#language = language;
  }

  speak(text, done) {
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.lang = this.#language;
    const finish = () => {
      if (this.#utterance !== utterance) return;
      this.#utterance = undefined;
      done();
    };
    utterance.onboundary = ({ charIndex }) => (this.#at = charIndex);
    utterance.onend = finish;
    utterance.onerror = finish;
    this.#utterance = utterance;
    this.#at = 0;
    speechSynthesis.speak(utterance);
  }

  stop() {
    this.#utterance = undefined;
    speechSynthesis.cancel();
    return this.#at;
  }
}
