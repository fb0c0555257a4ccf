// Calls that a machine picks up: an answering machine, or a fax.
//
// The host has stopped everything that was meant for a person by the time a script knows of it. Who speaks
// after the message is a person who was only slow: so it is never wrong to leave one.

import { first, isMachine } from './waiting.js';

/** A greeting has ended, and its tone sounded, when the machine has been silent for this long. */
const GREETING_ENDED = 2_000;
/** One that has not ended by then is spoken over. */
const LONGEST_GREETING = 30_000;
/** How long after the message a person may take to speak, and how long it may be in doubt that it is one. */
const SPEAKS_WITHIN = 2_000;
const LONGEST_DOUBT = 10_000;

const turnOrSilence = (event) => (event.tag === 'turn' || event.tag === 'silence' ? event : undefined);

export function* machine(call) {
  while (!isMachine(call.answeredBy)) yield;
  return call.answeredBy;
}

export function* leaveMessage(call, text) {
  if (call.answeredBy === 'machine-greeting') {
    yield* first(greetingEnds(call), call.sleep(LONGEST_GREETING));
  }
  const words = { begun: false };
  yield* first(call.say(text, { toTheEnd: true }), noteWords(call, words));
  const [, turn] = yield* first(somebodySpeaks(call, words), call.sleep(LONGEST_DOUBT));
  if (turn !== undefined) call.answeredBy = 'human';
  return turn;
}

/** Whatever is said until then is the machine's. */
function* greetingEnds(call) {
  do call.listen(GREETING_ENDED);
  while ((yield* call.wait(turnOrSilence)).tag !== 'silence');
}

/** Never comes back: notes that somebody has begun to say something. */
function* noteWords(call, words) {
  for (;;) words.begun = yield* call.wait(({ tag }) => (tag === 'partial' ? true : undefined));
}

/** undefined: nobody does. `words`: somebody has begun to, so the turn may take a little longer. */
function* somebodySpeaks(call, words) {
  function* speaks() {
    call.listen(SPEAKS_WITHIN);
    for (;;) {
      const { tag, val } = yield* call.wait(turnOrSilence);
      if (tag === 'turn') return val;
      if (!words.begun) return undefined;
      words.begun = false;
    }
  }
  const [, turn] = yield* first(speaks(), noteWords(call, words));
  return turn;
}
