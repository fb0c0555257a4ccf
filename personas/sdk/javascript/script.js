// The reducer: events go into an inbox, the one generator is resumed, actions come out.
//
// There is no event loop: a generator that waits looks into the inbox when it is resumed, and it is resumed
// once for every event. An exception is logged and thrown: the host then goes on from the last snapshot.

import { log } from 'cordboard:component/log@0.1.0';
import { Call } from './call.js';
import { caseOf, fingerprint, read, tell } from './snapshot.js';
import { Line } from './waiting.js';

/**
 * Makes of `function* talk(call, state)` what the host calls, in the persona's file:
 * `export const persona = { Script: script(talk) };`
 *
 * `state`: the first one; what is not in the state of a snapshot is taken from it too. `settings(given)`:
 * makes of the settings what `call.settings` is; what it throws is why they are refused.
 */
export function script(talk, { state: first = {}, settings: made = (given) => given } = {}) {
  return class Script {
    #line = new Line();
    #call;
    #talk;
    /** what happened since the last turn boundary, and what the script did about it; null: it waited then */
    #tail = [];

    constructor(opening, state) {
      let settings;
      try {
        settings = made(JSON.parse(opening.settings));
      } catch (e) {
        throw failure('misconfigured', `the settings: ${e.message}`);
      }
      this.#call = new Call(opening, settings, this.#line);
      this.#talk = talk(this.#call, { ...copy(first), ...state });
    }

    static open(opening) {
      return new this(opening, {});
    }

    handle(at, events) {
      this.#call.now = Number(at);
      try {
        return events.flatMap((event) => this.#handle(this.#call.now, event));
      } catch (e) {
        logged(e);
        throw e;
      }
    }

    #handle(at, event) {
      const line = this.#line;
      if (event.tag === 'answered-by') this.#call.answeredBy = event.val;
      line.push(event);
      this.#resume();
      if (event.tag === 'ended') this.#end(event.val);
      line.sweep();
      const actions = line.actions.splice(0);
      if (line.marked !== null) {
        this.#tail = line.marked.map((waiting) => ({ at, event: waiting, did: null }));
        line.marked = null;
      } else if (line.mark !== null) {
        const did = actions.map(fingerprint);
        // a partial that moved nobody would only make the tail long
        const fleeting = event.tag === 'partial' || event.tag === 'speaking';
        if (did.length > 0 || !fleeting) this.#tail.push({ at, event, did });
      }
      return actions;
    }

    /** Resumes the script and the tools beside it, until none of them gets any further. */
    #resume() {
      const line = this.#line;
      for (;;) {
        if (this.#talk?.next().done) this.#talk = null;
        // a tool may begin another, so they are resumed outside of their list
        const running = line.tasks.splice(0);
        const left = running.filter((task) => !task.next().done);
        const begun = line.tasks.length;
        line.tasks.unshift(...left);
        if (begun === 0 && left.length === running.length) return;
      }
    }

    /** The call is over: the last words, and then nothing. */
    #end(departure) {
      const line = this.#line;
      const lastWords = line.atEnd;
      line.atEnd = null;
      lastWords?.(departure);
      // what they had begun is cancelled by being dropped, which concerns nobody any more
      for (const generator of [this.#talk, ...line.tasks.splice(0)]) {
        try {
          generator?.return();
        } catch (e) {
          logged(e);
        }
      }
      this.#talk = null;
      line.actions = line.actions.filter(({ tag }) => tag === 'keep' || tag === 'outcome');
    }

    snapshot() {
      const { mark } = this.#line;
      if (mark === null) return null;
      const tail = this.#tail.map(({ at, event, did }) => ({ at, event: tell(event), did }));
      const answeredBy = caseOf(mark.answeredBy);
      const whole = { state: JSON.parse(mark.written), last_id: mark.lastId, answered_by: answeredBy, tail };
      return JSON.stringify(whole, (_, value) => value ?? null);
    }

    /**
     * Starts the script with the state of its last turn boundary, lets it come back there, and plays what
     * happened since, silently. Fails if it does other things about it than the script before did: then the
     * call stays with that one.
     */
    static restore(opening, snapshot) {
      let before;
      try {
        before = read(snapshot);
      } catch (e) {
        throw changed(`not a snapshot: ${e.message}`);
      }
      const self = new this(opening, before.state);
      self.#line.lastId = before.lastId;
      self.#call.answeredBy = before.answeredBy ?? self.#call.answeredBy;
      try {
        self.#comeBack(before.tail);
      } catch (e) {
        if (e?.cause === 'unsupported') throw e;
        logged(e);
        throw changed(`the script broke on its way back: ${e}`);
      }
      return self;
    }

    #comeBack(tail) {
      const line = this.#line;
      this.#resume();
      if (line.mark === null) throw changed('the script does not come back to its turn');
      line.actions.length = 0;
      line.marked = null;
      for (const { at, event, did } of tail) {
        this.#call.now = at;
        const before = JSON.stringify(did);
        const now = JSON.stringify(this.#handle(at, event).map(fingerprint));
        if (did !== null && before !== now) {
          throw changed(`the script did ${before}, and would do ${now} now`);
        }
      }
    }
  };
}

const copy = (value) => JSON.parse(JSON.stringify(value));

const failure = (cause, message) => ({ cause, message, retryAfter: null });

const changed = (why) => failure('unsupported', why);

/** A line each: the host cuts long ones. */
function logged(e) {
  for (const line of `${e}\n${e?.stack ?? ''}`.trimEnd().split('\n')) log('error', line);
}
