"""The reducer: events go into an inbox, the one coroutine is resumed, actions come out.

There is no event loop: a coroutine that waits looks into the inbox when it is resumed, and it is resumed
once for every event. An exception is logged and raised: the host then goes on from the last snapshot.
"""

import json
import traceback
from dataclasses import fields, is_dataclass

from componentize_py_types import Err
from wit_world.exports import persona as contract
from wit_world.imports import log
from wit_world.imports.types import Cause, Failure

from . import snapshot as told
from .call import Call
from .waiting import Line

KEPT = (contract.Action_Keep, contract.Action_Outcome)
# a partial that moved nobody would only make the tail long
FLEETING = (contract.Event_Partial, contract.Event_Speaking)


def script(talk, *, settings=dict, state=dict):
    """Makes of `async def talk(call, state)` what the host calls, as the class `Script` of the module
    `persona`.

    `settings` and `state`: dataclasses, where dictionaries are not enough. What the class of the settings
    does not take is refused before the call begins. The first state is `state()`."""

    class Script(contract.Script):
        @classmethod
        def open(cls, opening):
            return cls()._start(opening, state())

        def _start(self, opening, begins_with):
            try:
                given = _made(settings, json.loads(opening.settings))
            except (TypeError, ValueError) as e:
                raise _failure(Cause.MISCONFIGURED, f"the settings: {e}") from None
            self.line = Line()
            self.call = Call(opening, given, self.line)
            self.talk = talk(self.call, begins_with)
            # what happened since the last turn boundary: when, what, and what the script did about it; it
            # did None: it was waiting in the inbox when the boundary was reached
            self.tail = []
            return self

        def handle(self, at, events):
            self.call.now = at
            try:
                return [action for event in events for action in self._handle(at, event)]
            except Exception as e:
                _log(e)
                raise

        def _handle(self, at, event):
            line = self.line
            if isinstance(event, contract.Event_AnsweredBy):
                self.call.answered_by = event.value
            line.push(event)
            self._resume()
            if isinstance(event, contract.Event_Ended):
                self._end(event.value)
            line.sweep()
            actions, line.actions = line.actions, []
            if line.marked is not None:
                self.tail = [(at, waiting, None) for waiting in line.marked]
                line.marked = None
            elif line.mark is not None:
                did = [told.fingerprint(action) for action in actions]
                if did or not isinstance(event, FLEETING):
                    self.tail.append((at, event, did))
            return actions

        def _resume(self):
            """Resumes the script and the tools beside it, until none of them gets any further."""
            while True:
                if self.talk is not None and _is_over(self.talk):
                    self.talk = None
                # a tool may begin another, so they are resumed outside of their list
                running, self.line.tasks = self.line.tasks, []
                left = [task for task in running if not _is_over(task)]
                begun = self.line.tasks
                self.line.tasks = left + begun
                if not begun and len(left) == len(running):
                    return

        def _end(self, departure):
            """The call is over: the last words, and then nothing."""
            last_words, self.line.at_end = self.line.at_end, None
            if last_words is not None:
                last_words(departure)
            # what they had begun is cancelled by being dropped, which concerns nobody any more
            running = [self.talk] if self.talk is not None else []
            running += self.line.tasks
            self.talk, self.line.tasks = None, []
            for coroutine in running:
                try:
                    coroutine.close()
                except Exception as e:
                    _log(e)
            self.line.actions = [action for action in self.line.actions if isinstance(action, KEPT)]

        def snapshot(self):
            if self.line.mark is None:
                return None
            written, last_id, answered_by = self.line.mark
            return told.written(json.loads(written), last_id, answered_by, self.tail)

        @classmethod
        def restore(cls, opening, snapshot):
            """Starts the script with the state of its last turn boundary, lets it come back there, and plays
            what happened since, silently. Fails if it does other things about it than the script before
            did: then the call stays with that one."""
            try:
                before, last_id, answered_by, tail = told.read(snapshot)
            except (KeyError, TypeError, ValueError) as e:
                raise _changed(f"not a snapshot: {e!r}") from None
            try:
                before = _made(state, before)
            except (TypeError, ValueError) as e:
                raise _changed(f"the state is not one of this version: {e}") from None
            self = cls()._start(opening, before)
            self.line.last_id = last_id
            if answered_by is not None:
                self.call.answered_by = answered_by
            try:
                self._come_back(tail)
            except Err:
                raise
            except Exception as e:
                _log(e)
                raise _changed(f"the script broke on its way back: {e!r}") from None
            return self

        def _come_back(self, tail):
            self._resume()
            if self.line.mark is None:
                raise _changed("the script does not come back to its turn")
            self.line.actions, self.line.marked = [], None
            for at, event, did in tail:
                self.call.now = at
                does = [told.fingerprint(action) for action in self._handle(at, event)]
                if did is not None and did != does:
                    raise _changed(f"the script did {did}, and would do {does} now")

    return Script


def _is_over(coroutine):
    try:
        coroutine.send(None)
    except StopIteration:
        return True
    return False


def _made(of, given):
    """A dictionary, or the dataclass that is to be made of it; what that does not know is left out."""
    if not isinstance(given, dict):
        raise TypeError(f"{given!r} is not an object")
    if is_dataclass(of):
        known = {field.name for field in fields(of)}
        given = {name: value for name, value in given.items() if name in known}
    return of(**given)


def _failure(cause, message):
    return Err(Failure(cause, message, None))


def _changed(why):
    return _failure(Cause.UNSUPPORTED, why)


def _log(exception):
    # a line each: the host cuts long ones
    for part in traceback.format_exception(exception):
        for line in part.rstrip().split("\n"):
            log.log(log.Level.ERROR, line)
