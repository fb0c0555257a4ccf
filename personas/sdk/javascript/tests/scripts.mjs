// A script for more than one file of tests.

import { sdk } from './telling.mjs';

export function* complaint(call, state) {
  const find = sdk.tool('find', 'Finds a table.', { type: 'object' }, function* ({ seats }) {
    yield* call.sleep(50);
    return `table ${seats}`;
  });
  call.atEnd((departure) => call.keep({ departure: sdk.endedBy(departure) }));
  if (!state.greeted) {
    yield* call.say(`Thank you for calling ${call.settings.house}.`);
    state.greeted = true;
  }
  for (;;) {
    const heard = yield* call.hear(state);
    if (heard.kind === 'silence') yield* call.say('Are you there?');
    if (heard.kind !== 'said') continue;
    if (heard.text.includes('bye')) break;
    state.turns = (state.turns ?? 0) + 1;
    yield* call.ask('Be kind.', { tools: [find] });
  }
  const [which, turn] = yield* sdk.first(call.say('Goodbye!'), call.turn(state));
  if (which === 1) call.keep({ objected: turn.said.text });
  call.hangUp();
}
