// The browser's own recogniser, for servers that have none. It has its own microphone, and its own idea of where
// the sound goes: mostly to the servers of the browser's maker.

const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;

/** Whether the browser has one. */
export const browserRecognises = Boolean(Recognition);

const WORDS = {
  "not-allowed": "The browser's recogniser may not use the microphone.",
  "service-not-allowed": "The browser does not let this page use its recogniser.",
  "audio-capture": "The browser's recogniser found no microphone.",
  "language-not-supported": "The browser's recogniser does not know this language.",
  network: "The browser's recogniser cannot reach its maker's servers.",
};

/** Listens until it is stopped. `said(text, final)` is told the words, `failed(why)` why there are none. */
export class BrowserRecogniser {
  #recognition = new Recognition();
  #wanted = true;

  constructor({ language, said, failed }) {
    this.#recognition.lang = language;
    this.#recognition.continuous = true;
    this.#recognition.interimResults = true;
    this.#recognition.onresult = ({ results, resultIndex }) => {
      for (const result of [...results].slice(resultIndex)) {
        const text = result[0].transcript.trim();
        if (text) said(text, result.isFinal);
      }
    };
    this.#recognition.onerror = ({ error }) => {
      if (!(error in WORDS)) return;
      this.#wanted = false;
      failed(`${WORDS[error]} Type instead.`);
    };
    // it ends by itself after a silence
    this.#recognition.onend = () => this.#wanted && this.#recognition.start();
    this.#recognition.start();
  }

  stop() {
    this.#wanted = false;
    this.#recognition.abort();
  }
}
