// What can be chosen before a call, of what the server says: options for selects, and what is asked of the
// server in the end. An empty value is the route's own choice, and is not sent.

/** What a call is placed with, where nothing was chosen. */
export const AS_ROUTED = { persona: "", stt: "", llm: "", tts: "", line: "", language: "" };

/** Nobody recognises what the caller says. */
export const NOBODY = "none";

/** Options for one kind (persona, stt, llm or tts) of the server's choices: `{value, label, disabled}`. */
export function options(choices, kind) {
  const all = kind === "persona" ? choices.personas : choices[kind];
  const ids = routed(choices, kind);
  const byDefault = { value: "", label: `${ids.join(", then ") || "nobody"} (default)` };
  // one alone is the same as the default
  const others = all.filter(({ id }) => ids.length !== 1 || id !== ids[0]);
  const chosen = others.map(({ id, missing }) => ({
    value: id,
    label: missing ? `${id}: ${missing}` : id,
    disabled: Boolean(missing),
  }));
  const nobody = { value: NOBODY, label: "nobody: I type" };
  return kind === "stt" && ids.length ? [byDefault, ...chosen, nobody] : [byDefault, ...chosen];
}

/** What is said about what is chosen. */
export function about(choices, kind, value) {
  const all = kind === "persona" ? choices.personas : choices[kind];
  const id = value || routed(choices, kind)[0];
  return all.find((one) => one.id === id)?.about ?? "";
}

/** Whether nobody on the server will recognise what the caller says. */
export function nobodyRecognises(choices, chosen) {
  if (lineOf(choices, chosen) === "relay") return true;
  return chosen.stt === NOBODY || (chosen.stt === "" && choices.route.stt.length === 0);
}

/** stream or relay. */
export function lineOf(choices, chosen) {
  return chosen.line || (choices.lines.includes(choices.route.line) ? choices.route.line : choices.lines[0]);
}

/** What `POST /console/calls` is asked: nothing that is the route's choice or that the line does not have. */
export function wanted(choices, chosen) {
  const line = lineOf(choices, chosen);
  const { persona, stt, llm, tts, language } = chosen;
  const asked = line === "relay" ? { persona, llm } : { persona, stt, llm, tts };
  const filled = Object.entries({ ...asked, language: language.trim() }).filter(([, value]) => value);
  return { ...Object.fromEntries(filled), line };
}

// the ids of the route's choice: the first, and those that take over from it
function routed(choices, kind) {
  return [choices.route[kind]].flat().filter(Boolean);
}
