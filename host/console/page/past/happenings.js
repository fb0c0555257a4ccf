// What happened in a conversation besides what was said, in words.

import { STAGES } from "../naming.js";
import { capital, written } from "../words.js";

const TOOL_STEPS = {
  requested: "was asked for",
  sent: "was begun",
  done: "is done",
  lost: "was begun, and nobody knows how it ended",
};

const LINES = {
  attached: { words: "The line is there" },
  lost: { words: "The line was lost", kind: "warning" },
  back: { words: "The line came back" },
};

/** By the server's names: what is shown, or how it is made of the event's data. */
const WORDS = {
  trouble: ({ what }) => ({ words: `Trouble: ${what}`, kind: "bad" }),
  failed_over: ({ stage, from, to }) => ({
    words: `${capital(stageName(stage))} ${from} failed; ${to} went on`,
    kind: "warning",
  }),
  exchanged: ({ stage, component, generation }) => ({
    words: `${capital(stageName(stage))} is another build: ${component}, generation ${generation}`,
  }),
  tool: ({ name, step, turn }) => ({
    words: `The tool ${name} ${TOOL_STEPS[step] ?? step}${turn ? ` (turn ${turn})` : ""}`,
    kind: step === "lost" ? "bad" : undefined,
  }),
  interrupt: () => ({ words: "An operator interrupted the agent" }),
  operator: ({ text }) => ({ words: `An operator told the persona: ${text}` }),
  line: ({ state }) => LINES[state],
  transfer: ({ to, warm, by }) => ({
    words: `The caller is to be put through to ${to}${warm ? ", announced" : ""}${by ? ` (${by})` : ""}`,
  }),
  transferred: () => ({ words: "The caller was put through" }),
  status: ({ status }) => ({ words: `Status: ${status}` }),
  answered_by: ({ answered_by }) => ({ words: `Answered by: ${answered_by}` }),
  outcome: ({ outcome }) => ({ words: `Outcome: ${outcome}` }),
  kept: ({ fields }) => ({ words: `Kept: ${pairs(fields)}` }),
  metrics: ({ turn, first_frame_ms }) => ({
    words:
      typeof first_frame_ms === "number"
        ? `Turn ${turn}: voice to voice ${Math.round(first_frame_ms)} ms`
        : `Turn ${turn}: no answer was heard`,
  }),
};

/** What is told by all of its data. */
const DETAILED = { consumed: "What the components took" };

/**
 * An event of a record as `{words, kind?, more?}`. `kind`: a badge's, where it needs attention; `more`: what
 * there is to be known besides, as text.
 */
export function happening({ event, data }) {
  const known = WORDS[event]?.(data ?? {});
  if (known) return { ...known, kind: known.kind ?? "neutral" };
  const more = data && Object.keys(data).length ? JSON.stringify(data, null, 1) : undefined;
  return { words: DETAILED[event] ?? capital(event.replaceAll("_", " ")), kind: "neutral", more };
}

/** How a stage is called: `the model`. */
export function stageName(stage) {
  return STAGES[stage] ? `the ${STAGES[stage].toLowerCase()}` : (stage ?? "a component");
}

function pairs(fields) {
  return Object.entries(fields ?? {})
    .map(([name, value]) => `${name} = ${written(value)}`)
    .join(", ");
}
