// {{title}}: greets the caller, lets the model answer, and says goodbye when the caller does.

import { endedBy, saysGoodbye, script } from './cordboard/index.js';

// What has to be known to go on: a newer version of this persona takes over with it in a running call.
const state = {
  greeted: false,
  questions: [],
  // how often in a row the caller said nothing
  silences: 0,
};

function* talk(call, state) {
  const { greeting, instructions, goodbye } = call.settings;
  call.atEnd((departure) => call.keep({ ended_by: endedBy(departure) }));
  if (!state.greeted) {
    yield* call.say(greeting);
    state.greeted = true;
  }
  for (;;) {
    const heard = yield* call.hear(state);
    if (heard.kind === 'said') {
      if (saysGoodbye(heard.text, ['bye', 'goodbye'])) break;
      state.silences = 0;
      // a turn comes again when the caller went on before anything of the answer was heard
      if (heard.turn.revision > 0) state.questions.pop();
      state.questions.push(heard.text);
      call.keep({ questions: state.questions });
      yield* call.ask(instructions);
    } else if (heard.kind === 'silence') {
      if (state.silences === 2) break;
      state.silences += 1;
      yield* call.say('Are you still there?');
    } else {
      call.note(`The caller pressed the key ${heard.key}.`);
    }
  }
  yield* call.say(goodbye, { toTheEnd: true });
  call.hangUp();
}

export const persona = { Script: script(talk, { state }) };
