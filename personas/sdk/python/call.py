"""The line to the caller, as a script sees it. Times are in seconds."""

import json as jsons
import random
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from componentize_py_types import Ok
from wit_world.exports import persona as contract
from wit_world.exports.persona import Interruption, Turn
from wit_world.imports import log, net, types
from wit_world.imports.log import Level

from .asking import Asking
from .machine import Answering
from .waiting import Suspended


@dataclass
class Said:
    """The caller's turn. What `hear` gives, like the two below."""

    text: str
    turn: Turn


@dataclass
class Silence:
    """Nobody has spoken for so many seconds."""

    seconds: float


@dataclass
class Key:
    """A key was pressed."""

    key: str


@dataclass
class Response:
    """What became of a request. Nothing of the network raises: look at `ok`, or at `status`."""

    # the HTTP status; 0: no response came
    status: int
    # by their names in small letters
    headers: dict[str, str]
    body: bytes
    # why none came; None: one did
    failure: net.Failure | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Raises ValueError where it is none."""
        return jsons.loads(self.body)


class Call(Asking, Answering):
    """The line to the caller."""

    def __init__(self, opening, settings, line):
        # what was known before the call began
        self.opening = opening
        # from the operator, checked against the manifest
        self.settings = settings
        # now, in milliseconds since 1970
        self.now = opening.now
        # who picked up, as far as it is known by now
        self.answered_by = opening.answered_by
        # random numbers that differ from call to call: those of the module are the same in every one
        self.random = random.Random(opening.seed)
        self._line = line
        self._habits = {}
        self._new_keyterms, self._new_language = [], None

    async def say(
        self, text, *, to_the_end=False, interrupted_by=Interruption.ANYTHING, voice=None, language=None
    ):
        """Says this; the report tells what was heard. The caller may cut in, unless it is said
        `to_the_end`."""
        manner = self._manner(Interruption.NOTHING if to_the_end else interrupted_by, voice, language)
        id = self.next_id()
        return await self._report(id, contract.Action_Say(contract.Speech(id, str(text), manner)))

    def habits(self, *, voice=None, language=None, keyterms=(), patience=None):
        """Everything is said and listened for like this from here on: a voice that the provider knows, a
        language (BCP 47), words to listen for, seconds of silence. What is left out is as in the operator's
        settings. No part of a snapshot: a script that is restored says it again."""
        self._habits = {"voice": voice, "language": language, "patience": patience}
        # told once: the host remembers them, and a recogniser that is told again may begin anew
        self._new_keyterms, self._new_language = list(keyterms), language

    def _manner(self, interruption, voice, language):
        habits = self._habits
        return contract.Manner(
            interruption, voice or habits.get("voice"), language or habits.get("language")
        )

    # -- hearing

    async def turn(self, state):
        """Waits for the caller's turn. A turn boundary: from here another version of the script can go on
        with `state`."""
        self._boundary(state)
        return await self.wait(lambda event: event.value if isinstance(event, contract.Event_Turn) else None)

    async def hear(self, state):
        """The same, and also comes back when nobody speaks or a key is pressed: `Said`, `Silence`, `Key`."""

        def take(event):
            match event:
                case contract.Event_Turn(turn):
                    return Said(turn.said.text, turn)
                case contract.Event_Silence(length):
                    return Silence(length / 1000)
                case contract.Event_Key(key):
                    return Key(key)

        self._boundary(state)
        return await self.wait(take)

    def _boundary(self, state):
        try:
            written = jsons.dumps(asdict(state) if is_dataclass(state) else state, allow_nan=False)
            mark = (written, self._line.last_id, self.answered_by)
        except (TypeError, ValueError) as e:
            # it cannot be handed on; the script goes on all the same
            self.log(f"the state is no JSON, so no other version can go on from here: {e}", Level.ERROR)
            mark = None
        self._line.reach(mark)
        self._listen(self._habits.get("patience"))

    def _listen(self, patience):
        """The silence clock starts here; without a `patience` it is the operator's."""
        patience = None if patience is None else _ms(patience)
        self.act(contract.Action_Listen(contract.Hint(self._new_keyterms, self._new_language, patience)))
        self._new_keyterms, self._new_language = [], None

    async def collect(self, most, *, finish=None, timeout=5):
        """Collects keys: until there are so many, the `finish` key, or `timeout` seconds without one."""
        self.act(contract.Action_Collect(contract.Collection(most, finish, _ms(timeout))))
        return await self.wait(lambda event: event.value if isinstance(event, contract.Event_Keys) else None)

    # -- the world outside

    async def fetch(self, url, *, method=None, headers=None, body=b"", json=None):
        """Sends a request, as far as the operator's grant allows, and gives the whole `Response`. With a
        `json` it is a POST of that."""
        headers = dict(headers or {})
        if json is not None:
            method = method or "POST"
            headers.setdefault("content-type", "application/json")
            body = jsons.dumps(json, allow_nan=False)
        body = body.encode() if isinstance(body, str) else body
        sent = [net.Header(name, value) for name, value in headers.items()]
        id = self.next_id()
        action = contract.Action_Fetch(contract.Fetch(id, net.Request(method or "GET", url, sent, body)))
        outcome = (await self._end(contract.Event_Response, id, action)).outcome
        if not isinstance(outcome, Ok):
            return Response(0, {}, b"", outcome.value)
        head = outcome.value.head
        return Response(head.status, {h.name.lower(): h.value for h in head.headers}, outcome.value.body)

    async def recall(self, field, value):
        """What this persona kept earlier: everything of the newest conversation before this one whose
        `field` has this value, as a dictionary. `caller` is a field of every conversation, an E.164 number.
        None: nothing is known, or nobody can look it up now; that is said within two seconds."""
        id = self.next_id()
        action = contract.Action_Recall(contract.Recall(id, field, _written(value)))
        fields = (await self._end(contract.Event_Recalled, id, action)).fields
        return None if fields is None else {field.name: _read(field.value) for field in fields}

    async def sleep(self, seconds):
        """Waits; at least 10 ms."""
        id = self.next_id()
        with self._line.begun(id, contract.Action_Timer(types.Timer(id, _ms(seconds)))):
            await self.wait(lambda event: event == contract.Event_Timer(id) or None)

    async def send_digits(self, digits):
        """Presses keys: 0-9, *, #, and w for a pause of half a second. Nothing cuts them short."""
        id = self.next_id()
        return await self._report(id, contract.Action_SendDigits(contract.Digits(id, digits)))

    async def transfer(self, to, brief=None):
        """Puts the caller through: to an E.164 number, or to a name from the operator's settings. Whoever
        picks up may be told `brief` before. When it has worked the call is over, so what comes back is
        mostly why it has not. One at a time; await what is being said before."""
        id = self.next_id()
        return await self._report(id, contract.Action_Transfer(contract.Transfer(id, to, brief)))

    # -- for the record

    def keep(self, /, **fields):
        """Facts about the call, for the record: `call.keep(name="Ann", seats=4)`."""
        kept = [contract.Field(name, _written(value)) for name, value in fields.items()]
        self.act(contract.Action_Keep(kept))

    def outcome(self, text):
        """How the call went, in the operator's words."""
        self.act(contract.Action_Outcome(text))

    def note(self, text):
        """Something the model should know from here on."""
        self.act(contract.Action_Note(text))

    def log(self, message, level=Level.INFO):
        """A line in the host's log, under the persona's name."""
        log.log(level, str(message))

    def pause_recording(self, paused=True):
        self.act(contract.Action_PauseRecording(paused))

    def hang_up(self):
        """At once: await what is being said before."""
        self.act(contract.Action_HangUp())

    def at_end(self, last_words):
        """What to do when the call is over, however it ended: `last_words(departure)` may keep, and say the
        outcome."""
        self._line.at_end = last_words

    # -- for what has no method of its own

    async def wait(self, take):
        """Waits for the first event of which `take` makes something other than None."""
        while (taken := self._line.take(take)) is None:
            await Suspended()
        return taken

    def act(self, action):
        """Does something: an action of the contract."""
        self._line.actions.append(action)

    def next_id(self):
        """An id that nothing else has."""
        self._line.last_id += 1
        return self._line.last_id

    async def _end(self, kind, id, action):
        """Does `action`, which begins `id`, and waits for the event of this kind that ends it."""

        def take(event):
            return event.value if isinstance(event, kind) and event.value.id == id else None

        with self._line.begun(id, action):
            return await self.wait(take)

    def _report(self, id, action):
        return self._end(contract.Event_Done, id, action)


def _ms(seconds):
    return max(0, min(round(seconds * 1000), 0xFFFFFFFF))


def _written(value):
    """As JSON. What cannot be written so is null: that is no reason to end a call."""
    try:
        return jsons.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as e:
        log.log(Level.WARN, f"null stands for a {type(value).__name__} that is no JSON: {e}")
        return "null"


def _read(text):
    try:
        return jsons.loads(text)
    except ValueError:
        return None
