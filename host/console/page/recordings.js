// Recordings, as the server gives them: whole files, which go on growing while their calls do.

import { ask } from "./api.js";
import { levels, readHead, settle } from "./wav.js";

/**
 * The recording at `path`: `{file: Blob, durationMs, levels}`, the last two only where it can be drawn (see wav.js).
 * Throws {@link Refused}.
 */
export async function fetchRecording(path, signal) {
  const bytes = new Uint8Array(await (await ask(path, { signal })).arrayBuffer());
  let drawn = {};
  try {
    const head = readHead(bytes);
    settle(bytes, head);
    drawn = { durationMs: head.durationMs, levels: levels(bytes, head) };
  } catch {
    // it may be heard all the same: what cannot be drawn is not shown
  }
  return { file: new Blob([bytes], { type: "audio/wav" }), ...drawn };
}
