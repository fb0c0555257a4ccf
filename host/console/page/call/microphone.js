// The microphone, and what to do where there is none, in words.

const WORDS = {
  refused:
    "This page may not use the microphone. Allow it in the browser's settings for this page (beside its address), " +
    "then try again. Until then, type.",
  absent: "No microphone was found. Connect one and try again. Until then, type.",
  busy:
    "The microphone cannot be opened; another program may be using it. Close that program and try again. " +
    "Until then, type.",
  insecure:
    "Browsers give the microphone to secure pages only. Open this page with https://, or as http://localhost on the " +
    "machine where the server runs. Until then, type.",
  unplugged: "The microphone is gone. Connect it and try again. Until then, type.",
  broken: "The browser does not give the microphone's sound any more. Try again. Until then, type.",
  skipped: "The microphone is not used. Type what you say.",
};

/** Why there is no microphone. `state`: refused, absent or insecure; `message`: a sentence for the user. */
export class NoMicrophone extends Error {
  constructor(state, why = state) {
    super(WORDS[why]);
    this.name = "NoMicrophone";
    this.state = state;
  }

  static unplugged() {
    return new NoMicrophone("absent", "unplugged");
  }

  static broken() {
    return new NoMicrophone("absent", "broken");
  }

  static skipped() {
    return new NoMicrophone("off", "skipped");
  }
}

/** What getUserMedia's refusals mean (Media Capture and Streams, 10.2). */
export function meaning({ name }) {
  if (name === "NotAllowedError" || name === "SecurityError") return new NoMicrophone("refused");
  if (name === "NotReadableError" || name === "AbortError") return new NoMicrophone("absent", "busy");
  return new NoMicrophone("absent");
}

/**
 * Asks for the microphone: a MediaStream. `cleaned`: without its echo, its noise, and at an even level. Throws
 * {@link NoMicrophone}.
 */
export async function microphone({ cleaned }) {
  // a page that is not secure has no media devices at all
  if (!globalThis.isSecureContext || !navigator.mediaDevices) throw new NoMicrophone("insecure");
  const audio = {
    channelCount: 1,
    echoCancellation: cleaned,
    noiseSuppression: cleaned,
    autoGainControl: cleaned,
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    throw meaning(error);
  }
}
