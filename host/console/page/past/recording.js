// The recording of a conversation, to be heard and to be drawn.

import { fetchRecording } from "../recordings.js";
import { useEffect, useState } from "../vendor/htm-preact-3.1.1.js";

const NOT_RECORDED =
  "There is no recording: this conversation was not recorded, or its recording was deleted when its time was over.";

/**
 * `{url, levels, durationMs, error, busy}` of a record's recording, once it is here; `error` says why it cannot
 * be had. `asked`: another number fetches it again, with what was recorded since.
 */
export function useRecording(record, asked) {
  const [state, setState] = useState({ busy: true });
  const { id, recording, departure } = record.conversation;
  useEffect(() => {
    if (!recording && !record.recording) {
      setState({ error: new Error(NOT_RECORDED) });
      return undefined;
    }
    const ending = new AbortController();
    let url;
    setState((before) => ({ ...before, busy: true }));
    fetchRecording(record.recording ?? `/conversations/${id}/recording`, ending.signal).then(
      ({ file, ...heard }) => {
        if (ending.signal.aborted) return;
        url = URL.createObjectURL(file);
        setState({ url, ...heard });
      },
      (error) => !ending.signal.aborted && setState({ error }),
    );
    return () => {
      ending.abort();
      if (url) URL.revokeObjectURL(url);
    };
    // when it is over, there is more of it
  }, [id, recording, departure, asked]);
  return state;
}
