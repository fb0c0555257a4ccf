"""For authors of conversations in Python.

A persona is a straight-line script: an `async def` that says, asks and listens, one after the other.
There is no event loop, no clock and no socket behind it; every `await` waits for something that happens
on the line. The README of the SDK tells all of it; what the words mean stands in the contract,
`wit/persona.wit`.

    from cordboard import Said, script

    async def talk(call, state):
        await call.say(f"Thank you for calling {call.settings['house']}.")
        while isinstance(heard := await call.hear(state), Said):
            if "bye" in heard.text:
                break
            await call.ask("Answer in one short sentence.")
        await call.say("Goodbye!", to_the_end=True)
        call.hang_up()

    Script = script(talk)

What is begun and dropped before it ended is cancelled: `first` of two gives barge-in, timeouts and
second thoughts.
"""

from wit_world.exports import persona as contract
from wit_world.exports.persona import (
    Answerer,
    CollectedBy,
    Departure,
    Direction,
    Ending,
    Interruption,
    Keys,
    Opening,
    Report,
    Turn,
)
from wit_world.imports import chat, net
from wit_world.imports.log import Level

from .asking import tool
from .call import Call, Key, Response, Said, Silence
from .ending import ended_by, says_goodbye
from .script import script
from .waiting import first

__all__ = [
    "Answerer",
    "Call",
    "CollectedBy",
    "Departure",
    "Direction",
    "Ending",
    "Interruption",
    "Key",
    "Keys",
    "Level",
    "Opening",
    "Report",
    "Response",
    "Said",
    "Silence",
    "Turn",
    "chat",
    "contract",
    "ended_by",
    "first",
    "net",
    "says_goodbye",
    "script",
    "tool",
]
