"""Ask Docker or Podman what its containers are called. Read only: one GET over a Unix socket, bounded in time and size.

Both answer ``GET /containers/json`` (Docker Engine API, "List containers"; Podman has it for compatibility). A daemon
that is absent, hangs or answers rubbish is a reason in words, never an exception. Text that comes out is inert.
"""

import errno
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Set
from typing import NamedTuple, Protocol

from tui.capture.unix_http import NotHttpError, TooLargeError, get
from tui.model.text import clean

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
LIMIT_S = 0.2
SIZE_MAX = 4 * 1024 * 1024
PAUSE_S = 1.0
PAUSE_AFTER_FAILURE_S = 30.0
_ID = re.compile("[0-9a-f]{64}")
_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
_SERVICE = ("com.docker.compose.service", "io.podman.compose.service")


class Described(NamedTuple):
    """What an engine tells of a container; None is "not told"."""

    name: str | None
    image: str | None
    project: str | None
    """Of Compose."""
    service: str | None
    """Of Compose."""


class Answer(NamedTuple):
    """What asking gave: containers by id, or None and why not."""

    found: dict[str, Described] | None
    reason: str = ""
    absent: bool = False
    """True if there is no socket."""


class Describer(Protocol):
    """Whoever can tell what containers are; ``Engine``, or a test's own."""

    def look(self, ids: Set[str]) -> Mapping[str, Described]:
        """Those of the containers that are known."""


def socket_paths(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where to ask: the socket of ``DOCKER_HOST`` if that is one of this machine, else the usual places."""
    scheme, _, path = environment.get("DOCKER_HOST", "").partition("://")
    return (path,) if scheme == "unix" and path else SOCKETS


def ask(path: str, limit_s: float = LIMIT_S, size_max: int = SIZE_MAX) -> Answer:
    """Ask at one socket; takes ``limit_s`` at most and never raises."""
    try:
        status, body = get(path, "/containers/json", limit_s, size_max)
    except (TimeoutError, BlockingIOError):
        return Answer(None, f"{path} did not answer within {limit_s * 1000:.0f} ms")
    except TooLargeError:
        return Answer(None, f"{path} answered with more than {size_max // 1024} KiB")
    except NotHttpError:
        return Answer(None, f"{path} answered with something else than HTTP")
    except PermissionError:
        return Answer(None, f"permission denied: {path}")
    except FileNotFoundError:
        return Answer(None, f"no socket at {path}", absent=True)
    except (OSError, ValueError) as error:
        return Answer(None, f"{path} cannot be asked: {_words(error)}")
    if status != 200:
        return Answer(None, f"{path} answered with HTTP status {status}")
    found = listed(body)
    return Answer(found, "" if found is not None else f"{path} answered with something else than a list of containers")


def _words(error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return "nobody listens" if number == errno.ECONNREFUSED else os.strerror(number) if number else str(error)


def listed(body: bytes) -> dict[str, Described] | None:
    """The containers of an answer by id; None if it is no such list. Entries without a full id are left out."""
    import msgspec

    class Row(msgspec.Struct):
        Id: str
        Names: list[str] | None = None
        Image: str | None = None
        Labels: dict[str, str] | None = None

    try:
        rows = msgspec.json.decode(body, type=list[Row])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return {
        row.Id: Described(
            _name(row.Names or []),
            _text(row.Image),
            _label(row.Labels or {}, _PROJECT),
            _label(row.Labels or {}, _SERVICE),
        )
        for row in rows
        if _ID.fullmatch(row.Id)
    }


def _name(names: Iterable[str]) -> str | None:
    """Its own name; those with a slash inside are what linked containers call it."""
    return next((_text(name) for name in (n.removeprefix("/") for n in names) if name and "/" not in name), None)


def _label(labels: Mapping[str, str], keys: Iterable[str]) -> str | None:
    return next((text for key in keys if (text := _text(labels.get(key)))), None)


def _text(value: str | None) -> str | None:
    return clean(value) if value else None


class _Place:
    """One socket, and when it may be asked again."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.due_s = 0.0
        self.answer: Answer | None = None


class Engine:
    """Remembers what containers are called, and asks only for ones it does not know. For one thread at a time."""

    def __init__(self, paths: Iterable[str] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = [_Place(path) for path in (socket_paths(os.environ) if paths is None else paths)]
        self._clock = clock
        self._known: dict[str, Described] = {}
        self._unknown: dict[str, tuple[float, float]] = {}
        """When to ask for an id again, and the pause after that, which grows while no answer holds it."""

    @property
    def reason(self) -> str | None:
        """What could not be had, in words; None if nothing failed, or if nothing was asked yet."""
        answers = [place.answer for place in self._places if place.answer is not None]
        failed = [answer.reason for answer in answers if answer.found is None and not answer.absent]
        if failed or not answers or any(answer.found is not None for answer in answers):
            return "; ".join(failed) or None
        return f"no Docker or Podman socket at {self.places}"

    @property
    def places(self) -> str:
        """Where it asks."""
        return " or ".join(place.path for place in self._places)

    @property
    def is_absent(self) -> bool:
        """True if it was asked for and there is no socket anywhere."""
        return all(place.answer is not None and place.answer.absent for place in self._places)

    def check(self) -> str | None:
        """Ask now, for ``doctor``; the reason if something fails."""
        self._ask(self._places)
        return self.reason

    def look(self, ids: Set[str]) -> Mapping[str, Described]:
        """Those of the running containers that are known. Asks if one is not, when it is time to."""
        self._known = {id: known for id, known in self._known.items() if id in ids}
        self._unknown = {id: times for id, times in self._unknown.items() if id in ids}
        now_s = self._clock()
        wanted = [id for id in ids if id not in self._known and now_s >= self._unknown.get(id, (0.0, 0.0))[0]]
        places = [place for place in self._places if now_s >= place.due_s]
        if wanted and places:
            found = self._ask(places)
            self._known |= {id: found[id] for id in wanted if id in found}
            for id in wanted:
                self._wait(id)
        return self._known

    def _ask(self, places: Iterable[_Place]) -> dict[str, Described]:
        found: dict[str, Described] = {}
        asked: set[str] = set()
        for place in places:
            real = os.path.realpath(place.path)
            if real not in asked:
                place.answer = ask(place.path)
                found |= place.answer.found or {}
            asked.add(real)
            failed = place.answer is None or place.answer.found is None
            place.due_s = self._clock() + (PAUSE_AFTER_FAILURE_S if failed else PAUSE_S)
        return found

    def _wait(self, id: str) -> None:
        if id in self._known:
            self._unknown.pop(id, None)
            return
        pause_s = self._unknown.get(id, (0.0, PAUSE_S))[1]
        self._unknown[id] = (self._clock() + pause_s, min(pause_s * 2, PAUSE_AFTER_FAILURE_S))
