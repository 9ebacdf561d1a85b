"""Decides what is told of a profile's file: file, line, key, what is wrong and what to do. The rules are `gridkit.profile`'s."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from gridkit.profile import ProfileError, ProfileFile, lint_profile, parse_profile
from gridkit.settings import line_of, locate

_SHAPE = "a neighbour in gridkit/profiles shows the shape"


def report(path: Path) -> list[str]:
    """Return every problem of a profile's file, each one line: `file:line: key: what is wrong; what to do`."""
    try:
        content = path.read_bytes()
        text = content.decode()
    except OSError as error:
        return [f"{path}: cannot be read ({error.strerror}); give the path of a profile's TOML file"]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return [f"{path}:{line}: byte 0x{content[error.start]:02X} is no UTF-8 text; save the file as UTF-8"]
    try:
        profile = parse_profile(content, path.stem)
    except ProfileError as error:
        return [_of_shape(path, text, error.problem)]
    problems = lint_profile(profile)
    if profile.id != path.stem:
        problems.append(f"id: is {profile.id}, and the file is called {path.name}; give both one name")
    places = {name: f"field[{index}]" for index, name in enumerate(profile.fields)}
    return [f"{path}:{_line(text, problem.split(':')[0], places)}: {problem}" for problem in problems]


def _line(text: str, key: str, places: dict[str, str]) -> int:
    if key.startswith("field "):
        name, _, rest = key.removeprefix("field ").partition(".")
        key = places[name] + (f".{rest}" if rest else "")
    return line_of(text, "", key) or 1


def _of_shape(path: Path, text: str, problem: str) -> str:
    """Say in the profile's own words what the decoder could not take."""
    at = re.search(r" \(at (?:line (\d+)[^)]*|end of document)\)", problem)
    if at is not None:
        line = int(at.group(1)) if at.group(1) else max(1, len(text.rstrip().split("\n")))
        return f"{path}:{line}: no TOML: {problem.replace(at.group(), '')}; correct the line"
    key, why = locate(problem)
    unknown = re.match(r"Object contains unknown field `([^`]+)`", why)
    twice = re.match(r"two fields are called '([^']+)'", why)
    remedy = _SHAPE
    if unknown is not None:
        known = list(_hints(key))
        near = difflib.get_close_matches(unknown.group(1), known, 1)
        key, why = f"{key}.{unknown.group(1)}".strip("."), "is no key here"
        remedy = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    elif twice is not None:
        key = f"field[{[f.get('name') for f in tomllib.loads(text)['field']].index(twice.group(1), 1)}].name"
        remedy = "each has a name of its own"
    elif _choices(key):
        remedy = f"it is one of {', '.join(map(str, _choices(key)))}"
    return f"{path}:{line_of(text, '', key) or 1}: {_named(text, key)}: {why}; {remedy}"


def _named(text: str, key: str) -> str:
    """Return a key with the field's name in the place of its number, where it has one."""
    at = re.match(r"field\[(\d+)\]", key)
    name = tomllib.loads(text)["field"][int(at.group(1))].get("name") if at is not None else None
    return key.replace(at.group(), f"field {name}") if at is not None and name else key or "the file"


def _hints(key: str) -> dict[str, Any]:
    """Return what the table at a key like "field[3]" may hold: names as the TOML file has them, and their types."""
    struct: Any = ProfileFile
    for part in filter(None, re.sub(r"\[\d+\]", "", key).split(".")):
        hint = _of_struct(struct).get(part)
        struct = next((arg for arg in (hint, *get_args(hint)) if isinstance(arg, type)), None)
        if struct is None or not issubclass(struct, msgspec.Struct):
            return {}
    return _of_struct(struct)


def _of_struct(struct: Any) -> dict[str, Any]:
    hints = get_type_hints(struct)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(struct)}


def _choices(key: str) -> tuple[Any, ...]:
    table, _, leaf = key.rpartition(".")
    hint = _hints(table).get(re.sub(r"\[\d+\]", "", leaf))
    kinds = (hint, *get_args(hint))
    return next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())
