// Scripts told what happens, and what they do about it, in short.

import { register } from 'node:module';

/** What was logged: level and message. */
export const logged = (globalThis.cordboardLogged = []);

// the one import that the host gives
const host = 'export const log = (...line) => globalThis.cordboardLogged.push(line);';
const loader = `export const resolve = (name, context, next) => name.startsWith('cordboard:component/log@')
  ? { url: 'data:text/javascript,${encodeURIComponent(host)}', shortCircuit: true }
  : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(loader)}`);

export const sdk = await import('../index.js');

export const opening = (changes = {}) => ({
  seed: 7,
  now: 1_000,
  timezone: 'UTC',
  language: 'en-US',
  call: 'CA1',
  direction: 'inbound',
  caller: null,
  called: null,
  parameters: [],
  initialMessage: null,
  answeredBy: 'unknown',
  line: { hearsAudio: true, speaksAudio: true, canSpeakUnasked: true, canSendDigits: false },
  settings: '{"house":"the Fork"}',
  handed: null,
  ...changes,
});

export const started = { tag: 'started' };

export const turn = (number, text, revision = 0) => ({
  tag: 'turn',
  val: { number, revision, said: { text, confidence: 1, language: null } },
});

export const partial = (text) => ({ tag: 'partial', val: { text, confidence: 1, language: null } });

export const silence = (length = 15_000) => ({ tag: 'silence', val: length });

export const done = (id, ending = 'complete', heard = '…') => ({
  tag: 'done',
  val: { id, ending, heard, answer: heard },
});

export const timer = (id) => ({ tag: 'timer', val: id });

export const toolCall = (question, id, name = 'find', given = '{"seats":4}') => ({
  tag: 'tool-call',
  val: { question, call: { id, name, arguments: given } },
});

export const answeredBy = (who) => ({ tag: 'answered-by', val: who });

export const response = (id, outcome) => ({ tag: 'response', val: { id, outcome } });

export const ended = (departure = 'caller') => ({ tag: 'ended', val: departure });

export const opened = (talk, { about = opening(), ...options } = {}) =>
  sdk.script(talk, options).open(about);

export const restored = (talk, snapshot, options) => sdk.script(talk, options).restore(opening(), snapshot);

/** What the script does about the last of these events. */
export const does = (script, ...events) =>
  events.map((event) => script.handle(2_000n, [event]).map(short)).at(-1);

export function short({ tag, val }) {
  switch (tag) {
    case 'say':
      return `${val.id}: say ${val.text}`;
    case 'ask':
      return `${val.id}: ask with ${val.tools.length} tools`;
    case 'tool-result':
      return `tool ${val.id}: ${val.content}`;
    case 'keep':
      return `keep ${val.map(({ name, value }) => `${name}=${value}`).join(', ')}`;
    case 'timer':
      return `${val.id}: timer ${val.after}`;
    case 'fetch':
      return `${val.id}: ${val.request.method} ${val.request.url}`;
    case 'recall':
      return `${val.id}: who had ${val.field}=${val.value}?`;
    case 'transfer':
      return `${val.id}: transfer to ${val.to}`;
    case 'send-digits':
      return `${val.id}: press ${val.digits}`;
    case 'collect':
      return `collect ${val.max} until ${val.finish} or ${val.timeout}`;
    case 'cancel':
    case 'note':
      return `${tag} ${val}`;
    default:
      return tag;
  }
}

export const snapshot = (script) => JSON.parse(script.snapshot());
