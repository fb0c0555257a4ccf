// The phases of an answer, out of the moments that the server measures.

// each ends at its moment and begins where the one before it ended
const PHASES = [
  { name: "Recogniser", until: "transcript_ms", kind: "caller", about: "until the last words were understood" },
  { name: "Does the caller go on?", until: "closed_ms", kind: "pause", about: "until the turn was closed" },
  { name: "Model", until: "first_token_ms", kind: "agent", about: "until the first of the answer" },
  { name: "Sentence", until: "first_piece_ms", kind: "agent", about: "until there was enough to be spoken" },
  { name: "Voice", until: "first_audio_ms", kind: "agent", about: "until its first sound" },
  { name: "Out to the line", until: "first_frame_ms", kind: "agent", about: "until the first frame was sent" },
];

/**
 * `{name, about, kind, from, to}`, in milliseconds after the end of the caller's speech. What was not reached or not
 * measured is left out; what was there before the phase before it was over took no time.
 */
export function phases(metrics) {
  const all = [];
  let from = 0;
  for (const { until, ...phase } of PHASES) {
    const moment = metrics?.[until];
    if (typeof moment !== "number") continue;
    const to = Math.max(from, moment);
    all.push({ ...phase, from, to });
    from = to;
  }
  return all;
}

/** From the end of the caller's speech to the first frame of the answer, in ms; null: there was none. */
export function voiceToVoice(metrics) {
  return metrics?.first_frame_ms ?? null;
}
