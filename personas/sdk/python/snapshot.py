"""A snapshot as JSON: the state at the last turn boundary, and what happened since.

It has the same shape in every language, so that a persona may go on in another one: names as Rust writes
them, enums and variants by the names of their cases.
"""

import json
from dataclasses import fields, is_dataclass
from enum import Enum

from componentize_py_types import Err, Ok
from wit_world.exports import persona as contract
from wit_world.imports import chat, net


def written(state, last_id, answered_by, tail):
    happened = [{"at": at, "event": _tell(event), "did": did} for at, event, did in tail]
    snapshot = {"state": state, "last_id": last_id, "answered_by": _tell(answered_by), "tail": happened}
    return json.dumps(snapshot, ensure_ascii=False)


def read(snapshot):
    """State, last id, who answered, and the tail. Raises KeyError, TypeError or ValueError where it is no
    snapshot."""
    given = json.loads(snapshot)
    answered_by = given["answered_by"]
    answered_by = answered_by and _case(contract.Answerer, answered_by)
    tail = [(happened["at"], _event(happened["event"]), happened["did"]) for happened in given["tail"]]
    return given["state"], int(given["last_id"]), answered_by, tail


def fingerprint(action):
    """The kind of an action and its id: what must agree when a script is restored."""
    kind = _hyphens(type(action).__name__.removeprefix("Action_"))
    value = getattr(action, "value", None)
    id = value if isinstance(action, contract.Action_Cancel) else getattr(value, "id", None)
    return kind if id is None else f"{kind} {id}"


def _hyphens(name):
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in name).lstrip("-")


def _tell(thing):
    """An event, or a part of one."""
    match thing:
        case Enum():
            return thing.name.title().replace("_", "")
        case Ok(value):
            return {"Ok": _tell(value)}
        case Err(value):
            return {"Err": _tell(value)}
        case bytes() | bytearray() | list():
            return [_tell(part) for part in thing]
    if not is_dataclass(thing):
        return thing
    name = type(thing).__name__
    if name.startswith("Event_"):
        name = name.removeprefix("Event_")
        return {name: _tell(thing.value)} if fields(thing) else name
    return {field.name: _tell(getattr(thing, field.name)) for field in fields(thing)}


def _case(of, name):
    return next(case for case in of if _tell(case) == name)


def _event(told):
    name, value = (told, None) if isinstance(told, str) else next(iter(told.items()))
    event = getattr(contract, f"Event_{name}", None)
    if event is None:
        raise ValueError(f"there is no event {name}")
    return event(_value(name, value)) if fields(event) else event()


def _value(name, value):
    match name:
        case "Partial":
            return contract.Utterance(**value)
        case "Turn":
            return contract.Turn(**value | {"said": contract.Utterance(**value["said"])})
        case "Keys":
            return contract.Keys(**value | {"by": _case(contract.CollectedBy, value["by"])})
        case "Done":
            return contract.Report(**value | {"ending": _case(contract.Ending, value["ending"])})
        case "ToolCall":
            return contract.CallForTool(value["question"], chat.ToolCall(**value["call"]))
        case "Response":
            return contract.Response(value["id"], _outcome(value["outcome"]))
        case "Recalled" if value["fields"] is not None:
            return contract.Recalled(value["id"], [contract.Field(**field) for field in value["fields"]])
        case "Recalled":
            return contract.Recalled(**value)
        case "AnsweredBy":
            return _case(contract.Answerer, value)
        case "Ended":
            return _case(contract.Departure, value)
    return value


def _outcome(told):
    if (fetched := told.get("Ok")) is not None:
        head = net.Head(fetched["head"]["status"], _headers(fetched["head"]["headers"]))
        return Ok(contract.Fetched(head, bytes(fetched["body"])))
    failed = told["Err"]
    fault = _case(net.Fault, failed["fault"])
    return Err(net.Failure(fault, failed["code"], failed["message"], _headers(failed["headers"])))


def _headers(told):
    return [net.Header(**header) for header in told]
