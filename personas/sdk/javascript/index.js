// For authors of conversations in JavaScript.
//
// A persona is a straight-line script: a generator that says, asks and listens, one after the other. There
// is no event loop, no clock and no socket behind it; every `yield*` waits for something that happens on
// the line. README.md beside this file tells all of it; what the words mean stands in the contract,
// `wit/persona.wit`.
//
//     import { script } from './cordboard/index.js';
//
//     function* talk(call, state) {
//       yield* call.say(`Thank you for calling ${call.settings.house}.`);
//       for (;;) {
//         const heard = yield* call.hear(state);
//         if (heard.kind !== 'said' || heard.text.includes('bye')) break;
//         yield* call.ask('Answer in one short sentence.');
//       }
//       yield* call.say('Goodbye!', { toTheEnd: true });
//       call.hangUp();
//     }
//
//     export const persona = { Script: script(talk) };
//
// What is begun and dropped before it ended is cancelled: `first` of two gives barge-in, timeouts and
// second thoughts.

export { tool } from './asking.js';
export { Call } from './call.js';
export { endedBy, saysGoodbye } from './ending.js';
export { script } from './script.js';
export { first } from './waiting.js';
