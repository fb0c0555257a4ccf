// What the parts of a call are called, and how a call ended.

/** What a stage is called. */
export const STAGES = { stt: "Recogniser", llm: "Model", tts: "Voice", persona: "Persona" };

const ENDINGS = {
  caller: { words: "The caller hung up", sentence: "The caller hung up.", kind: "neutral" },
  script: { words: "The agent ended it", sentence: "The agent ended the call.", kind: "good" },
  transferred: { words: "Put through", sentence: "The caller was put through to somebody.", kind: "good" },
  operator: { words: "An operator ended it", sentence: "An operator ended the call.", kind: "neutral" },
  limit: { words: "Too long, ended", sentence: "The call reached the longest time that is allowed.", kind: "warning" },
  failed: { words: "Failed", sentence: "The call failed. The server's log says why.", kind: "bad" },
  lost: { words: "Lost with its server", sentence: "The server that held the call is gone.", kind: "bad" },
  busy: { words: "Busy", sentence: "The number was busy.", kind: "neutral" },
  "no-answer": { words: "Nobody picked up", sentence: "Nobody picked up.", kind: "neutral" },
  canceled: { words: "Cancelled", sentence: "The call was cancelled before anybody picked up.", kind: "neutral" },
};

const GOES_ON = { words: "Goes on", sentence: "The call goes on.", kind: "busy" };

/**
 * How a call ended: `{words, sentence, kind}`, in short and at length; kind is a badge's. `departure`: as the
 * server tells it; none: it goes on.
 */
export function ending(departure) {
  if (!departure) return GOES_ON;
  return ENDINGS[departure] ?? { words: departure, sentence: "The call is over.", kind: "neutral" };
}

/** The sentence of it, for a call that is over. */
export function ended(departure) {
  return ending(departure ?? "over").sentence;
}

/** For a control: the endings that there are, as `{value, label}`. */
export const ENDING_OPTIONS = Object.entries(ENDINGS).map(([value, { words }]) => ({ value, label: words }));
