"""The modules that componentize-py makes of the contract, made here of the same `.wit` files, so that the
SDK's tests need nothing but Python and cannot fall behind the contract.

Records are dataclasses, enums are enums, a variant `event` has the classes `Event_Done` and so on; what is
logged is in `logged`.
"""

import re
import sys
from dataclasses import dataclass, make_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace

WIT = Path(__file__).parents[4] / "wit"

logged = []


@dataclass
class Ok:
    value: object


@dataclass(frozen=True)
class Err(Exception):
    value: object


def install():
    """Puts them where the SDK imports them from."""
    modules = {name: ModuleType(name) for name in ("wit_world", "wit_world.imports", "wit_world.exports")}
    for interface, file in {"types": "types", "chat": "chat", "net": "net", "log": "worlds"}.items():
        modules[f"wit_world.imports.{interface}"] = module(f"wit_world.imports.{interface}", file, interface)
    modules["wit_world.exports.persona"] = module("wit_world.exports.persona", "persona", "persona")
    modules["wit_world.exports.persona"].Script = object
    modules["wit_world.imports.log"].log = lambda level, message: logged.append((level.name, message))
    types = modules["componentize_py_types"] = ModuleType("componentize_py_types")
    types.Ok, types.Err = Ok, Err
    sys.modules.update(modules)
    for name, made in modules.items():
        above, _, last = name.rpartition(".")
        if above:
            setattr(modules[above], last, made)
    return SimpleNamespace(**{name.rpartition(".")[2]: made for name, made in modules.items()})


def module(name, file, interface):
    text = re.sub(r"//.*", "", (WIT / f"{file}.wit").read_text())
    text = text[re.search(rf"interface {interface} \{{", text).end() :]
    made = ModuleType(name)
    for kind, name, body in re.findall(r"\b(record|enum|variant) ([\w-]+) \{([^{}]*)\}", text):
        name = pascal(name)
        cases = [case.strip().partition("(") for case in body.split(",") if case.strip()]
        match kind:
            case "record":
                names = [snake(field) for field in re.findall(r"([\w-]+):\s", body)]
                setattr(made, name, make_dataclass(name, names))
            case "enum":
                setattr(made, name, Enum(name, [snake(case).upper() for case, *_ in cases], start=0))
            case "variant":
                for case, carries, _ in cases:
                    of_case = f"{name}_{pascal(case)}"
                    setattr(made, of_case, make_dataclass(of_case, ["value"] if carries else []))
    return made


def pascal(name):
    return "".join(word.title() for word in name.split("-"))


def snake(name):
    return name.replace("-", "_")
