// What the table of live calls says of each, and which are asked for.

/** How a state is shown: its word, and the kind of its badge. */
export const STATES = {
  ringing: ["ringing", "neutral"],
  listening: ["listening", "neutral"],
  hearing: ["caller speaks", "good"],
  thinking: ["thinking", "warning"],
  speaking: ["agent speaks", "busy"],
  lost: ["line lost", "bad"],
  over: ["over", "neutral"],
};

/** The other side: who calls us, or whom we called. */
export function who(call) {
  if (call.console) return "Browser";
  return numbered(call) || "Unknown number";
}

/** The other side's number, if it has one by which it can be told from others. */
export function numbered({ direction, from, to }) {
  return (direction === "outbound" ? to : from) ?? null;
}

/** How they came here, in words. */
export function way({ console: browser, direction, from, to }) {
  if (browser) return "from the console";
  if (direction === "outbound") return from ? `called by us from ${from}` : "called by us";
  return to ? `calls ${to}` : "calls us";
}

/** A long id, as far as calls can be told apart by it. */
export function shortened(id) {
  return id.length > 14 ? `${id.slice(0, 4)}…${id.slice(-6)}` : id;
}

/** The providers' ids in the order of their work. */
export function providers({ providers = {} }) {
  return ["stt", "llm", "tts"].map((stage) => providers[stage]).filter(Boolean);
}

/** Since when it goes on, in ms since epoch. */
export function begun({ start_time, created_at }) {
  return Date.parse(start_time ?? created_at);
}

/** Whether a call has every word of `wanted` somewhere: number, persona, provider, state, line, name. */
export function matches(call, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const state = STATES[call.state]?.[0];
  const all = [who(call), call.from, call.to, call.id, call.persona, call.line, call.state, state, call.direction];
  const text = [...all, ...providers(call), call.node].filter(Boolean).join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** How many calls are in each state: `{speaking: 3, …}`. */
export function counted(calls) {
  const counts = {};
  for (const { state } of calls) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
