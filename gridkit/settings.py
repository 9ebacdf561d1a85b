"""Decides how a process reads its settings: one TOML file, environment variables over it, checked against a struct.

Kept to tomllib and msgspec so that the agent on a small computer pays nothing for it.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
END = "# end"
"""Last line of a file that must not be taken for whole when it was cut between two lines."""
LARGEST = 1 << 20
"""More bytes than any settings have; what is larger is another file."""


class SettingsError(Exception):
    """Settings cannot be used. `path`, `line` (or None), `field` and `remedy` say where and what to do."""

    def __init__(self, path: Path | None, line: int | None, field: str, why: str, remedy: str) -> None:
        where = f"{path or 'environment'}" + (f":{line}" if line else "")
        super().__init__(f"{where}: {field or 'settings'}: {why}. {remedy}")
        self.path = path
        self.line = line
        self.field = field
        self.remedy = remedy


def load(
    struct_type: type[S],
    path: Path | str | None,
    environ: Mapping[str, str] | None = None,
    prefix: str = "",
    section: str | None = None,
    end: str = "",
) -> S:
    """Return the settings of a process.

    Args:
        struct_type: A msgspec Struct; unknown keys are refused whether or not it forbids them.
        path: TOML file; None reads the environment alone.
        environ: Default os.environ. `<prefix>MQTT_PORT` sets `mqtt_port`, `<prefix>MQTT__PORT` sets `port` in table
            `mqtt`; lists and tables are written as JSON.
        prefix: Like "CAMPUSGRID_EDGE_"; empty reads no variables.
        section: TOML table to read; by default the prefix's last word ("edge") if the file has it, else the whole file.
        end: What the file's last line must be, like END. A file that was cut between two lines is still TOML, and may lack a meter.

    Raises:
        SettingsError: No file, no TOML, not its end, an unknown, missing or misplaced key, or a value of the wrong type or range.
    """
    environ = os.environ if environ is None else environ
    file = None if path is None else Path(path)
    text = _read(file, section or _guess(prefix))
    document = _document(file, text, section or _guess(prefix))
    table, section = _section(file, text, document, section, prefix, struct_type)
    _refuse_cut(file, text, section, end)
    if section:
        _refuse_strays(struct_type, document, file, text, section)
    _refuse_unknown(struct_type, table, file, text, section)
    overlaid: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if prefix and name.startswith(prefix) and name != prefix:
            keys = name[len(prefix) :].lower().split("__")
            _overlay(struct_type, table, name, keys, value)
            overlaid[".".join(keys)] = name
    try:
        return msgspec.convert(table, struct_type, strict=False, dec_hook=_convert)
    except msgspec.ValidationError as error:
        field, why = locate(str(error))
        variable = next((overlaid[f] for f in overlaid if re.fullmatch(rf"{f}([.\[].*)?", field)), None)
        if variable is not None:
            raise SettingsError(None, None, variable, f"{field} {why}", "Correct it, or unset it.") from error
        line = line_of(text, section, field)
        raise SettingsError(file, line, field, why, _remedy(prefix, field)) from error


def refusal(
    path: Path | str | None, field: str, why: str, remedy: str, *, prefix: str = "", section: str | None = None
) -> SettingsError:
    """Return the error for a setting whose value has the right shape and cannot work, with the line that it stands in.

    Args:
        path, prefix, section: As for `load`.
        field: Like "meters[1].key_file".
        why: What is wrong.
        remedy: What to do.
    """
    file = None if path is None else Path(path)
    text = _read(file)
    _, section = _section(file, text, _document(file, text, ""), section, prefix, None)
    return SettingsError(file, line_of(text, section, field), field, why, remedy)


def _remedy(prefix: str, field: str) -> str:
    if not field:
        return "Correct it there."
    variable = f"{prefix}{field.upper().replace('.', '__')}"
    return f"Set `{field}` there" + (f" or in {variable}." if prefix and "[" not in field else ".")


def _read(file: Path | None, section: str = "") -> str:
    """Return the file's text, lines ending in "\\n". `section` helps to name the setting at which it is no text."""
    if file is None:
        return ""
    try:
        content = _content(file)
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
        raise SettingsError(
            file, None, "", why, "Give the right path with --config, or let this user read it."
        ) from error
    try:
        text = content.decode("utf-8-sig")  # Some editors begin a file with a byte order mark.
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        field = _field_at(content.decode("latin-1"), line, section)
        why = f"byte 0x{content[error.start]:02X} is no UTF-8 text"
        raise SettingsError(file, line, field, why, "Save the file as UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _content(file: Path) -> bytes:
    """Return a regular file's bytes; a pipe or a device could be waited for or read for ever. Raises OSError, SettingsError."""
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as opened:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise SettingsError(file, None, "", "is no file", "Give the path of the TOML file with --config.")
        if found.st_size > LARGEST:
            why = f"has {found.st_size} bytes, which no settings have"
            raise SettingsError(file, None, "", why, "Give the path of the TOML file with --config.")
        return opened.read(LARGEST)


def _document(file: Path | None, text: str, section: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        at = re.search(r"line (\d+)", str(error))
        line: int | None = int(at.group(1)) if at else max(1, text.count("\n") + (not text.endswith("\n")))
        field = _field_at(text, line or 0, section)
        if not isinstance(error, tomllib.TOMLDecodeError):
            line, field = None, ""  # Brackets three hundred deep, a number of thousands of digits: nobody says where.
        raise SettingsError(
            file, line, field, f"no TOML: {error}", "Correct the line, or write the file again."
        ) from error


def _section(
    file: Path | None, text: str, document: dict[str, Any], section: str | None, prefix: str, struct_type: Any
) -> tuple[dict[str, Any], str]:
    guess = section or _guess(prefix)
    found = document.get(guess)
    if isinstance(found, dict):
        return found, guess
    known = {} if struct_type is None else _fields(struct_type)
    if found is not None and (section is not None or guess not in known):
        raise SettingsError(file, _mention(text, guess), guess, "is no table", f"Write it as [{guess}].")
    slip = next((key for key in document if key not in known and guess and _near(key, [guess])), None)
    if slip is not None and section is None:
        raise SettingsError(file, _mention(text, slip), slip, "is no setting", f"Did you mean [{guess}]?")
    return ({}, section) if section is not None else (document, "")


def _refuse_strays(struct_type: Any, document: dict[str, Any], file: Path | None, text: str, section: str) -> None:
    """Refuse what stands beside the section and can only be meant for it: nobody would read it. Other services' tables may stand there."""
    known = _fields(struct_type)
    for key, value in document.items():
        if key == section or (isinstance(value, dict) and key not in known and not _near(key, [section])):
            continue
        name = key if key in known else (_near(key, known) or key)
        written = f"[[{section}.{name}]]" if isinstance(value, list) else f"[{section}.{name}]"
        remedy = f"Write it as {written}." if isinstance(value, dict | list) else f"Write it below [{section}]."
        remedy = remedy if key != name or key in known else f"Take it out, or write it below [{section}]."
        if isinstance(value, dict) and key not in known:
            remedy = f"Did you mean [{section}]?"
        raise SettingsError(file, _mention(text, key), key, f"stands outside [{section}] and sets nothing", remedy)


def _near(key: str, known: Iterable[str]) -> str:
    """Return the known name that a key may be a slip of, "" when there is none."""
    import difflib  # Only where something is wrong: it is half a megabyte.

    return next(iter(difflib.get_close_matches(key, list(known), 1, 0.75)), "")


def _mention(text: str, key: str) -> int | None:
    """Return the first line that sets or heads a key of the file's own table."""
    pattern = re.compile(rf'\s*(\[\[?\s*)?"?{re.escape(key)}"?\s*[=.\]]')
    return next((number for number, line in enumerate(text.split("\n"), 1) if pattern.match(line)), None)


def _guess(prefix: str) -> str:
    words = prefix.strip("_").lower().split("_")
    return words[-1] if len(words) > 1 else ""


def _refuse_cut(file: Path | None, text: str, section: str, end: str) -> None:
    """Refuse a file that does not end as it should: its writer was killed, or the disk was full."""
    lines = text.rstrip().split("\n")
    if file is None or not end or (lines and lines[-1].strip() == end):
        return
    field = _field_at(text, len(lines), section)
    why = f"the file stops here, and its last line is not `{end}`: it is half-written, or that line was forgotten"
    raise SettingsError(file, max(1, len(lines)), field, why, f"Write what is missing, then `{end}` as the last line.")


def _fields(struct_type: Any) -> dict[str, Any]:
    hints = get_type_hints(struct_type)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(struct_type)}


def _struct_in(hint: Any) -> Any:
    """Return the Struct that a hint holds: itself, X | None, or the items of a list or tuple; else None."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    if get_origin(hint) is dict:
        return None
    return next((found for arg in get_args(hint) if (found := _struct_in(arg)) is not None), None)


def _refuse_unknown(struct_type: Any, table: Any, file: Path | None, text: str, section: str, at: str = "") -> None:
    if isinstance(table, list):
        for index, item in enumerate(table):
            _refuse_unknown(struct_type, item, file, text, section, f"{at}[{index}]")
        return
    if not isinstance(table, dict):
        return
    known = _fields(struct_type)
    for key, value in table.items():
        field = f"{at}.{key}" if at else key
        if key not in known:
            near = _near(key, known)
            remedy = (f"Did you mean `{near}`? " if near else "") + f"Known here: {', '.join(sorted(known))}."
            line = line_of(text, section, field) or _mention(text, key)
            raise SettingsError(file, line, field, "is no setting", remedy)
        inner = _struct_in(known[key])
        if inner is not None:
            _refuse_unknown(inner, value, file, text, section, field)


def _overlay(struct_type: Any, table: dict[str, Any], name: str, keys: list[str], value: str) -> None:
    known = _fields(struct_type)
    if keys[0] not in known:
        raise SettingsError(None, None, name, "sets nothing", f"Unset it; known here: {', '.join(sorted(known))}.")
    hint = known[keys[0]]
    if len(keys) > 1:
        inner = table.setdefault(keys[0], {})
        struct = _struct_in(hint)
        if struct is None or not isinstance(inner, dict):
            raise SettingsError(None, None, name, f"`{keys[0]}` is no table", "Unset it.")
        _overlay(struct, inner, name, keys[1:], value)
        return
    table[keys[0]] = _from_environment(hint, name, value)


def _from_environment(hint: Any, name: str, value: str) -> Any:
    kinds = {get_origin(kind) or kind for kind in (hint, *get_args(hint))}
    struct = isinstance(hint, type) and issubclass(hint, msgspec.Struct)
    if not (struct or kinds & {list, tuple, dict, frozenset, set}):
        return None if value == "" and type(None) in kinds else value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise SettingsError(None, None, name, f"no JSON ({error})", "Write lists and tables as JSON.") from error


def _convert(kind: type[Any], value: Any) -> Any:
    if issubclass(kind, Path):
        if not isinstance(value, str):
            raise ValueError("a path is text")
        if "\0" in value:
            raise ValueError("a path holds no NUL")
        return Path(value)
    raise NotImplementedError(f"settings cannot hold a {kind.__name__}")


_NAMED = re.compile(r"([a-z][a-z0-9_]*(?:\[\d+\])?(?:\.[a-z][a-z0-9_]*)*): (.+)", re.DOTALL)
"""A struct's own check names the field that it refuses: "unit: is 0 to 255"."""


def locate(message: str) -> tuple[str, str]:
    """Split msgspec's "Expected `int`, got `str` - at `$.a[0].b`" into field and reason."""
    why, _, at = message.partition(" - at `$")
    field = at.rstrip("`").strip(".")
    missing = re.match(r"Object missing required field `([^`]+)`", why)
    named = _NAMED.fullmatch(why)
    if missing is not None:
        why, leaf = "is missing", missing.group(1)
    elif named is not None:
        leaf, why = named.groups()
    else:
        return field, why
    return (f"{field}.{leaf}" if field else leaf), why


_HEADER = re.compile(r"(\[\[?)\s*([\w.\- ]+?)\s*\]")
_KEY = re.compile(r'"?([A-Za-z][\w-]*)"?\s*=')


def _field_at(text: str, line: int, section: str) -> str:
    """Return the setting that stands in a line or last before it, like "meters[1].port"; best effort, "" when there is none."""
    table, key = "", ""
    seen: dict[str, int] = {}
    for written in text.split("\n")[:line]:
        header, setting = _HEADER.match(written.strip()), _KEY.match(written.strip())
        if header is not None:
            name = header.group(2).replace(" ", "")
            name = name if name != section else ""
            name = name.removeprefix(f"{section}.") if section else name
            seen[name] = seen.get(name, -1) + 1
            table, key = (f"{name}[{seen[name]}]" if header.group(1) == "[[" else name), ""
        elif setting is not None:
            key = setting.group(1)
    return f"{table}.{key}" if table and key else table or key


def line_of(text: str, section: str, field: str) -> int | None:
    """Return the line of a key, best effort: in the table that an index names, else the first such key after the header.

    A key that is not there has the line of its table's header; one of the file's own table has none.
    """
    *tables, key = [re.sub(r"\[\d+\]", "", part) for part in field.split(".")]
    index = re.search(r"\[(\d+)\]", field)
    if index is not None and field.endswith(index.group()):
        tables, key = [*tables, key], ""
    path = ([section] if section else []) + tables
    own = re.compile(r"\[\[?\s*" + r"\s*\.\s*".join(map(re.escape, [*path, key])) + r"\s*\]")
    if key and index is None:
        for number, line in enumerate(text.split("\n"), 1):
            if own.match(line.strip()):
                return number  # It is a table of its own.
    header = re.compile(r"\[\[?\s*" + r"\s*\.\s*".join(map(re.escape, path)) + r"\s*\]\]?") if path else None
    wanted = int(index.group(1)) if index is not None else None
    inside, seen, found = header is None, -1, None
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("[") and "=" not in stripped:
            inside = header is not None and header.match(stripped) is not None
            seen += inside
            inside = inside and wanted in (None, seen)
            found = number if inside and found is None else found
        elif inside and key and re.match(rf'"?{re.escape(key)}"?\s*=', stripped):
            return number
    return found
