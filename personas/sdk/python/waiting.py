"""What a script waits for: what happened and has not been taken yet, and what was begun and has not ended.

A script takes what it waits for and leaves the rest. What can only matter at once is forgotten when nobody
took it; what belongs to something that nobody waits for any more is dropped.
"""

from wit_world.exports import persona as contract
from wit_world.exports.persona import Answerer
from wit_world.imports import log

# More than this is only reached by a script that does not listen.
MOST = 64

MACHINES = (Answerer.MACHINE_GREETING, Answerer.MACHINE_BEEP, Answerer.FAX)

AT_ONCE = (
    contract.Event_Started,
    contract.Event_Silence,
    contract.Event_Speaking,
    contract.Event_Partial,
    contract.Event_AnsweredBy,
    contract.Event_LineLost,
    contract.Event_LineBack,
)
ENDS = (contract.Event_Done, contract.Event_Response, contract.Event_Recalled)


class Suspended:
    """Waits for the next event."""

    def __await__(self):
        yield


async def first(*futures):
    """Whichever ends first, as its place and what it gave; the others are dropped, and with them what they
    had begun: `which, turn = await first(call.turn(state), call.sleep(5))`."""
    running = [future if hasattr(future, "send") else future.__await__() for future in futures]
    try:
        while True:
            for place, future in enumerate(running):
                try:
                    future.send(None)
                except StopIteration as ended:
                    return place, ended.value
            await Suspended()
    finally:
        for future in reversed(running):
            future.close()


class Line:
    """What happened, and what to do about it."""

    def __init__(self):
        self.inbox = []
        # ids of the script that somebody waits for
        self.awaited = set()
        # what to do, in order
        self.actions = []
        self.last_id = 0
        # tools that run beside the script
        self.tasks = []
        self.at_end = None
        # how everything was at the last turn boundary; None: there is none to go on from
        self.mark = None
        # what was waiting when a boundary was reached since the last event
        self.marked = None

    def push(self, event):
        match event:
            # the newest replaces the older
            case contract.Event_Partial():
                self._forget(lambda old: isinstance(old, contract.Event_Partial))
            case contract.Event_Turn(turn):
                again = turn.number
                self._forget(lambda old: isinstance(old, contract.Event_Turn) and old.value.number == again)
            # what it said before was no turn
            case contract.Event_AnsweredBy(who) if who in MACHINES:
                self._forget(lambda old: isinstance(old, contract.Event_Turn))
        self.inbox.append(event)

    def _forget(self, which):
        self.inbox = [event for event in self.inbox if not which(event)]

    def take(self, take):
        """What `take` makes of the first event that it wants; None: there is no such event."""
        for place, event in enumerate(self.inbox):
            if (taken := take(event)) is not None:
                del self.inbox[place]
                return taken
        return None

    def sweep(self):
        """After everybody has looked: forgets what can only matter at once."""
        self._forget(self._is_over)
        while len(self.inbox) > MOST:
            del self.inbox[0]
            warning = "the script does not take what happens: the oldest event is dropped"
            log.log(log.Level.WARN, warning)

    def _is_over(self, event):
        if isinstance(event, ENDS):
            return event.value.id not in self.awaited
        match event:
            case contract.Event_Timer(id):
                return id not in self.awaited
            case contract.Event_ToolCall(called):
                return called.question not in self.awaited
        return isinstance(event, AT_ONCE)

    def begun(self, id, action):
        """Does `action`, which begins `id`."""
        self.actions.append(action)
        self.awaited.add(id)
        return Begun(self, id)

    def reach(self, mark):
        """A turn boundary. A tool that runs stands in no state: another version gets to it from the
        boundary before."""
        if not self.tasks:
            self.mark = mark
            self.marked = list(self.inbox)


class Begun:
    """Something that was begun and has not ended: cancelled where its coroutine is dropped before."""

    def __init__(self, line, id):
        self.line, self.id = line, id

    def __enter__(self):
        return self

    def __exit__(self, dropped, *_):
        self.line.awaited.discard(self.id)
        if dropped:
            self.line.actions.append(contract.Action_Cancel(self.id))
