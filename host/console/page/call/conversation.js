// What was said in a call, as it grows: a list of entries, each made anew where it changes.
//
// An entry: {key, who: "caller" | "agent" | "note", text, state}. A caller's is "sent" until it is known what the
// server made of it, and "understood" then (`turn`: its number). An agent's is "said",
// "interrupted" (`heard`: how far it came) or "unheard".

/** The caller's words are on their way. */
export function sent(entries, text) {
  return add(entries, { who: "caller", text, state: "sent" });
}

/** The caller said this, and nobody has to understand it first. */
export function said(entries, text) {
  return add(entries, { who: "caller", text, state: "understood" });
}

/** A turn of the caller's was understood, or is understood otherwise now. */
export function turn(entries, { number, text }) {
  const rest = entries.filter(({ state }) => state !== "sent");
  const before = rest.find((entry) => entry.turn === number);
  if (before) return rest.map((entry) => (entry === before ? { ...entry, text } : entry));
  return add(rest, { who: "caller", text, state: "understood", turn: number }, entries);
}

/** The agent has said this, and so much of it was heard. */
export function spoke(entries, { text, heard }) {
  if (!text.trim()) return entries;
  return add(entries, { who: "agent", text, heard, state: outcome(text, heard) });
}

/** Something else that happened. */
export function note(entries, text) {
  return add(entries, { who: "note", text, state: "said" });
}

function outcome(text, heard) {
  if (heard.trim() === text.trim()) return "said";
  return heard.trim() ? "interrupted" : "unheard";
}

// a key is never used twice, also where entries are gone: `all` are those of before
function add(entries, entry, all = entries) {
  const key = Math.max(0, ...all.map(({ key }) => key)) + 1;
  return [...entries, { ...entry, key }];
}
