// When each turn of a kept conversation was spoken. What is kept is when a turn of the caller's was closed, and when the
// agent had stopped: where either began, and where the caller stopped, is heard in the recording; without one it
// follows from how quick the turn was; and without that it is estimated from the length of the words.

/** A character takes about as long to say, in milliseconds. */
const CHARACTER_MS = 65;
const SHORTEST_MS = 300;
/** This loud (0..100) is speech and not the line's noise: -42 dBFS. */
const SPEECH = 30;
/** A hole of this length, in milliseconds, ends what was said before it. */
const PAUSE_MS = 3000;

/** How long it takes to say this, in milliseconds; an estimate. */
export function spokenMs(text) {
  return Math.max(SHORTEST_MS, (text ?? "").length * CHARACTER_MS);
}

/**
 * The turns of a record (GET /conversations/{id}) in the order in which they were kept, `{row, from, to, closed,
 * estimated}`: in milliseconds since `created_at` of the conversation. `closed`: when it was kept; `estimated`: where it
 * begins is. `levels`: of the recording, if there is one (`{step_ms, caller, agent}`, see wav.js).
 */
export function times({ conversation, turns = [], events = [], levels }) {
  const begin = Date.parse(conversation.created_at);
  const metrics = newestMetrics(events);
  // of each side: where its last turn was closed, and where it ended
  const last = { caller: { closed: 0, to: 0 }, agent: { closed: 0, to: 0 } };
  // where the caller's speech of a turn ended, until it is answered
  const asked = new Map();
  return [...turns]
    .sort((one, other) => Date.parse(one.created_at) - Date.parse(other.created_at))
    .map((row) => {
      const closed = Math.max(0, Date.parse(row.created_at) - begin);
      const took = metrics.get(row.turn);
      const before = last[row.speaker];
      const time = heard(row, closed, before, levels) ?? measured(row, closed, before, { took, asked });
      if (row.speaker === "caller") asked.set(row.turn, speechEnd(closed, took));
      else asked.delete(row.turn);
      last[row.speaker] = { closed, to: time.to };
      return { row, closed, ...time };
    });
}

function newestMetrics(events) {
  const newest = new Map();
  for (const { event, data } of events) if (event === "metrics") newest.set(data.turn, data);
  return newest;
}

// from the sound of this side between its last turn and the end of this one; nothing: it is silent
function heard({ speaker }, closed, before, levels) {
  const side = levels?.[speaker];
  if (!side) return undefined;
  const { step_ms } = levels;
  const first = Math.floor(before.closed / step_ms);
  let behind = Math.min(Math.ceil(closed / step_ms), side.length);
  while (behind > first && side[behind - 1] < SPEECH) behind -= 1;
  if (behind <= first) return undefined;
  let start = behind - 1;
  for (let step = start; step >= first && (start - step) * step_ms <= PAUSE_MS; step -= 1) {
    if (side[step] >= SPEECH) start = step;
  }
  return { from: start * step_ms, to: Math.min(closed, behind * step_ms), estimated: false };
}

function measured({ speaker, turn, text }, closed, before, { took, asked }) {
  const to = speaker === "caller" ? speechEnd(closed, took) : closed;
  const first = speaker === "agent" && asked.has(turn) ? took?.first_frame_ms : undefined;
  const known = typeof first === "number" ? Math.round(asked.get(turn) + first) : undefined;
  if (known !== undefined && known < to) return { from: known, to, estimated: false };
  return { from: Math.min(to, Math.max(before.to, to - spokenMs(text))), to, estimated: true };
}

function speechEnd(closed, took) {
  return Math.max(0, Math.round(closed - (took?.closed_ms ?? 0)));
}
