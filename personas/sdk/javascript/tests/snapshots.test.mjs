// A call goes on in another version of its script.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { complaint } from './scripts.mjs';
import {
  answeredBy,
  does,
  done,
  opened,
  opening,
  response,
  restored,
  sdk,
  snapshot,
  started,
  timer,
  toolCall,
  turn,
} from './telling.mjs';

/** The same, but for the state. */
function* newer(call, state) {
  yield* complaint(call, { ...state, turns: (state.turns ?? 0) + 100 });
}

describe('a snapshot is refused', () => {
  test('by another script, by a broken one, and where it is none', () => {
    const refused = (talk, snapshot, why) =>
      assert.throws(() => restored(talk, snapshot), { cause: 'unsupported', message: why });
    const script = opened(complaint);
    does(script, started, done(1), turn(1, 'A table.'));
    const now = script.snapshot();
    refused(function* (call, state) {
      yield* call.turn(state);
      call.hangUp();
    }, now, /ask 2/);
    refused(function* (_, state) {
      state.gone.for.good();
    }, now, /broke on its way back/);
    refused(function* (call) {
      yield* call.sleep(1_000);
    }, now, /does not come back/);
    for (const text of ['{}', 'no JSON', '{"state": 1, "last_id": 1, "answered_by": null, "tail": []}']) {
      refused(complaint, text, /not a snapshot/);
    }
  });
});

describe('a call goes on in a newer version', () => {
  test('in the middle of a tool', () => {
    const script = opened(complaint);
    assert.equal(script.snapshot(), null, 'no turn boundary yet');
    does(script, started, done(1), turn(1, 'A table.'), toolCall(2, 'call00001'));
    const after = restored(newer, script.snapshot());
    assert.deepEqual(does(after, timer(3)), ['tool call00001: table 4']);
    assert.deepEqual(does(after, done(2)), ['listen']);
    assert.equal(snapshot(after).state.turns, 101);
    assert.deepEqual(does(after, turn(2, 'Hm.')), ['4: ask with 1 tools']);
  });

  test('where a tool runs over a turn boundary', () => {
    const script = opened(complaint);
    does(script, started, done(1), turn(1, 'A table.'), toolCall(2, 'call00001'));
    assert.deepEqual(does(script, done(2, 'interrupted')), ['listen'], 'a boundary');
    assert.deepEqual(does(script, turn(2, 'Hello?')), ['4: ask with 1 tools']);
    const after = restored(newer, script.snapshot());
    assert.deepEqual(does(after, timer(3)), ['tool call00001: table 4']);
    assert.deepEqual(does(after, done(4)), ['listen']);
    const again = restored(complaint, after.snapshot());
    assert.deepEqual(does(again, turn(3, 'Hm.')), ['5: ask with 1 tools']);
  });

  test('and it knows who picked up', () => {
    function* talk(call, state) {
      yield* call.turn(state);
      call.note(call.answeredBy);
    }
    const script = opened(talk, { about: opening({ answeredBy: 'human' }) });
    does(script, started);
    assert.deepEqual(does(restored(talk, script.snapshot()), turn(1, 'Hello?')), ['note human']);
  });

  test('whose state has grown', () => {
    function* talk(call, state) {
      for (;;) {
        state.seats.push((yield* call.turn(state)).said.text);
        call.keep(state);
      }
    }
    const options = { state: { greeted: false, seats: [] } };
    const script = opened(talk, options);
    does(script, started, turn(1, 'four'));
    assert.deepEqual(snapshot(script).state, { greeted: false, seats: ['four'] });
    assert.deepEqual(snapshot(opened(talk, options)), null);
    const old = JSON.stringify({ ...snapshot(script), state: { seats: ['four'] } });
    const kept = 'keep greeted=false, seats=["four","five"]';
    assert.equal(does(restored(talk, old, options), turn(2, 'five'))[0], kept);
    assert.deepEqual(options.state.seats, [], 'calls share nothing');
  });
});

describe('a snapshot', () => {
  test('is written as Rust writes it', () => {
    const script = opened(complaint);
    does(script, started, done(1), turn(1, 'A table.'), toolCall(2, 'a'));
    const said = { text: 'A table.', confidence: 1, language: null };
    const call = { id: 'a', name: 'find', arguments: '{"seats":4}' };
    assert.deepEqual(snapshot(script), {
      state: { greeted: true },
      last_id: 1,
      answered_by: 'Unknown',
      tail: [
        { at: 2_000, event: { Turn: { number: 1, revision: 0, said } }, did: ['ask 2'] },
        { at: 2_000, event: { ToolCall: { question: 2, call } }, did: ['timer 3'] },
      ],
    });
  });

  test('gives every event back as it was', () => {
    const header = { name: 'a', value: 'b' };
    const fetched = { head: { status: 200, headers: [header] }, body: Uint8Array.of(0, 255) };
    const failure = { fault: 'too-large', code: 0, message: 'too much', headers: [header] };
    const events = [
      { tag: 'operator', val: 'Hello.' },
      { tag: 'key', val: '#' },
      { tag: 'keys', val: { digits: '42', by: 'finish-key' } },
      { tag: 'line-lost' },
      { tag: 'line-back' },
      { tag: 'silence', val: 15_000 },
      answeredBy('machine-greeting'),
      response(7, { tag: 'ok', val: fetched }),
      response(8, { tag: 'err', val: failure }),
      { tag: 'recalled', val: { id: 9, fields: [{ name: 'seats', value: '4' }] } },
      { tag: 'recalled', val: { id: 9, fields: null } },
      done(10, 'cancelled'),
      timer(11),
    ];
    const seen = [];
    function* listens(call, state) {
      yield* sdk.first(call.turn(state), call.wait((event) => void seen.push(event)));
    }
    const script = opened(listens);
    does(script, started, ...events);
    const told = ({ tail }) => tail.map(({ event }) => event);
    seen.length = 0;
    const after = restored(listens, script.snapshot());
    assert.deepEqual(told(snapshot(after)), told(snapshot(script)));
    const named = (tag) => seen.find((event) => event.tag === tag);
    for (const event of events.filter(({ val }) => val !== events[10].val && val?.id !== 8)) {
      assert.deepEqual(named(event.tag), event);
    }
    assert.deepEqual(seen.findLast(({ tag }) => tag === 'response').val.outcome.val, failure);
  });

  test('is not given while the state is no JSON, and the script goes on', () => {
    const script = opened(function* (call) {
      yield* call.turn({ fine: true });
      yield* call.turn({ not: 1n });
      yield* call.turn({ fine: true });
    });
    does(script, started);
    assert.ok(script.snapshot());
    assert.deepEqual(does(script, turn(1, 'a')), ['listen']);
    assert.equal(script.snapshot(), null);
    does(script, turn(2, 'b'));
    assert.deepEqual(snapshot(script).tail, []);
  });
});
