// Scripts, told what happens. `node --test personas/sdk/javascript/tests/*.test.mjs`.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { complaint } from './scripts.mjs';
import {
  answeredBy,
  does,
  done,
  ended,
  logged,
  opened,
  opening,
  partial,
  response,
  sdk,
  short,
  silence,
  started,
  timer,
  toolCall,
  turn,
} from './telling.mjs';

const { first, saysGoodbye, tool } = sdk;

describe('talking', () => {
  test('a script reads like the conversation', () => {
    const script = opened(complaint);
    assert.deepEqual(does(script, started), ['1: say Thank you for calling the Fork.']);
    assert.deepEqual(does(script, done(1)), ['listen']);
    assert.deepEqual(does(script, turn(1, 'My soup was cold.')), ['2: ask with 1 tools']);
    assert.deepEqual(does(script, done(2)), ['listen']);
    assert.deepEqual(does(script, turn(2, 'Goodbye.')), ['3: say Goodbye!', 'listen']);
    assert.deepEqual(does(script, done(3)), ['hang-up']);
    assert.deepEqual(does(script, ended('script')), ['keep departure="script"']);
  });

  test('what loses a race is cancelled, and its report is nobody’s', () => {
    const script = opened(complaint);
    does(script, started, done(1), turn(1, 'Goodbye.'));
    const objected = does(script, turn(2, 'No, wait!'));
    assert.deepEqual(objected, ['cancel 2', 'keep objected="No, wait!"', 'hang-up']);
    assert.deepEqual(does(script, done(2, 'cancelled')), []);
  });

  test('silence that nobody waits for is forgotten', () => {
    const script = opened(complaint);
    assert.deepEqual(does(script, started, silence()), []);
    assert.deepEqual(does(script, done(1)), ['listen']);
    assert.deepEqual(does(script, silence()), ['2: say Are you there?']);
  });

  test('a turn that comes again replaces the one that was not taken', () => {
    const script = opened(complaint);
    does(script, started, turn(1, 'I would'), turn(1, 'I would like a table.', 1));
    assert.deepEqual(does(script, done(1, 'interrupted')), ['listen', '2: ask with 1 tools']);
    assert.deepEqual(does(script, done(2)), ['listen'], 'and not a second time');
  });

  test('several events at once are told one after the other', () => {
    const actions = opened(complaint).handle(2_000, [started, done(1), turn(1, 'Soup.')]);
    assert.deepEqual(actions.map(short).slice(1), ['listen', '2: ask with 1 tools']);
  });

  test('a script that does not listen keeps no more than 64 events', () => {
    const script = opened(function* (call, state) {
      yield* call.sleep(3_600_000);
      const told = ({ tag, val }) => (tag === 'operator' ? val : undefined);
      for (;;) call.note(yield* call.wait(told));
    });
    does(script, started, ...Array.from({ length: 100 }, (_, n) => ({ tag: 'operator', val: `${n}` })));
    assert.match(logged.at(-1)[1], /does not take what happens/);
    const notes = does(script, timer(1));
    assert.deepEqual([notes.length, notes[0], notes.at(-1)], [64, 'note 36', 'note 99']);
  });

  test('when the call is over only the last words count', () => {
    const script = opened(function* (call) {
      try {
        yield* call.say('Hello.');
      } finally {
        call.keep({ greeted: false });
        call.note('never told');
      }
    });
    does(script, started);
    assert.deepEqual(does(script, ended()), ['keep greeted=false']);
    assert.deepEqual(does(script, turn(1, 'Hello?')), [], 'nobody is there any more');
  });

  test('an exception is logged where it happened, and thrown', () => {
    const script = opened(function* breaks() {
      throw new RangeError('no soup');
    });
    logged.length = 0;
    assert.throws(() => does(script, started), /no soup/);
    assert.deepEqual(logged[0], ['error', 'RangeError: no soup']);
    assert.ok(logged.some(([, line]) => line.includes('breaks')), JSON.stringify(logged));
  });

  test('what nobody waits for is said', () => {
    logged.length = 0;
    const script = opened(function* (call, state) {
      call.say('Hello.');
      yield* first(call.say('Hello.'), call.turn(state));
    });
    assert.deepEqual(does(script, started), ['1: say Hello.', 'listen']);
    assert.deepEqual(logged, [['warn', 'nobody waits for `call.say(…)`: write `yield* call.say(…)`']]);
  });

  test('habits hold from here on, and the recogniser is told once', () => {
    const script = opened(function* (call, state) {
      call.habits({ voice: 'hans', language: 'de-DE', keyterms: ['Pizza'], patience: 9_000 });
      yield* call.say('Ja?');
      for (;;) {
        yield* call.turn(state);
        yield* call.ask('Be kind.', { interruptedBy: 'keys' });
      }
    });
    const manner = { interruption: 'anything', voice: 'hans', language: 'de-DE' };
    const did = (event) => script.handle(2_000, [event])[0].val;
    assert.deepEqual(did(started).manner, manner);
    assert.deepEqual(did(done(1)), { keyterms: ['Pizza'], language: 'de-DE', patience: 9_000 });
    assert.deepEqual(did(turn(1, 'Pizza!')).aloud, { ...manner, interruption: 'keys' });
    assert.deepEqual(did(done(2)), { keyterms: [], language: null, patience: 9_000 });
  });
});

describe('the opening', () => {
  test('settings that do not fit are refused', () => {
    const settings = ({ house }) => {
      if (house === undefined) throw new TypeError('there is no house');
      return { name: house.toUpperCase() };
    };
    function* talk(call) {
      yield* call.say(call.settings.name);
    }
    assert.deepEqual(does(opened(talk, { settings }), started), ['1: say THE FORK']);
    const refused = { cause: 'misconfigured', message: 'the settings: there is no house', retryAfter: null };
    assert.throws(() => opened(talk, { settings, about: opening({ settings: '{}' }) }), refused);
  });

  test('random numbers follow from the seed of the call', () => {
    function* talk(call) {
      call.keep({ number: call.random() });
    }
    const number = (seed) => does(opened(talk, { about: opening({ seed }) }), started)[0];
    const numbers = [7n, 7, 2 ** 60].map(number);
    assert.equal(numbers[0], numbers[1]);
    assert.notEqual(numbers[0], numbers[2]);
  });

  test('a goodbye is told from a word that looks like one', () => {
    const phrases = ['goodbye', 'bye', 'hang up'];
    for (const text of ['Goodbye', 'Thank you, goodbye.', 'OK bye bye', 'bye for now', 'please hang up']) {
      assert.ok(saysGoodbye(text, phrases), text);
    }
    for (const text of ['I said goodbye to your manager and then the soup came', 'Why hang up on me?', '']) {
      assert.ok(!saysGoodbye(text, phrases), text);
    }
    assert.ok(!saysGoodbye('anything', [' ']), 'a phrase without words is none');
  });
});

describe('tools', () => {
  test('a tool runs on when the caller cuts in, and its result is told', () => {
    const script = opened(complaint);
    does(script, started, done(1), turn(1, 'A table.'));
    assert.deepEqual(does(script, toolCall(2, 'call00001')), ['3: timer 50']);
    assert.deepEqual(does(script, done(2, 'interrupted')), ['listen']);
    assert.deepEqual(does(script, timer(3)), ['tool call00001: table 4']);
    assert.deepEqual(does(script, turn(2, 'Hello?')), ['4: ask with 1 tools']);
  });

  test('a call for a tool that is not there is answered', () => {
    const script = opened(complaint);
    does(script, started, done(1), turn(1, 'A table.'));
    assert.deepEqual(does(script, toolCall(2, 'a', 'cook')), ['tool a: there is no tool "cook"']);
    assert.match(does(script, toolCall(2, 'b', 'find', '{'))[0], /^tool b: the arguments are not JSON/);
  });

  test('a tool that needs no time answers at once, with JSON', () => {
    const atOnce = tool('at-once', 'Finds a table.', { type: 'object' }, ({ seats }) => ({ seats }));
    const script = opened(function* (call) {
      yield* call.ask('Be kind.', { tools: [atOnce] });
    });
    const [{ val }] = script.handle(2_000, [started]);
    const about = { name: 'at-once', description: 'Finds a table.', parameters: '{"type":"object"}' };
    assert.deepEqual(val.tools, [about]);
    assert.deepEqual(does(script, toolCall(1, 'a', 'at-once')), ['tool a: {"seats":4}']);
  });

  test('an answer of a schema is not spoken', () => {
    const script = opened(function* (call) {
      const { answer } = yield* call.ask('How many?', { schema: { type: 'integer' }, temperature: 0 });
      call.keep({ seats: JSON.parse(answer) });
    });
    const [{ val }] = script.handle(2_000, [started]);
    assert.deepEqual([val.aloud, val.schema, val.temperature], [null, '{"type":"integer"}', 0]);
    assert.deepEqual(does(script, done(1, 'complete', '4')), ['keep seats=4']);
  });
});

describe('the world', () => {
  test('a request has a response or a reason, and trying again is up to the script', () => {
    const script = opened(function* (call) {
      let booked;
      for (let n = 0; n < 3; n += 1) {
        booked = yield* call.fetch('https://example.com/book', { json: { seats: 4 } });
        if (booked.ok) break;
        yield* call.sleep(1_000);
      }
      call.keep({ status: booked.status, table: booked.json().table });
    });
    const [{ val }] = script.handle(2_000, [started]);
    assert.deepEqual([val.request.method, String.fromCharCode(...val.request.body)], ['POST', '{"seats":4}']);
    assert.deepEqual(val.request.headers, [{ name: 'content-type', value: 'application/json' }]);
    const failure = { fault: 'timeout', code: 0, message: 'nothing came', headers: [] };
    assert.deepEqual(does(script, response(1, { tag: 'err', val: failure })), ['2: timer 1000']);
    assert.deepEqual(does(script, timer(2)), ['3: POST https://example.com/book']);
    const body = new TextEncoder().encode('{"table": "für 7 🍕"}');
    const fetched = { head: { status: 200, headers: [{ name: 'X', value: 'y' }] }, body };
    const kept = ['keep status=200, table="für 7 🍕"'];
    assert.deepEqual(does(script, response(3, { tag: 'ok', val: fetched })), kept);
  });

  test('text is sent as UTF-8, and what is none is read all the same', () => {
    const script = opened(function* (call) {
      const { text } = yield* call.fetch('https://example.com', { method: 'PUT', body: 'für 100% 🍕' });
      call.note(text);
    });
    const [{ val }] = script.handle(2_000, [started]);
    assert.deepEqual(val.request.body, new TextEncoder().encode('für 100% 🍕'));
    const fetched = { head: { status: 200, headers: [] }, body: Uint8Array.of(0xff, 0x41, 0xc3) };
    assert.deepEqual(does(script, response(1, { tag: 'ok', val: fetched })), ['note \ufffdA\ufffd']);
  });

  test('keys are collected and pressed', () => {
    const script = opened(function* (call, state) {
      const { digits } = yield* call.collect(4, { finish: '#', timeout: 3_000 });
      yield* call.sendDigits(digits);
      for (;;) call.keep(yield* call.hear(state));
    });
    assert.deepEqual(does(script, started), ['collect 4 until # or 3000']);
    assert.deepEqual(does(script, { tag: 'keys', val: { digits: '42', by: 'finish-key' } }), ['1: press 42']);
    assert.deepEqual(does(script, done(1), { tag: 'key', val: '5' }), ['keep kind="key", key="5"', 'listen']);
  });

  test('a caller is put through, or changes his mind', () => {
    function* switchboard(call, state) {
      const [which, { ending, said }] = yield* first(call.transfer('desk'), call.turn(state));
      call.note(which === 0 ? ending : said.text);
    }
    const script = opened(switchboard);
    assert.deepEqual(does(script, started), ['1: transfer to desk', 'listen']);
    assert.deepEqual(does(script, done(1, 'failed')), ['note failed']);
    const objected = does(opened(switchboard), started, turn(1, 'No, wait!'));
    assert.deepEqual(objected, ['cancel 1', 'note No, wait!']);
  });

  test('what was kept earlier is asked for', () => {
    function* remembers(call) {
      call.keep({ before: yield* call.recall('caller', '+15550100') });
    }
    const fields = [
      { name: 'seats', value: '4' },
      { name: 'odd', value: 'no JSON' },
    ];
    for (const [known, kept] of [[fields, '{"seats":4,"odd":null}'], [null, 'null']]) {
      const script = opened(remembers);
      assert.deepEqual(does(script, started), ['1: who had caller="+15550100"?']);
      const recalled = { tag: 'recalled', val: { id: 1, fields: known } };
      assert.deepEqual(does(script, recalled), [`keep before=${kept}`]);
    }
  });

  test('what is no JSON is kept as null', () => {
    const script = opened(function* (call) {
      call.keep({ what: undefined, amount: 1n });
    });
    assert.deepEqual(does(script, started), ['keep what=null, amount=null']);
  });
});

describe('a machine that picks up', () => {
  function* reminder(call, state) {
    function* conversation() {
      yield* call.say('Your table is ready.');
      yield* call.turn(state);
    }
    const [which, machine] = yield* first(call.machine(), conversation());
    if (which === 0) {
      call.keep({ machine });
      const turn = yield* call.leaveMessage('Your table was ready.');
      if (turn) call.keep({ person: turn.said.text });
    }
    call.keep({ answered_by: call.answeredBy });
    call.hangUp();
  }

  test('what it said is no turn, and who speaks after the message is a person', () => {
    const script = opened(reminder);
    does(script, started);
    // it waits in the inbox until the greeting has been said
    assert.deepEqual(does(script, turn(1, 'Nobody is at home.')), []);
    const machine = ['cancel 1', 'keep machine="machine-beep"', '2: say Your table was ready.'];
    assert.deepEqual(does(script, answeredBy('machine-beep')), machine);
    assert.deepEqual(does(script, done(2)), ['listen', '3: timer 10000']);
    const person = ['cancel 3', 'keep person="Hello?"', 'keep answered_by="human"', 'hang-up'];
    assert.deepEqual(does(script, turn(2, 'Hello?')), person);
  });

  test('its greeting is heard out, and words put off the end', () => {
    const script = opened(reminder, { about: opening({ answeredBy: 'machine-greeting' }) });
    assert.deepEqual(does(script, started).slice(1), ['listen', '1: timer 30000']);
    assert.deepEqual(does(script, turn(1, 'You have reached')), ['listen']);
    assert.deepEqual(does(script, silence(2_000)), ['cancel 1', '2: say Your table was ready.']);
    does(script, done(2), partial('Hel'));
    assert.deepEqual(does(script, silence(2_000)), [], 'somebody has begun to speak');
    const nobody = ['cancel 3', 'keep answered_by="machine-greeting"', 'hang-up'];
    assert.deepEqual(does(script, silence(4_000)), nobody);
  });

  test('a person is none', () => {
    const script = opened(reminder, { about: opening({ answeredBy: 'human' }) });
    assert.deepEqual(does(script, started, done(1)), ['listen']);
    assert.deepEqual(does(script, turn(1, 'Yes.')), ['keep answered_by="human"', 'hang-up']);
  });
});
