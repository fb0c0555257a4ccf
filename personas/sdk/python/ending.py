"""How a conversation ends."""

from wit_world.exports.persona import Departure

ENDED_BY = {
    Departure.CALLER: "caller",
    Departure.SCRIPT: "script",
    Departure.TRANSFERRED: "transfer",
    Departure.FAILED: "failure",
    Departure.LIMIT: "limit",
    Departure.OPERATOR: "operator",
}


def ended_by(departure):
    """Who ended the call, in a word for the record."""
    return ENDED_BY[departure]


def says_goodbye(text, phrases):
    """Whether somebody ends the conversation with one of these: a word counts among the last four, a phrase
    of several words as the very last ones."""
    said = _words(text)

    def ends_with(phrase):
        return phrase[0] in said[-4:] if len(phrase) == 1 else said[-len(phrase) :] == phrase

    return any(ends_with(phrase) for phrase in map(_words, phrases) if phrase)


def _words(text):
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()
