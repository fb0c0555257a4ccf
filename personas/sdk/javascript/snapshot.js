// A snapshot as JSON: the state at the last turn boundary, and what happened since.
//
// It has the same shape in every language, so that a persona may go on in another one: names as Rust writes
// them, enums and variants by the names of their cases.

/** `machine-beep` as `MachineBeep`. */
export const caseOf = (name) => name.replace(/(?:^|-)(.)/g, (_, letter) => letter.toUpperCase());

/** And back. */
const nameOf = (written) => written.replace(/[A-Z]/g, (c, at) => (at > 0 ? '-' : '') + c.toLowerCase());

/** The kind of an action and its id: what must agree when a script is restored. */
export function fingerprint({ tag, val }) {
  const id = tag === 'cancel' ? val : val?.id;
  return id === undefined ? tag : `${tag} ${id}`;
}

/** State, last id, who answered, and the tail. Throws where it is no snapshot. */
export function read(snapshot) {
  const { state, last_id, answered_by, tail } = JSON.parse(snapshot);
  if (typeof state !== 'object' || state === null || Array.isArray(state)) {
    throw new TypeError('its state is no object');
  }
  if (!Number.isInteger(last_id)) throw new TypeError('last_id is no whole number');
  return {
    state,
    lastId: last_id,
    answeredBy: answered_by == null ? null : nameOf(answered_by),
    tail: tail.map(({ at, event, did }) => ({ at, event: told(event), did: did ?? null })),
  };
}

/** An event, as it is written. */
export function tell({ tag, val }) {
  const name = caseOf(tag);
  return val == null ? name : { [name]: converted(tag, val, caseOf, writtenOutcome) };
}

function told(written) {
  if (typeof written === 'string') return { tag: nameOf(written) };
  const [[name, value]] = Object.entries(written);
  const tag = nameOf(name);
  return { tag, val: converted(tag, value, nameOf, readOutcome) };
}

/** Names of cases are the only thing that is written in another way, but for what a request gave. */
function converted(tag, val, name, outcome) {
  switch (tag) {
    case 'answered-by':
    case 'ended':
      return name(val);
    case 'done':
      return { ...val, ending: name(val.ending) };
    case 'keys':
      return { ...val, by: name(val.by) };
    case 'response':
      return { ...val, outcome: outcome(val.outcome) };
    default:
      return val;
  }
}

function writtenOutcome({ tag, val }) {
  if (tag === 'ok') return { Ok: { head: val.head, body: Array.from(val.body) } };
  return { Err: { ...val, fault: caseOf(val.fault) } };
}

function readOutcome({ Ok: ok, Err: err }) {
  if (ok !== undefined) return { tag: 'ok', val: { head: ok.head, body: Uint8Array.from(ok.body) } };
  return { tag: 'err', val: { ...err, fault: nameOf(err.fault) } };
}
