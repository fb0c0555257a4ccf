// What happened in a call, one thing after the other, in words: lines of the transcript and marks in their order.

/**
 * `{key, at, who, text, line, mark}` in the order of time: `who` is "Caller", "Agent" or "" where something
 * happened, `line` or `mark` what it is made of.
 */
export function what(timeline) {
  const said = timeline.lines.map((line) => ({
    key: `line-${line.key}`,
    at: line.at,
    who: line.who === "caller" ? "Caller" : "Agent",
    text: saying(line),
    line,
  }));
  const happened = timeline.marks.map((mark, index) => ({
    key: `mark-${index}`,
    at: mark.at,
    who: "",
    text: mark.text,
    mark,
  }));
  return [...said, ...happened].sort((one, other) => one.at - other.at);
}

/** A line, and what of it was not heard. */
function saying(line) {
  const unheard = missed(line);
  return unheard ? `${line.heard} (not heard: ${unheard})` : line.heard || line.text;
}

/** The end of what the agent meant to say that the caller did not hear; empty: they heard all of it. */
export function missed({ who, text, heard, ending }) {
  if (who !== "agent" || heard === null || ending === "complete" || ending === null) return "";
  const said = heard.replace(/(…|\.\.\.)$/, "").trimEnd();
  return text.startsWith(said) ? text.slice(said.length).trim() : "";
}
