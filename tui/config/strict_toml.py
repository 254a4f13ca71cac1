"""Decode a TOML file into a msgspec type; every fault names its file, its line and the nearest known key."""

import difflib
import os
import re
import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from tui.config.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)
LARGEST_BYTES = 4 * 1024 * 1024

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*?)`")
_PLACE = re.compile(r" - at `(?P<place>.*)`$")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[^\]]+?)\s*\]\]?\s*(#.*)?$")
_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEY = re.compile(rf"\s*(?P<key>{_PART}(?:\s*\.\s*{_PART})*)\s*=")


def decode(path: Path, text: str, type_: type[T]) -> T:
    """The value that a file's text holds.

    :raises ConfigError: if it is no TOML (toml.io, v1.0.0) or does not fit ``type_``
    """
    try:
        return msgspec.toml.decode(text, type=type_, strict=True)
    except msgspec.ValidationError as error:
        raise _misfit(path, text, str(error), type_) from error
    except (ValueError, RecursionError) as error:
        found = _TOML_LINE.search(str(error))
        line = int(found[1]) if found else text.rstrip("\n").count("\n") + 1
        message = "this is no valid TOML: " + _TOML_LINE.sub("", str(error)).strip().rstrip(".").lower()
        raise ConfigError(path, message, "Mend that line; strings stand in double quotes.", line) from error


def read_text(path: Path) -> str:
    """The text of a configuration file.

    :raises FileNotFoundError: if there is none
    :raises ConfigError: if it cannot be read, is too large or is no UTF-8
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ConfigError(path, "this is not a regular file", f"See what it is: ls -l {path}")
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise ConfigError(path, "this file is larger than 4 MiB", "Name the right file with --config FILE.")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(path, "this file is no UTF-8 text", "Save it as UTF-8.", line) from error
    except OSError as error:
        hint = f"Look at its permissions: ls -l {path}"
        raise ConfigError(path, f"cannot be read: {error.strerror}", hint) from error


def _misfit(path: Path, text: str, message: str, type_: type[msgspec.Struct]) -> ConfigError:
    found = _PLACE.search(message)
    steps = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", found["place"]) if found else []
    place = [int(index) if index else key for key, index in steps]
    unknown = _UNKNOWN.search(message)
    if unknown is None:
        plain = _PLACE.sub("", message)
        what = ".".join(str(step) for step in place if isinstance(step, str))
        told = f"`{what}`: {plain[:1].lower()}{plain[1:]}"
        return ConfigError(path, told, "See the README's configuration table.", line_of(text, place))
    key = unknown["key"]
    known = _keys_at(type_, place)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."
    return ConfigError(path, f"unknown key `{key}`", hint, line_of(text, [*place, key]))


def _keys_at(type_: type[msgspec.Struct], place: list[str | int]) -> list[str]:
    here: object = msgspec.inspect.type_info(type_)
    for step in place:
        if isinstance(step, int):
            here = getattr(here, "item_type", here)
        elif isinstance(here, msgspec.inspect.StructType):
            here = next((f.type for f in here.fields if f.encode_name == step), None)
        if isinstance(here, msgspec.inspect.UnionType):
            here = next((t for t in here.types if isinstance(t, msgspec.inspect.StructType)), None)
    return [f.encode_name for f in here.fields] if isinstance(here, msgspec.inspect.StructType) else []


def line_of(text: str, place: list[str | int]) -> int | None:
    """The line, from 1, on which a key stands, told by tables and counts of array tables; None where not found."""
    counts: dict[str, int] = {}
    table: list[str | int] = []
    best = None
    for number, line in enumerate(text.split("\n"), 1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = _parts(header["name"])
            if line.lstrip().startswith("[["):
                name = ".".join(map(str, table))
                table.append(counts.get(name, 0))
                counts[name] = counts.get(name, 0) + 1
            if place == table:
                return number
            if place[: len(table)] == table:
                best = number
        elif key:
            full = [*table, *_parts(key["key"])]
            if place[: len(full)] == full or full[: len(place)] == place:
                return number
    return best


def _parts(dotted: str) -> list[str | int]:
    return [part.strip().strip("\"'") for part in re.findall(_PART, dotted)]
