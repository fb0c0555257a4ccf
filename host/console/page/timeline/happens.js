// What each event of a call does to its timeline (see model.js): the rules by which a call is understood.

import { Levels } from "./levels.js";
import { STAGES, ended } from "../naming.js";
import { SAME_MS } from "./record.js";
import { spokenMs } from "./times.js";

/** Who spoke so long ago may be the reason of what happens now. */
const JUST_NOW_MS = 2000;

const UNANSWERED = new Set(["busy", "no-answer", "canceled", "failed"]);

/** An event of the call happened at `at` (ms since epoch). Of unknown events nothing is understood. */
export function happen(timeline, at, event) {
  HAPPENS[event.event]?.(timeline, at, event);
}

const HAPPENS = {
  call(timeline, at, view) {
    const { conversation, ...call } = view;
    timeline.call = call;
    timeline.providers = { ...view.providers };
    timeline.kept = { ...timeline.kept, ...view.kept };
    timeline.outcome = view.outcome ?? timeline.outcome;
    timeline.lineLost = view.state === "lost";
    for (const line of conversation ?? []) recall(timeline, line);
    for (const { at, what } of view.trouble ?? []) timeline.mark(Date.parse(at), "trouble", what);
    stand(timeline, at, view);
    if (view.end_time || view.state === "over") over(timeline, Date.parse(view.end_time ?? view.at), view.departure);
  },
  caller(timeline, at, { speaking, estimated = false }) {
    if (!speaking) timeline.finish("caller", at);
    else if (!timeline.open.caller) timeline.begin("caller", at, { estimated });
    // who speaks goes on with the turn, or begins the next
    if (speaking) timeline.finish("thinking", at);
  },
  partial(timeline, at, { text }) {
    timeline.words.push({ at, final: false });
    timeline.growing(at).text = text;
  },
  turn: closed,
  speaks(timeline, at, { text, estimated = false }) {
    timeline.speak(at, { text, estimated });
  },
  spoke,
  tool(timeline, at, { turn, name, call, step }) {
    const tools = timeline.turn(turn)?.tools;
    const known = tools?.find((tool) => tool.call === call);
    if (known) Object.assign(known, { step, at });
    else tools?.push({ name, call, step, at });
    if (step === "requested") timeline.mark(at, "tool", `Tool ${name}`);
    else if (step !== "sent") timeline.mark(at, "tool", `Tool ${name}: ${step}`);
    if (step === "lost") timeline.mark(at, "trouble", `The result of the tool ${name} was lost.`);
  },
  metrics(timeline, at, { turn: number, revision, at: _, event: __, ...metrics }) {
    const turn = timeline.turn(number);
    if (!turn || revision < turn.revision) return;
    turn.metrics = { ...metrics, revision };
    if (typeof metrics.closed_ms === "number") turn.speechEnd = turn.at - metrics.closed_ms;
  },
  line(timeline, at, { state }) {
    timeline.lineLost = state === "lost";
    if (state === "lost") timeline.mark(at, "line-lost", "The line was lost.");
    if (state === "back") timeline.mark(at, "line-back", "The line is back.");
    if (timeline.call && timeline.call.state === "ringing") timeline.call = { ...timeline.call, state: "listening" };
  },
  status(timeline, at, { status }) {
    if (timeline.call) timeline.call = { ...timeline.call, status };
    if (UNANSWERED.has(status)) over(timeline, at, status);
  },
  answered_by(timeline, at, { answered_by }) {
    if (timeline.call) timeline.call = { ...timeline.call, answered_by };
  },
  kept(timeline, at, { fields }) {
    timeline.kept = { ...timeline.kept, ...fields };
  },
  outcome(timeline, at, { outcome }) {
    timeline.outcome = outcome;
    timeline.mark(at, "outcome", `Outcome: ${outcome}`);
  },
  exchanged(timeline, at, { stage, component, generation }) {
    if (stage !== "persona") timeline.providers = { ...timeline.providers, [stage]: component };
    else if (timeline.call) timeline.call = { ...timeline.call, persona: component };
    timeline.mark(at, "exchange", `${STAGES[stage] ?? stage}: ${component}, generation ${generation}, goes on.`);
  },
  failed_over(timeline, at, { stage, from, to }) {
    timeline.providers = { ...timeline.providers, [stage]: to };
    timeline.mark(at, "failover", `${STAGES[stage] ?? stage}: ${from} failed, ${to} goes on.`);
  },
  trouble(timeline, at, { what }) {
    timeline.mark(at, "trouble", what);
  },
  interrupt(timeline, at) {
    timeline.mark(at, "operator", "An operator interrupted the agent.");
  },
  operator(timeline, at, { text }) {
    timeline.mark(at, "operator", `An operator whispered: ${text}`);
  },
  transfer(timeline, at, { to }) {
    timeline.mark(at, "transfer", to ? `Transfer to ${to}` : "Transfer");
  },
  transferred(timeline, at) {
    timeline.mark(at, "transfer", "The caller was put through.");
  },
  end(timeline, at, { departure }) {
    over(timeline, at, departure);
  },
  levels(timeline, at, { step_ms: step, caller, agent }) {
    for (const [side, values] of [["caller", caller], ["agent", agent]]) {
      const levels = timeline.levels[side];
      // another step is another recording: it begins anew
      if (levels.length === 0 || levels.step_ms === step) levels.step_ms = step;
      else timeline.levels[side] = new Levels(step);
      timeline.levels[side].append(values, at);
    }
  },
};

// the caller's turn is closed, or closed once more, with more in it
function closed(timeline, at, { number, revision = 0, text }) {
  const said = { revision, at, text, answer: "", heard: "", ending: null, metrics: null };
  const known = timeline.turn(number);
  if (known && revision < known.revision) return;
  const speechEnd = timeline.open.caller ? at : lastOf(timeline, "caller")?.to ?? at;
  if (known) Object.assign(known, said, { speechEnd });
  else timeline.turns.push({ number, speechEnd, tools: [], ...said });
  timeline.words.push({ at, final: true });
  const span = timeline.open.caller ?? lastOf(timeline, "caller");
  if (span) span.text = text;
  write(timeline, number, { at, text, from: span?.from ?? at });
  if (!timeline.speeches.length) timeline.begin("thinking", at, { kind: "thinking" });
}

function write(timeline, number, { at, text, from }) {
  const known = timeline.lines.findLast((line) => line.who === "caller" && line.turn === number);
  if (known) timeline.lines = timeline.lines.filter((line) => line.who !== "caller" || line.final);
  const line = known ?? timeline.growing(at);
  Object.assign(line, { at: Math.min(line.at, from), text, turn: number, final: true });
}

function lastOf(timeline, lane) {
  return timeline.spans.findLast((span) => span.lane === lane);
}

function spoke(timeline, at, { text, heard, ending }) {
  let speech = meant(timeline, text) ?? (heard ? timeline.speeches[0] : undefined);
  // we came while it was being said
  if (!speech && heard) speech = timeline.speak(at - spokenMs(heard), { text, estimated: true });
  const turn = timeline.turn(speech?.line.turn) ?? timeline.turns.at(-1);
  if (turn) {
    turn.answer = join(turn.answer, text);
    turn.heard = join(turn.heard, heard);
    turn.ending = ending;
  }
  if (!speech) return void timeline.finish("thinking", at);
  timeline.spoken(speech, at, { text: heard, kind: ending });
  if (ending === "interrupted") timeline.mark(at, "interruption", interruption(timeline, at));
  if (heard) Object.assign(speech.line, { text, heard, ending, final: true });
  else forget(timeline, speech);
}

// the one that these words are of; when it began, fewer of them were known
function meant(timeline, text) {
  const words = text.trim();
  return timeline.speeches.find(({ span }) => words.startsWith(span.text.trim()) || span.text.startsWith(words));
}

function forget(timeline, speech) {
  timeline.lines = timeline.lines.filter((line) => line !== speech.line);
}

// an operator can interrupt the agent too
function interruption(timeline, at) {
  const caller = lastOf(timeline, "caller");
  const latest = Math.max(caller ? caller.to ?? at : -Infinity, timeline.words.at(-1)?.at ?? -Infinity);
  const operator = timeline.marks.some(({ kind, at: then }) => kind === "operator" && at - then < JUST_NOW_MS);
  // when the caller of a kept conversation began to speak is not known
  const heard = at - latest < JUST_NOW_MS || caller?.estimated;
  return heard && !operator ? "The caller cut in." : "The agent was interrupted.";
}

function join(one, other) {
  return [one, other].filter(Boolean).join(" ");
}

// a line of the conversation before we came, unless it is known
function recall(timeline, { at: time, who, text, turn = null }) {
  const at = Date.parse(time);
  const alike = (line) => (line.heard ?? line.text) === text && Math.abs(line.at - at) < spokenMs(text) + SAME_MS;
  const same = who === "caller" && turn !== null ? (line) => line.turn === turn : alike;
  const known = timeline.lines.find((line) => line.who === who && line.final && same(line));
  if (known) return void (who === "caller" && (known.text = text));
  const end = Math.max(timeline.start, at);
  const from = Math.max(timeline.start, end - spokenMs(text));
  const kind = who === "caller" ? "speech" : "complete";
  timeline.spans.push({ lane: who, from, to: end, text, kind, estimated: true });
  timeline.lines.push({ key: (timeline.keys += 1), at: from, who, text, heard: text, ending: null, turn, final: true });
  timeline.lines.sort((one, other) => one.at - other.at);
  timeline.spans.sort((one, other) => one.from - other.from);
  if (who === "caller" && turn !== null && !timeline.turn(turn)) {
    const unknown = { answer: "", heard: "", ending: null, metrics: null, tools: [] };
    timeline.turns.push({ number: turn, revision: 0, at, speechEnd: at, text, ...unknown });
  } else if (who === "agent" && timeline.turn(turn)) {
    const answered = timeline.turn(turn);
    answered.heard = join(answered.heard, text);
  }
}

// what goes on right now, as the server says
function stand(timeline, at, { state, speaking }) {
  // what we missed is not told: until then they spoke at least
  if (state !== "hearing") timeline.finish("caller", timeline.known);
  else if (!timeline.open.caller) timeline.begin("caller", at, { estimated: true });
  const thought = timeline.open.thinking;
  if (state === "thinking" && !thought) timeline.begin("thinking", at, { kind: "thinking" });
  if (speaking && meant(timeline, speaking)) return;
  for (const speech of timeline.speeches) {
    forget(timeline, speech);
    timeline.spans = timeline.spans.filter((span) => span !== speech.span);
  }
  timeline.speeches = [];
  // when it began is not known: at the earliest after the turn that it answers, or after all else
  const earliest = Math.max(timeline.start, ...timeline.spans.map(({ to }) => to ?? 0));
  if (speaking) timeline.speak(thought?.from ?? Math.min(at, earliest), { text: speaking, estimated: true });
  if (state !== "thinking") timeline.finish("thinking", at);
}

function over(timeline, at, departure) {
  timeline.finish("caller", at);
  timeline.finish("thinking", at);
  for (const speech of timeline.speeches) timeline.spoken(speech, at, { kind: "cancelled" });
  for (const line of timeline.lines) line.final = true;
  timeline.live = false;
  timeline.lineLost = false;
  timeline.departure = departure ?? timeline.departure;
  timeline.end = at;
  timeline.mark(at, "end", ended(timeline.departure));
}
