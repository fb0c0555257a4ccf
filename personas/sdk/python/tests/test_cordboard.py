"""Scripts, told what happens. `python3 -m unittest discover -s personas/sdk/python/tests`."""

import unittest
from dataclasses import dataclass

import bindings
from telling import (
    STARTED,
    Ending,
    Ok,
    answered_by,
    contract,
    does,
    done,
    ended,
    logged,
    net,
    opened,
    opening,
    partial,
    response,
    short,
    silence,
    timer,
    tool_call,
    turn,
)

from cordboard import Key, Said, Silence, ended_by, first, says_goodbye, tool


@tool({"type": "object", "properties": {"seats": {"type": "integer"}}})
async def at_once(arguments):
    """Finds a table."""
    return {"seats": arguments["seats"]}


async def complaint(call, state):
    @tool(name="find", about="Finds a table.")
    async def find(arguments):
        await call.sleep(0.05)
        return f"table {arguments['seats']}"

    call.at_end(lambda departure: call.keep(departure=ended_by(departure)))
    if not state.get("greeted"):
        await call.say(f"Thank you for calling {call.settings['house']}.")
        state["greeted"] = True
    while True:
        match await call.hear(state):
            case Said(text) if "bye" in text:
                break
            case Said():
                state["turns"] = state.get("turns", 0) + 1
                await call.ask("Be kind.", tools=[find])
            case Silence():
                await call.say("Are you there?")
    which, turn = await first(call.say("Goodbye!"), call.turn(state))
    if which == 1:
        call.keep(objected=turn.said.text)
    call.hang_up()


class Talking(unittest.TestCase):
    def test_a_script_reads_like_the_conversation(self):
        script = opened(complaint)
        self.assertEqual(does(script, STARTED), ["1: say Thank you for calling the Fork."])
        self.assertEqual(does(script, done(1)), ["listen"])
        self.assertEqual(does(script, turn(1, "My soup was cold.")), ["2: ask with 1 tools"])
        self.assertEqual(does(script, done(2)), ["listen"])
        self.assertEqual(does(script, turn(2, "Goodbye.")), ["3: say Goodbye!", "listen"])
        self.assertEqual(does(script, done(3)), ["hang up"])
        self.assertEqual(does(script, ended(contract.Departure.SCRIPT)), ['keep departure="script"'])

    def test_what_loses_a_race_is_cancelled_and_its_report_is_nobodys(self):
        script = opened(complaint)
        does(script, STARTED, done(1), turn(1, "Goodbye."))
        objected = does(script, turn(2, "No, wait!"))
        self.assertEqual(objected, ["cancel 2", 'keep objected="No, wait!"', "hang up"])
        self.assertEqual(does(script, done(2, Ending.CANCELLED)), [])
        self.assertEqual(script.line.inbox, [])

    def test_silence_that_nobody_waits_for_is_forgotten(self):
        script = opened(complaint)
        self.assertEqual(does(script, STARTED, silence()), [])
        self.assertEqual(does(script, done(1)), ["listen"])
        self.assertEqual(does(script, silence()), ["2: say Are you there?"])

    def test_a_turn_that_comes_again_replaces_the_one_that_was_not_taken(self):
        script = opened(complaint)
        does(script, STARTED, turn(1, "I would"), turn(1, "I would like a table.", revision=1))
        self.assertEqual(does(script, done(1, Ending.INTERRUPTED)), ["listen", "2: ask with 1 tools"])
        self.assertEqual(does(script, done(2)), ["listen"], "and not a second time")

    def test_several_events_at_once_are_told_one_after_the_other(self):
        script = opened(complaint)
        actions = script.handle(2_000, [STARTED, done(1), turn(1, "Soup.")])
        self.assertEqual([short(action) for action in actions][1:], ["listen", "2: ask with 1 tools"])

    def test_a_script_that_does_not_listen_keeps_no_more_than_64_events(self):
        async def deaf(call, state):
            await call.sleep(3600)

        script = opened(deaf)
        does(script, STARTED, *[contract.Event_Operator(str(n)) for n in range(100)])
        self.assertEqual([event.value for event in script.line.inbox], [str(n) for n in range(36, 100)])
        self.assertIn("does not take what happens", logged[-1][1])

    def test_when_the_call_is_over_only_the_last_words_count(self):
        async def talks(call, state):
            try:
                await call.say("Hello.")
            finally:
                call.keep(greeted=False)
                call.note("never told")

        script = opened(talks)
        does(script, STARTED)
        self.assertEqual(does(script, ended()), ["keep greeted=false"])
        self.assertEqual(does(script, turn(1, "Hello?")), [], "nobody is there any more")

    def test_an_exception_is_logged_where_it_happened_and_raised(self):
        async def breaks(call, state):
            raise ValueError("no soup")

        script = opened(breaks)
        del logged[:]
        with self.assertRaises(ValueError):
            does(script, STARTED)
        self.assertEqual(logged[-1], ("ERROR", "ValueError: no soup"))
        self.assertTrue(any("in breaks" in line for _, line in logged), logged)

    def test_habits_hold_from_here_on_and_the_recogniser_is_told_once(self):
        async def foreigner(call, state):
            call.habits(voice="hans", language="de-DE", keyterms=["Pizza"], patience=9)
            await call.say("Ja?")
            while True:
                await call.turn(state)
                await call.ask("Be kind.", interrupted_by=contract.Interruption.KEYS)

        script = opened(foreigner)
        [said] = script.handle(2_000, [STARTED])
        self.assertEqual(said.value.manner, contract.Manner(contract.Interruption.ANYTHING, "hans", "de-DE"))
        [listens] = script.handle(2_000, [done(1)])
        self.assertEqual(listens.value, contract.Hint(["Pizza"], "de-DE", 9_000))
        [asks] = script.handle(2_000, [turn(1, "Pizza!")])
        self.assertEqual(asks.value.aloud, contract.Manner(contract.Interruption.KEYS, "hans", "de-DE"))
        [listens] = script.handle(2_000, [done(2)])
        self.assertEqual(listens.value, contract.Hint([], None, 9_000))


class Opening(unittest.TestCase):
    def test_settings_that_do_not_fit_are_refused(self):
        @dataclass
        class Settings:
            house: str

        async def talk(call, state):
            await call.say(call.settings.house)

        script = opened(talk, settings=Settings)
        self.assertEqual(does(script, STARTED), ["1: say the Fork"])
        with self.assertRaises(bindings.Err) as refused:
            opened(talk, about=opening(settings="{}"), settings=Settings)
        self.assertEqual(refused.exception.value.cause.name, "MISCONFIGURED")
        self.assertIn("house", refused.exception.value.message)

    def test_random_numbers_follow_from_the_seed_of_the_call(self):
        async def talk(call, state):
            call.keep(number=call.random.random())

        numbers = [does(opened(talk, about=opening(seed=seed)), STARTED) for seed in (7, 7, 8)]
        self.assertEqual(numbers[0], numbers[1])
        self.assertNotEqual(numbers[0], numbers[2])

    def test_a_goodbye_is_told_from_a_word_that_looks_like_one(self):
        phrases = ["goodbye", "bye", "hang up"]
        for text in ["Goodbye", "Thank you, goodbye.", "OK bye bye", "bye for now", "please hang up"]:
            self.assertTrue(says_goodbye(text, phrases), text)
        for text in ["I said goodbye to your manager and then the soup came", "Why hang up on me?", ""]:
            self.assertFalse(says_goodbye(text, phrases), text)
        self.assertFalse(says_goodbye("anything", [" "]), "a phrase without words is none")


class Tools(unittest.TestCase):
    def test_a_tool_runs_on_when_the_caller_cuts_in_and_its_result_is_told(self):
        script = opened(complaint)
        does(script, STARTED, done(1), turn(1, "A table."))
        self.assertEqual(does(script, tool_call(2, "call00001")), ["3: timer 50"])
        self.assertEqual(does(script, done(2, Ending.INTERRUPTED)), ["listen"])
        self.assertEqual(does(script, timer(3)), ["tool call00001: table 4"])
        self.assertEqual(does(script, turn(2, "Hello?")), ["4: ask with 1 tools"])

    def test_a_call_for_a_tool_that_is_not_there_is_answered(self):
        script = opened(complaint)
        does(script, STARTED, done(1), turn(1, "A table."))
        self.assertEqual(does(script, tool_call(2, "a", "cook")), ['tool a: there is no tool "cook"'])
        [broken] = does(script, tool_call(2, "b", arguments="{"))
        self.assertTrue(broken.startswith("tool b: the arguments are not JSON"), broken)

    def test_a_tool_that_needs_no_time_answers_at_once_with_json(self):
        async def talk(call, state):
            await call.ask("Be kind.", tools=[at_once])

        script = opened(talk)
        [asks] = script.handle(2_000, [STARTED])
        told = asks.value.tools[0]
        self.assertEqual((told.name, told.description), ("at_once", "Finds a table."))
        self.assertEqual(does(script, tool_call(1, "a", "at_once")), ['tool a: {"seats": 4}'])

    def test_an_answer_of_a_schema_is_not_spoken(self):
        async def talk(call, state):
            report = await call.ask("How many?", schema={"type": "integer"}, temperature=0.0)
            call.keep(seats=int(report.answer))

        script = opened(talk)
        [asks] = script.handle(2_000, [STARTED])
        self.assertEqual((asks.value.aloud, asks.value.schema), (None, '{"type": "integer"}'))
        self.assertEqual(does(script, done(1, heard="4")), ["keep seats=4"])


class World(unittest.TestCase):
    def test_a_request_has_a_response_or_a_reason_and_trying_again_is_up_to_the_script(self):
        async def books(call, state):
            for _ in range(3):
                booked = await call.fetch("https://example.com/book", json={"seats": 4})
                if booked.ok:
                    break
                await call.sleep(1)
            call.keep(status=booked.status, table=booked.json()["table"])

        script = opened(books)
        [fetch] = script.handle(2_000, [STARTED])
        request = fetch.value.request
        self.assertEqual((request.method, request.body), ("POST", b'{"seats": 4}'))
        self.assertEqual(request.headers, [net.Header("content-type", "application/json")])
        failure = net.Failure(net.Fault.TIMEOUT, 0, "nothing came", [])
        self.assertEqual(does(script, response(1, bindings.Err(failure))), ["2: timer 1000"])
        self.assertEqual(does(script, timer(2)), ["3: POST https://example.com/book"])
        fetched = contract.Fetched(net.Head(200, [net.Header("Content-Type", "x")]), b'{"table": 7}')
        self.assertEqual(does(script, response(3, Ok(fetched))), ["keep status=200, table=7"])

    def test_keys_are_collected_and_pressed(self):
        async def keys(call, state):
            keys = await call.collect(4, finish="#", timeout=3)
            await call.send_digits(keys.digits)
            while isinstance(key := await call.hear(state), Key):
                call.keep(key=key.key)

        script = opened(keys)
        self.assertEqual(does(script, STARTED), ["collect 4 until # or 3000"])
        collected = contract.Event_Keys(contract.Keys("42", contract.CollectedBy.FINISH_KEY))
        self.assertEqual(does(script, collected), ["1: press 42"])
        self.assertEqual(does(script, done(1), contract.Event_Key("5")), ['keep key="5"', "listen"])

    def test_a_caller_is_put_through_or_changes_his_mind(self):
        async def switchboard(call, state):
            which, ended = await first(call.transfer("desk"), call.turn(state))
            call.keep(transfer=ended.ending.name) if which == 0 else call.note(ended.said.text)

        script = opened(switchboard)
        self.assertEqual(does(script, STARTED), ["1: transfer to desk", "listen"])
        self.assertEqual(does(script, done(1, Ending.FAILED)), ['keep transfer="FAILED"'])
        script = opened(switchboard)
        self.assertEqual(does(script, STARTED, turn(1, "No, wait!")), ["cancel 1", "note No, wait!"])

    def test_what_was_kept_earlier_is_asked_for(self):
        async def remembers(call, state):
            call.keep(before=await call.recall("caller", "+15550100"))

        fields = [contract.Field("seats", "4"), contract.Field("odd", "no JSON")]
        for known, kept in (fields, 'keep before={"seats": 4, "odd": null}'), (None, "keep before=null"):
            script = opened(remembers)
            self.assertEqual(does(script, STARTED), ['1: who had caller="+15550100"?'])
            self.assertEqual(does(script, contract.Event_Recalled(contract.Recalled(1, known))), [kept])

    def test_what_is_no_json_is_kept_as_null(self):
        async def talk(call, state):
            call.keep(what=object(), amount=float("nan"))

        self.assertEqual(does(opened(talk), STARTED), ["keep what=null, amount=null"])


class Machines(unittest.TestCase):
    async def reminder(call, state):
        async def conversation():
            await call.say("Your table is ready.")
            return await call.turn(state)

        which, machine = await first(call.machine(), conversation())
        if which == 0:
            call.keep(machine=machine.name)
            if turn := await call.leave_message("Your table was ready."):
                call.keep(person=turn.said.text)
        call.keep(answered_by=call.answered_by.name)
        call.hang_up()

    def test_what_a_machine_said_is_no_turn_and_who_speaks_after_the_message_is_a_person(self):
        script = opened(Machines.reminder)
        does(script, STARTED)
        # it waits in the inbox until the greeting has been said
        self.assertEqual(does(script, turn(1, "Nobody is at home.")), [])
        machine = does(script, answered_by(contract.Answerer.MACHINE_BEEP))
        self.assertEqual(machine, ["cancel 1", 'keep machine="MACHINE_BEEP"', "2: say Your table was ready."])
        self.assertEqual(does(script, done(2)), ["listen", "3: timer 10000"])
        person = ["cancel 3", 'keep person="Hello?"', 'keep answered_by="HUMAN"', "hang up"]
        self.assertEqual(does(script, turn(2, "Hello?")), person)

    def test_a_greeting_is_heard_out_and_words_put_off_the_end(self):
        script = opened(Machines.reminder, about=opening(answered_by=contract.Answerer.MACHINE_GREETING))
        self.assertEqual(does(script, STARTED)[1:], ["listen", "1: timer 30000"])
        self.assertEqual(does(script, turn(1, "You have reached")), ["listen"])
        self.assertEqual(does(script, silence(2_000)), ["cancel 1", "2: say Your table was ready."])
        does(script, done(2), partial("Hel"))
        self.assertEqual(does(script, silence(2_000)), [], "somebody has begun to speak")
        nobody = ["cancel 3", 'keep answered_by="MACHINE_GREETING"', "hang up"]
        self.assertEqual(does(script, silence(4_000)), nobody)

    def test_a_person_is_no_machine(self):
        script = opened(Machines.reminder, about=opening(answered_by=contract.Answerer.HUMAN))
        self.assertEqual(does(script, STARTED, done(1)), ["listen"])
        self.assertEqual(does(script, turn(1, "Yes.")), ['keep answered_by="HUMAN"', "hang up"])


if __name__ == "__main__":
    unittest.main()
