"""Calls that a machine picks up: an answering machine, or a fax.

The host has stopped everything that was meant for a person by the time a script knows of it. Who speaks
after the message is a person who was only slow: so it is never wrong to leave one.
"""

from wit_world.exports import persona as contract
from wit_world.exports.persona import Answerer

from .waiting import MACHINES, Suspended, first

# A greeting has ended, and its tone sounded, when the machine has been silent for so many seconds; one that
# has not ended by then is spoken over.
GREETING_ENDED, LONGEST_GREETING = 2, 30
# How long after the message a person may take to speak, and how long it may be in doubt whether that is one.
SPEAKS_WITHIN, LONGEST_DOUBT = 2, 10


class Answering:
    """The part of a call that knows machines."""

    async def machine(self):
        """Comes back once it is known that a machine or a fax has picked up, at once if that was known
        before the call; else never. `first` of this and a conversation drops what was meant for a person:

            which, machine = await first(call.machine(), conversation(call, state))
            if which == 0 and machine != Answerer.FAX:
                turn = await call.leave_message("Please call us back.")
        """
        while self.answered_by not in MACHINES:
            await Suspended()
        return self.answered_by

    async def leave_message(self, text):
        """Leaves a message: waits for a greeting that goes on to end, says this to its end, and listens for
        two seconds. None: nobody is there, so hang up. A turn: somebody picked up after all; from then on
        `answered_by` is a human."""
        if self.answered_by == Answerer.MACHINE_GREETING:
            await first(self._greeting_ends(), self.sleep(LONGEST_GREETING))
        words = []
        await first(self.say(text, to_the_end=True), self._note_words(words))
        _, turn = await first(self._somebody_speaks(words), self.sleep(LONGEST_DOUBT))
        if turn is not None:
            self.answered_by = Answerer.HUMAN
        return turn

    async def _greeting_ends(self):
        """Whatever is said until then is the machine's."""
        silent = False
        while not silent:
            self._listen(GREETING_ENDED)
            silent = isinstance(await self.wait(_turn_or_silence), contract.Event_Silence)

    async def _note_words(self, words):
        """Never comes back: notes that somebody has begun to say something."""
        while True:
            words.append(await self.wait(_partial))

    async def _somebody_speaks(self, words):
        """None: nobody does. `words`: somebody has begun to, so the turn may take a little longer."""

        async def speaks():
            self._listen(SPEAKS_WITHIN)
            while True:
                event = await self.wait(_turn_or_silence)
                if isinstance(event, contract.Event_Turn):
                    return event.value
                if not words:
                    return None
                words.clear()

        _, turn = await first(speaks(), self._note_words(words))
        return turn


def _partial(event):
    return event if isinstance(event, contract.Event_Partial) else None


def _turn_or_silence(event):
    return event if isinstance(event, (contract.Event_Turn, contract.Event_Silence)) else None
