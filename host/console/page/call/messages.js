// What the messages of both lines have in common.

/** A message that came, or nothing where it is none. */
export function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An identifier as Twilio has them: two letters that say of what, and 32 hexadecimal digits. */
export function randomSid(letters) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return letters + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
