"""Scripts told what happens, and what they do about it, in short."""

import importlib.util
import json
import sys
from pathlib import Path

import bindings

made = bindings.install()
contract, chat, net = made.persona, made.chat, made.net
Err, Ok, logged = bindings.Err, bindings.Ok, bindings.logged

# the SDK is a package that is called `cordboard` where it is used
SDK = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location(
    "cordboard", SDK / "__init__.py", submodule_search_locations=[str(SDK)]
)
cordboard = sys.modules["cordboard"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cordboard)

Ending = contract.Ending


def opening(**changes):
    given = dict(
        seed=7,
        now=1_000,
        timezone="UTC",
        language="en-US",
        call="CA1",
        direction=contract.Direction.INBOUND,
        caller=None,
        called=None,
        parameters=[],
        initial_message=None,
        answered_by=contract.Answerer.UNKNOWN,
        line=contract.Line(True, True, True, False),
        settings='{"house":"the Fork"}',
        handed=None,
    )
    return contract.Opening(**given | changes)


STARTED = contract.Event_Started()


def turn(number, text, revision=0):
    return contract.Event_Turn(contract.Turn(number, revision, contract.Utterance(text, 1.0, None)))


def partial(text):
    return contract.Event_Partial(contract.Utterance(text, 1.0, None))


def silence(length=15_000):
    return contract.Event_Silence(length)


def done(id, ending=Ending.COMPLETE, heard="…"):
    return contract.Event_Done(contract.Report(id, ending, heard, heard))


def timer(id):
    return contract.Event_Timer(id)


def tool_call(question, id, name="find", arguments='{"seats":4}'):
    return contract.Event_ToolCall(contract.CallForTool(question, chat.ToolCall(id, name, arguments)))


def answered_by(who):
    return contract.Event_AnsweredBy(who)


def response(id, outcome):
    return contract.Event_Response(contract.Response(id, outcome))


def ended(departure=contract.Departure.CALLER):
    return contract.Event_Ended(departure)


def opened(talk, *, about=None, **classes):
    return cordboard.script(talk, **classes).open(about or opening())


def restored(talk, snapshot, **classes):
    return cordboard.script(talk, **classes).restore(opening(), snapshot)


def does(script, *events):
    """What the script does about the last of these events."""
    for event in events:
        actions = script.handle(2_000, [event])
    return [short(action) for action in actions]


def short(action):
    value = getattr(action, "value", None)
    match type(action).__name__.removeprefix("Action_"):
        case "Say":
            return f"{value.id}: say {value.text}"
        case "Ask":
            return f"{value.id}: ask with {len(value.tools)} tools"
        case "ToolResult":
            return f"tool {value.id}: {value.content}"
        case "Cancel":
            return f"cancel {value}"
        case "Keep":
            return "keep " + ", ".join(f"{field.name}={field.value}" for field in value)
        case "Timer":
            return f"{value.id}: timer {value.after}"
        case "Fetch":
            return f"{value.id}: {value.request.method} {value.request.url}"
        case "Recall":
            return f"{value.id}: who had {value.field}={value.value}?"
        case "Transfer":
            return f"{value.id}: transfer to {value.to}"
        case "SendDigits":
            return f"{value.id}: press {value.digits}"
        case "Collect":
            return f"collect {value.max} until {value.finish} or {value.timeout}"
        case "Outcome" | "Note" as kind:
            return f"{kind.lower()} {value}"
        case "HangUp":
            return "hang up"
        case kind:
            return kind.lower()


def snapshot(script):
    return json.loads(script.snapshot())
