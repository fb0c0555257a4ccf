"""{{title}}: greets the caller, lets the model answer, and says goodbye when the caller does."""

from dataclasses import dataclass, field

from cordboard import Key, Said, Silence, ended_by, says_goodbye, script


@dataclass
class Settings:
    """From whoever runs it, checked against persona.toml."""

    greeting: str
    instructions: str
    goodbye: str


@dataclass
class State:
    """What has to be known to go on: a newer version of this persona takes over with it in a running call."""

    greeted: bool = False
    questions: list[str] = field(default_factory=list)
    # how often in a row the caller said nothing
    silences: int = 0


async def talk(call, state):
    call.at_end(lambda departure: call.keep(ended_by=ended_by(departure)))
    if not state.greeted:
        await call.say(call.settings.greeting)
        state.greeted = True
    while True:
        match await call.hear(state):
            case Said(text) if says_goodbye(text, ["bye", "goodbye"]):
                break
            case Said(text, turn):
                state.silences = 0
                # a turn comes again when the caller went on before anything of the answer was heard
                if turn.revision > 0:
                    state.questions.pop()
                state.questions.append(text)
                call.keep(questions=state.questions)
                await call.ask(call.settings.instructions)
            case Silence() if state.silences == 2:
                break
            case Silence():
                state.silences += 1
                await call.say("Are you still there?")
            case Key(key):
                call.note(f"The caller pressed the key {key}.")
    await call.say(call.settings.goodbye, to_the_end=True)
    call.hang_up()


Script = script(talk, settings=Settings, state=State)
