// What a script waits for: what happened and has not been taken yet, and what was begun and has not ended.
//
// A script takes what it waits for and leaves the rest. What can only matter at once is forgotten when
// nobody took it; what belongs to something that nobody waits for any more is dropped.

import { log } from 'cordboard:component/log@0.1.0';

/** More than this is only reached by a script that does not listen. */
const MOST = 64;

const AT_ONCE = ['started', 'silence', 'speaking', 'partial', 'answered-by', 'line-lost', 'line-back'];

export const isMachine = (who) => who === 'machine-greeting' || who === 'machine-beep' || who === 'fax';

/**
 * Whichever ends first, as its place and what it gave; the others are dropped, and with them what they had
 * begun: `const [which, turn] = yield* first(call.turn(state), call.sleep(5000))`.
 */
export function* first(...futures) {
  const running = futures.map((future) => future[Symbol.iterator]());
  try {
    for (;;) {
      for (const [place, future] of running.entries()) {
        const { done, value } = future.next();
        if (done) return [place, value];
      }
      yield;
    }
  } finally {
    for (const future of running.reverse()) future.return();
  }
}

/** What happened, and what to do about it. */
export class Line {
  inbox = [];
  /** ids of the script that somebody waits for */
  awaited = new Set();
  /** what to do, in order */
  actions = [];
  lastId = 0;
  /** tools that run beside the script */
  tasks = [];
  atEnd = null;
  /** how everything was at the last turn boundary; null: there is none to go on from */
  mark = null;
  /** what was waiting when a boundary was reached since the last event */
  marked = null;
  /** what was made to be waited for, and is not waited for yet */
  unbegun = new Set();

  push(event) {
    const { tag, val } = event;
    // the newest replaces the older
    if (tag === 'partial') this.#forget((old) => old.tag === 'partial');
    if (tag === 'turn') this.#forget((old) => old.tag === 'turn' && old.val.number === val.number);
    // what it said before was no turn
    if (tag === 'answered-by' && isMachine(val)) this.#forget((old) => old.tag === 'turn');
    this.inbox.push(event);
  }

  #forget(which) {
    this.inbox = this.inbox.filter((event) => !which(event));
  }

  /** What `take` makes of the first event that it wants; undefined: there is no such event. */
  take(take) {
    for (const [place, event] of this.inbox.entries()) {
      const taken = take(event);
      if (taken !== undefined) {
        this.inbox.splice(place, 1);
        return taken;
      }
    }
    return undefined;
  }

  /** After everybody has looked: forgets what can only matter at once. */
  sweep() {
    this.#forget((event) => this.#isOver(event));
    while (this.inbox.length > MOST) {
      this.inbox.shift();
      log('warn', 'the script does not take what happens: the oldest event is dropped');
    }
    for (const what of this.unbegun) log('warn', `nobody waits for \`${what}\`: write \`yield* ${what}\``);
    this.unbegun.clear();
  }

  #isOver({ tag, val }) {
    switch (tag) {
      case 'done':
      case 'response':
      case 'recalled':
        return !this.awaited.has(val.id);
      case 'timer':
        return !this.awaited.has(val);
      case 'tool-call':
        return !this.awaited.has(val.question);
      default:
        return AT_ONCE.includes(tag);
    }
  }

  /** Something to wait for, of which it is said when nobody does. `what`: as it is written. */
  waiting(what, begin) {
    const { unbegun } = this;
    const entry = new String(what);
    unbegun.add(entry);
    // begins when its turn comes, not before
    function* waited() {
      return yield* begin();
    }
    return {
      [Symbol.iterator]() {
        unbegun.delete(entry);
        return waited();
      },
    };
  }

  /** Does `action`, which begins `id`, and what `until` waits for; cancels it where it is dropped before. */
  *begun(id, action, until) {
    this.actions.push(action);
    this.awaited.add(id);
    try {
      const end = yield* until;
      this.awaited.delete(id);
      return end;
    } finally {
      if (this.awaited.delete(id)) this.actions.push({ tag: 'cancel', val: id });
    }
  }

  /** A turn boundary. A tool that runs stands in no state: another version gets to it from the one before. */
  reach(mark) {
    if (this.tasks.length > 0) return;
    this.mark = mark;
    this.marked = [...this.inbox];
  }
}
