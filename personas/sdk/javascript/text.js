// UTF-8: QuickJS has neither TextEncoder nor TextDecoder.

export function bytes(body) {
  if (typeof body !== 'string') return Uint8Array.from(body);
  const encoded = encodeURIComponent(body.toWellFormed()).match(/%..|[^]/g) ?? [];
  return Uint8Array.from(encoded, (c) => (c.length === 3 ? parseInt(c.slice(1), 16) : c.charCodeAt(0)));
}

/** What is no UTF-8 becomes U+FFFD. */
export function characters(body) {
  let text = '';
  for (let at = 0; at < body.length; ) {
    const lead = body[at];
    const size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const hex = Array.from(body.subarray(at, at + size), (byte) => `%${byte.toString(16).padStart(2, '0')}`);
    try {
      text += decodeURIComponent(hex.join(''));
      at += size;
    } catch {
      text += '\ufffd';
      at += 1;
    }
  }
  return text;
}
