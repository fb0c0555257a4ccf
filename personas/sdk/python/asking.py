"""Asking the model, with tools that the script runs."""

import json

from wit_world.exports import persona as contract
from wit_world.imports import chat


def tool(parameters=None, *, name=None, about=None):
    """A tool that the model may call: `async def find(arguments)`, or without `async`.

    `parameters`: a JSON schema of an object. The name is the function's, what the model is told of it its
    docstring. What it returns is told to the model, a text as it is, anything else as JSON. It runs once
    for each call, beside the script: a caller who cuts in does not stop it, and the model learns its result
    later."""

    def mark(run):
        description = about or " ".join((run.__doc__ or "").split())
        schema = json.dumps(parameters or {"type": "object", "properties": {}})
        run.tool = chat.Tool(name or run.__name__, description, schema)
        return run

    return mark


class Asking:
    """The part of a call that asks."""

    async def ask(
        self,
        instructions,
        *,
        tools=(),
        about=None,
        schema=None,
        aloud=True,
        interrupted_by=contract.Interruption.ANYTHING,
        voice=None,
        language=None,
        tool_choice=chat.ToolChoice.AUTO,
        max_tokens=None,
        temperature=None,
    ):
        """Asks the model, in the light of the conversation so far, and speaks the answer while it comes;
        the report tells what was heard, and what was answered.

        `tools`: functions with @tool. `about`: messages, instead of the conversation so far. `schema`: of
        an answer in JSON, for the script; it is not spoken."""
        runs = {run.tool.name: run for run in tools}
        id = self.next_id()
        question = contract.Question(
            id=id,
            instructions=instructions,
            context=contract.Context_Conversation() if about is None else contract.Context_Messages(about),
            tools=[run.tool for run in tools],
            tool_choice=tool_choice,
            schema=None if schema is None else json.dumps(schema),
            max_tokens=max_tokens,
            temperature=temperature,
            aloud=self._manner(interrupted_by, voice, language) if aloud and schema is None else None,
        )

        def take(event):
            match event:
                case contract.Event_ToolCall(called) if called.question == id:
                    return called.call
                case contract.Event_Done(report) if report.id == id:
                    return report

        with self._line.begun(id, contract.Action_Ask(question)):
            while isinstance(taken := await self.wait(take), chat.ToolCall):
                self._run(runs, taken)
        return taken

    def _run(self, runs, asked):
        """Runs a tool beside the script."""
        try:
            arguments, broken = json.loads(asked.arguments), None
        except ValueError as e:
            arguments, broken = None, f"the arguments are not JSON: {e}"
        if (run := runs.get(asked.name)) is None:
            self._answer(asked, f'there is no tool "{asked.name}"')
        elif broken:
            self._answer(asked, broken)
        else:
            self._line.tasks.append(self._ran(asked, run(arguments)))

    async def _ran(self, asked, running):
        result = await running if hasattr(running, "__await__") else running
        self._answer(asked, result if isinstance(result, str) else json.dumps(result, ensure_ascii=False))

    def _answer(self, asked, content):
        self.act(contract.Action_ToolResult(chat.ToolResult(asked.id, content)))
