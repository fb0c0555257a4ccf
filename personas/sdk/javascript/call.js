// The line to the caller, as a script sees it. Times are in milliseconds.
//
// What waits is waited for with `yield*`: nothing of it begins before.

import { log } from 'cordboard:component/log@0.1.0';
import { answering, question } from './asking.js';
import { leaveMessage, machine } from './machine.js';
import { bytes, characters } from './text.js';

export class Call {
  #line;
  #random;
  #habits = {};
  #newHabits = {};

  constructor(opening, settings, line) {
    /** what was known before the call began */
    this.opening = opening;
    /** from the operator, checked against the manifest */
    this.settings = settings;
    /** now, in milliseconds since 1970 */
    this.now = Number(opening.now);
    /** who picked up, as far as it is known by now */
    this.answeredBy = opening.answeredBy;
    this.#line = line;
    this.#random = Number(BigInt.asUintN(32, BigInt(opening.seed) ^ (BigInt(opening.seed) >> 32n)));
  }

  /** From 0 to 1; differs from call to call, while `Math.random` begins the same in every one. */
  random() {
    // mulberry32
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  // -- saying and asking

  /**
   * Says this; the report tells what was heard. The caller may cut in, unless it is said `toTheEnd`.
   * `said`: `toTheEnd`, `interruptedBy` ('nothing', 'keys', 'speech', 'anything'), `voice`, `language`.
   */
  say(text, said = {}) {
    const { toTheEnd, interruptedBy } = said;
    const manner = this.#manner({ ...said, interruptedBy: toTheEnd ? 'nothing' : interruptedBy });
    return this.#reported('call.say(…)', 'say', { text: String(text), manner });
  }

  /**
   * Asks the model, in the light of the conversation so far, and speaks the answer while it comes; the
   * report tells what was heard, and what was answered.
   *
   * `asked`: `tools`, made by `tool`; `about`: messages, instead of the conversation so far; `schema`: of an
   * answer in JSON, for the script, which is not spoken; `aloud`: false where nobody is to hear it;
   * `interruptedBy`, `voice`, `language`, `toolChoice`, `maxTokens`, `temperature`.
   */
  ask(instructions, asked = {}) {
    const line = this.#line;
    return line.waiting('call.ask(…)', () => {
      const id = this.nextId();
      const val = question(id, instructions, this.#manner(asked), asked);
      return line.begun(id, { tag: 'ask', val }, answering(this, line, id, asked.tools ?? []));
    });
  }

  /**
   * Everything is said and listened for like this from here on: a `voice` that the provider knows, a
   * `language` (BCP 47), `keyterms` to listen for, `patience` with silence. What is left out is as in the
   * operator's settings. No part of a snapshot: a script that is restored says it again.
   */
  habits({ voice, language, keyterms = [], patience } = {}) {
    this.#habits = { voice, language, patience };
    // told once: the host remembers them, and a recogniser that is told again may begin anew
    this.#newHabits = { keyterms, language };
  }

  #manner({ interruptedBy = 'anything', voice, language }) {
    const habits = this.#habits;
    return {
      interruption: interruptedBy,
      voice: voice ?? habits.voice ?? null,
      language: language ?? habits.language ?? null,
    };
  }

  // -- hearing

  /**
   * Waits for the caller's turn. A turn boundary: from here another version of the script can go on with
   * `state`.
   */
  turn(state) {
    return this.#hearing('call.turn(state)', state, ({ tag, val }) => (tag === 'turn' ? val : undefined));
  }

  /**
   * The same, and also comes back when nobody speaks or a key is pressed: `{ kind: 'said', text, turn }`,
   * `{ kind: 'silence', length }`, `{ kind: 'key', key }`.
   */
  hear(state) {
    return this.#hearing('call.hear(state)', state, ({ tag, val }) => {
      if (tag === 'turn') return { kind: 'said', text: val.said.text, turn: val };
      if (tag === 'silence') return { kind: 'silence', length: val };
      return tag === 'key' ? { kind: 'key', key: val } : undefined;
    });
  }

  #hearing(what, state, take) {
    return this.#line.waiting(what, () => this.#heard(state, take));
  }

  *#heard(state, take) {
    this.#boundary(state);
    return yield* this.wait(take);
  }

  #boundary(state) {
    const line = this.#line;
    try {
      const written = JSON.stringify(state);
      if (written === undefined) throw new TypeError(`${typeof state} is none`);
      line.reach({ written, lastId: line.lastId, answeredBy: this.answeredBy });
    } catch (e) {
      // it cannot be handed on; the script goes on all the same
      this.log(`the state is no JSON, so no other version can go on from here: ${e.message}`, 'error');
      line.reach(null);
    }
    this.listen(this.#habits.patience);
  }

  /** The silence clock starts here; without a `patience` it is the operator's. */
  listen(patience) {
    const { keyterms = [], language } = this.#newHabits;
    this.#newHabits = {};
    const longest = patience === undefined ? null : length(patience);
    this.act({ tag: 'listen', val: { keyterms, language: language ?? null, patience: longest } });
  }

  /** Collects keys: until there are so many, the `finish` key, or `timeout` without one. */
  collect(most, { finish, timeout = 5_000 } = {}) {
    return this.#line.waiting('call.collect(…)', () => {
      this.act({ tag: 'collect', val: { max: most, finish: finish ?? null, timeout: length(timeout) } });
      return this.wait(({ tag, val }) => (tag === 'keys' ? val : undefined));
    });
  }

  // -- the world outside

  /**
   * Sends a request, as far as the operator's grant allows, and gives the whole response: `ok`, `status` (0:
   * none came), `headers` by their names in small letters, `body`, `text`, `json()`, and `failure`, which is
   * why none came. Nothing of the network throws. With a `json` it is a POST of that.
   */
  fetch(url, { method, headers = {}, body = '', json } = {}) {
    if (json !== undefined) {
      method ??= 'POST';
      headers = { 'content-type': 'application/json', ...headers };
      body = JSON.stringify(json);
    }
    const sent = Object.entries(headers).map(([name, value]) => ({ name, value: String(value) }));
    const request = { method: method ?? 'GET', url, headers: sent, body: bytes(body) };
    return this.#ended('call.fetch(…)', 'response', 'fetch', { request }, ({ outcome }) => response(outcome));
  }

  /**
   * What this persona kept earlier: everything of the newest conversation before this one whose `field` has
   * this value, as an object. `caller` is a field of every conversation, an E.164 number. null: nothing
   * is known, or nobody can look it up now; that is said within two seconds.
   */
  recall(field, value) {
    const read = ({ fields }) =>
      fields == null ? null : Object.fromEntries(fields.map(({ name, value }) => [name, parsed(value)]));
    return this.#ended('call.recall(…)', 'recalled', 'recall', { field, value: written(value) }, read);
  }

  /** Waits; at least 10 ms. */
  sleep(time) {
    const line = this.#line;
    return line.waiting('call.sleep(…)', () => {
      const id = this.nextId();
      const due = this.wait(({ tag, val }) => (tag === 'timer' && val === id ? null : undefined));
      return line.begun(id, { tag: 'timer', val: { id, after: length(time) } }, due);
    });
  }

  /** Presses keys: 0-9, *, #, and w for a pause of half a second. Nothing cuts them short. */
  sendDigits(digits) {
    return this.#reported('call.sendDigits(…)', 'send-digits', { digits });
  }

  /**
   * Puts the caller through: to an E.164 number, or to a name from the operator's settings. Whoever picks up
   * may be told `brief` before. When it has worked the call is over, so what comes back is mostly why it has
   * not. One at a time; wait for what is being said before.
   */
  transfer(to, brief) {
    return this.#reported('call.transfer(…)', 'transfer', { to, brief: brief ?? null });
  }

  // -- a machine that picks up

  /**
   * Comes back once it is known that a machine or a fax has picked up, at once if that was known before the
   * call; else never. `first` of this and a conversation drops what was meant for a person.
   */
  machine() {
    return this.#line.waiting('call.machine()', () => machine(this));
  }

  /**
   * Leaves a message: waits for a greeting that goes on to end, says this to its end, and listens for two
   * seconds. undefined: nobody is there, so hang up. A turn: somebody picked up after all; from then on
   * `answeredBy` is 'human'.
   */
  leaveMessage(text) {
    return this.#line.waiting('call.leaveMessage(…)', () => leaveMessage(this, text));
  }

  // -- for the record

  /** Facts about the call, for the record: `call.keep({ name: 'Ann', seats: 4 })`. */
  keep(fields) {
    const kept = Object.entries(fields).map(([name, value]) => ({ name, value: written(value) }));
    this.act({ tag: 'keep', val: kept });
  }

  /** How the call went, in the operator's words. */
  outcome(text) {
    this.act({ tag: 'outcome', val: text });
  }

  /** Something the model should know from here on. */
  note(text) {
    this.act({ tag: 'note', val: text });
  }

  /** A line in the host's log, under the persona's name: 'debug', 'info', 'warn' or 'error'. */
  log(message, level = 'info') {
    log(level, String(message));
  }

  pauseRecording(paused = true) {
    this.act({ tag: 'pause-recording', val: paused });
  }

  /** At once: wait for what is being said before. */
  hangUp() {
    this.act({ tag: 'hang-up' });
  }

  /**
   * What to do when the call is over, however it ended: `lastWords(departure)` may keep, and say the outcome.
   */
  atEnd(lastWords) {
    this.#line.atEnd = lastWords;
  }

  // -- for what has no method of its own

  /** Waits for the first event of which `take` makes something other than undefined. */
  *wait(take) {
    for (;;) {
      const taken = this.#line.take(take);
      if (taken !== undefined) return taken;
      yield;
    }
  }

  /** Does something: an action of the contract. */
  act(action) {
    this.#line.actions.push(action);
  }

  /** An id that nothing else has. */
  nextId() {
    return ++this.#line.lastId;
  }

  #reported(what, tag, val) {
    return this.#ended(what, 'done', tag, val, (report) => report);
  }

  /** Does what begins an id, and waits for the event that ends it. */
  #ended(what, end, tag, val, read) {
    const line = this.#line;
    return line.waiting(what, () => {
      const id = this.nextId();
      const take = (event) => (event.tag === end && event.val.id === id ? read(event.val) : undefined);
      return line.begun(id, { tag, val: { id, ...val } }, this.wait(take));
    });
  }
}

const length = (time) => Math.max(0, Math.min(Math.round(time), 0xffffffff));

/** As JSON. What cannot be written so is null: that is no reason to end a call. */
function written(value) {
  try {
    const text = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (e) {
    log('warn', `null stands for what is no JSON: ${e.message}`);
  }
  return 'null';
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function response({ tag, val }) {
  if (tag !== 'ok') {
    return { ok: false, status: 0, headers: {}, body: new Uint8Array(), text: '', failure: val };
  }
  const { status, headers } = val.head;
  const named = Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value]));
  const body = Uint8Array.from(val.body);
  const text = characters(body);
  const ok = status >= 200 && status < 300;
  return { ok, status, headers: named, body, text, json: () => JSON.parse(text) };
}
