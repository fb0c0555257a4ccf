"""A call goes on in another version of its script."""

import json
import unittest
from dataclasses import dataclass, field

import bindings
from telling import (
    STARTED,
    Ending,
    Ok,
    answered_by,
    contract,
    does,
    done,
    net,
    opened,
    opening,
    response,
    restored,
    snapshot,
    timer,
    tool_call,
    turn,
)
from test_cordboard import complaint

from cordboard import first


async def newer(call, state):
    """The same, but for the state."""
    await complaint(call, state | {"turns": state.get("turns", 0) + 100})


async def other(call, state):
    await call.turn(state)
    call.hang_up()


class Refused(unittest.TestCase):
    def refused(self, *restoring):
        with self.assertRaises(bindings.Err) as refused:
            restored(*restoring)
        self.assertEqual(refused.exception.value.cause.name, "UNSUPPORTED")
        return refused.exception.value.message

    def test_another_script_a_broken_one_and_what_is_no_snapshot(self):
        script = opened(complaint)
        does(script, STARTED, done(1), turn(1, "A table."))

        async def broken(call, state):
            state["gone"]

        async def silent(call, state):
            await call.sleep(1)

        self.assertIn("ask 2", self.refused(other, script.snapshot()))
        self.assertIn("gone", self.refused(broken, script.snapshot()))
        self.assertIn("does not come back", self.refused(silent, script.snapshot()))
        for text in ("{}", "no JSON", '{"state": 1, "last_id": 1, "answered_by": null, "tail": []}'):
            self.refused(complaint, text)


class Restored(unittest.TestCase):
    def test_a_call_goes_on_in_a_newer_version_in_the_middle_of_a_tool(self):
        script = opened(complaint)
        self.assertIsNone(script.snapshot(), "no turn boundary yet")
        does(script, STARTED, done(1), turn(1, "A table."), tool_call(2, "call00001"))
        after = restored(newer, script.snapshot())
        self.assertEqual(does(after, timer(3)), ["tool call00001: table 4"])
        self.assertEqual(does(after, done(2)), ["listen"])
        self.assertEqual(snapshot(after)["state"]["turns"], 101)
        self.assertEqual(does(after, turn(2, "Hm.")), ["4: ask with 1 tools"])

    def test_a_tool_that_runs_over_a_turn_boundary_runs_on_in_a_newer_version(self):
        script = opened(complaint)
        does(script, STARTED, done(1), turn(1, "A table."), tool_call(2, "call00001"))
        self.assertEqual(does(script, done(2, Ending.INTERRUPTED)), ["listen"], "a boundary")
        self.assertEqual(does(script, turn(2, "Hello?")), ["4: ask with 1 tools"])
        after = restored(newer, script.snapshot())
        self.assertEqual(does(after, timer(3)), ["tool call00001: table 4"])
        self.assertEqual(does(after, done(4)), ["listen"])
        again = restored(complaint, after.snapshot())
        self.assertEqual(does(again, turn(3, "Hm.")), ["5: ask with 1 tools"])

    def test_a_snapshot_is_written_as_rust_writes_it(self):
        script = opened(complaint)
        does(script, STARTED, done(1), turn(1, "A table."), tool_call(2, "a"))
        said = {"text": "A table.", "confidence": 1.0, "language": None}
        call = {"id": "a", "name": "find", "arguments": '{"seats":4}'}
        self.assertEqual(
            snapshot(script),
            {
                "state": {"greeted": True},
                "last_id": 1,
                "answered_by": "Unknown",
                "tail": [
                    {
                        "at": 2_000,
                        "event": {"Turn": {"number": 1, "revision": 0, "said": said}},
                        "did": ["ask 2"],
                    },
                    {"at": 2_000, "event": {"ToolCall": {"question": 2, "call": call}}, "did": ["timer 3"]},
                ],
            },
        )

    def test_every_event_is_read_as_it_was_written(self):
        failure = net.Failure(net.Fault.TOO_LARGE, 0, "too much", [net.Header("a", "b")])
        fetched = contract.Fetched(net.Head(200, [net.Header("a", "b")]), b"\x00\xff")
        keys = contract.Keys("42", contract.CollectedBy.FINISH_KEY)
        events = [
            contract.Event_Operator("Hello."),
            contract.Event_Key("#"),
            contract.Event_Keys(keys),
            contract.Event_LineLost(),
            contract.Event_LineBack(),
            contract.Event_Silence(15_000),
            answered_by(contract.Answerer.MACHINE_GREETING),
            response(7, Ok(fetched)),
            response(8, bindings.Err(failure)),
            contract.Event_Recalled(contract.Recalled(9, [contract.Field("seats", "4")])),
            contract.Event_Recalled(contract.Recalled(9, None)),
            done(10, Ending.CANCELLED),
            timer(11),
        ]

        async def listens(call, state):
            while True:
                await first(call.turn(state), call.wait(lambda event: None))

        script = opened(listens)
        does(script, STARTED, *events)
        after = restored(listens, script.snapshot())
        told = [happened["event"] for happened in snapshot(after)["tail"]]
        self.assertEqual(len(told), 14, "with the one at the boundary itself")
        self.assertEqual(told, [happened["event"] for happened in snapshot(script)["tail"]])
        self.assertEqual([event for _, event, _ in after.tail], [STARTED, *events])

    def test_who_picked_up_is_known_after_the_boundary(self):
        async def talk(call, state):
            await call.turn(state)
            call.keep(who=call.answered_by.name)

        script = opened(talk, about=opening(answered_by=contract.Answerer.HUMAN))
        does(script, STARTED)
        after = restored(talk, script.snapshot())
        self.assertEqual(does(after, turn(1, "Hello?")), ['keep who="HUMAN"'])

    def test_a_state_may_be_a_class_that_has_grown(self):
        @dataclass
        class State:
            greeted: bool = False
            seats: list = field(default_factory=list)

        async def talk(call, state):
            while True:
                state.seats.append((await call.turn(state)).said.text)
                call.keep(seats=state.seats)

        script = opened(talk, state=State)
        does(script, STARTED, turn(1, "four"))
        self.assertEqual(snapshot(script)["state"], {"greeted": False, "seats": ["four"]})
        old = json.dumps(snapshot(script) | {"state": {"seats": ["four"], "unknown": 1}})
        after = restored(talk, old, state=State)
        self.assertEqual(does(after, turn(2, "five"))[0], 'keep seats=["four", "five"]')

    def test_a_state_that_is_no_json_cannot_be_handed_on_and_the_script_goes_on(self):
        async def talk(call, state):
            await call.turn({"fine": True})
            await call.turn({"not": object()})
            await call.turn({"fine": True})

        script = opened(talk)
        does(script, STARTED)
        self.assertIsNotNone(script.snapshot())
        self.assertEqual(does(script, turn(1, "a")), ["listen"])
        self.assertIsNone(script.snapshot())
        does(script, turn(2, "b"))
        self.assertEqual(snapshot(script)["tail"], [])


if __name__ == "__main__":
    unittest.main()
