"""tinyproxy's log: several lines a request, put together by the client's file descriptor and the process.

A line about the far side names only the host: ``tinyproxy_clients`` finds whose it is. With ``LogLevel Connect`` a
tunnel's end is not written: it is over by the time its descriptor is given to another client.
"""

from collections.abc import Iterator, Sequence

import msgspec

from tui.model.connection import Outcome
from tui.model.request import Request
from tui.proxylog.format import Clock, Format, Reader
from tui.proxylog.formats.instant import without_year_us
from tui.proxylog.formats.log_fields import address_of
from tui.proxylog.formats.tinyproxy_clients import Client, Clients, Key
from tui.proxylog.formats.tinyproxy_line import Event, Line, Said, line_of, said
from tui.proxylog.target import host_of, target_of

_SILENT = frozenset({b"CONNECT", b"INFO", b"DEBUG", b""})
"""Levels that ``LogLevel Notice`` leaves out, and what syslog has kept to itself."""
_MILLISECOND_US = 1_000


class _State(msgspec.Struct):
    clients: bytes
    last_us: int | None


class _TinyproxyReader:
    """Tells a request when its outcome is known; one that got through again at its end."""

    def __init__(self, saved: bytes) -> None:
        try:
            state = msgspec.json.decode(saved, type=_State) if saved else _State(b"", None)
            self._clients = Clients(state.clients)
        except ValueError as error:
            raise ValueError("no saved state of a reader of tinyproxy's log") from error
        self._last_us = state.last_us

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        parts = line_of(line)
        return None if parts is None else list(self._read(parts, clock))

    def settle(self, now_us: int) -> Sequence[Request]:
        """Requests of which nothing was said any more."""
        return self._clients.settle(now_us)

    def save(self) -> bytes:
        """The clients whose request is not over."""
        clients = self._clients.save()
        return msgspec.json.encode(_State(clients, self._last_us)) if clients else b""

    def _read(self, line: Line, clock: Clock) -> Iterator[Request]:
        meant = said(line.message)
        if meant is None:
            return
        at_us = line.at_us
        if at_us is None:
            second_us = without_year_us(line.month, line.day, line.hour, line.minute, line.second, clock, self._last_us)
            at_us = None if second_us is None else second_us + line.ms * _MILLISECOND_US
        self._last_us = at_us if at_us is not None else self._last_us
        if meant.event is Event.STARTED:
            yield from self._clients.all_over()
        elif meant.event is Event.CONNECT:
            yield from self._clients.add((line.pid, meant.fd), at_us, clock.now_us, _address(meant.text))
        elif meant.fd >= 0:
            yield from self._of_client((line.pid, meant.fd), meant, at_us)
        elif meant.event is Event.NO_ANSWER:
            one = self._clients.ended(line.pid, meant.server_fd)
            if one is not None:
                outcome = Outcome.TIMED_OUT if b"unavailable" in meant.text else Outcome.RESET
                yield one.told(outcome, at_us, _text(meant.text))
        else:
            yield from self._of_host(line.pid, meant, at_us)

    def _of_client(self, key: Key, meant: Said, at_us: int | None) -> Iterator[Request]:
        """What names the client's descriptor."""
        if meant.event is Event.CLOSED:
            one = self._clients.at_end(key, meant.server_fd)
            if one is not None:
                yield one.told(Outcome.RESET if one.is_broken else Outcome.CLOSED, at_us)
            return
        if meant.event is Event.BROKEN:
            for one in self._clients.open.values():
                if one.pid == key[0] and key[1] in {one.fd, one.server_fd}:
                    one.is_broken = True
            return
        one = self._clients.waiting.get(key)
        if one is None:
            return
        if meant.event in {Event.REQUEST, Event.TRANSPARENT}:
            _ask(one, meant.text)
            return
        del self._clients.waiting[key]
        if meant.event is Event.NOT_AUTHENTICATED:
            yield one.told(Outcome.DENIED, at_us, "Failed auth attempt")
        elif meant.event is Event.BAD_REQUEST and one.host is not None:
            yield one.told(Outcome.FAILED, at_us, "Bad Request")

    def _of_host(self, pid: int, meant: Said, at_us: int | None) -> Iterator[Request]:
        """What names no client. A denial or failure of which the client is not known is told without it."""
        clients = self._clients
        host, port = _named(meant)
        match meant.event:
            case Event.ESTABLISHED | Event.ESTABLISHED_UPSTREAM:
                one = clients.oldest(pid, lambda c: host is None or c.host in {host, None})
                if one is not None:
                    one.host = one.host or host
                    yield from clients.reached(one, meant.server_fd)
            case Event.FILTERED:
                one = clients.oldest(pid, lambda c: c.host in {host, None})
                if one is None and clients.was_answered(pid, host, port):
                    return
                one = one or clients.unknown(pid, at_us)
                one.host, one.port = one.host or host, one.port or port
                yield clients.answered(one, Outcome.DENIED, at_us, "Proxying refused on filtered domain")
            case Event.PORT_REFUSED:
                one = clients.oldest(pid, lambda c: c.is_tunnel and c.port == port)
                if one is not None:
                    yield one.told(Outcome.DENIED, at_us, f"Refused CONNECT method on port {port}")
            case Event.NOT_ALLOWED:
                ip = address_of(meant.text) if meant.text else None
                one = clients.oldest(pid, lambda c: ip in {c.client, None}, is_asked=False)
                if one is not None:
                    yield one.told(Outcome.DENIED, at_us, "Unauthorized connection")
            case Event.NO_UPSTREAM:
                one = clients.oldest(pid, lambda c: True)
                if one is not None:
                    yield one.told(Outcome.FAILED, at_us, "Could not connect to upstream proxy")
            case Event.NO_ADDRESS | Event.NOT_ESTABLISHED:
                yield from self._unreached(pid, meant, at_us)
            case _:
                pass

    def _unreached(self, pid: int, meant: Said, at_us: int | None) -> Iterator[Request]:
        """A host that is none of those asked for is an upstream proxy, if any is asked for at all."""
        clients = self._clients
        host, port = _named(meant)
        yield from clients.unreached(pid, host, port)
        one = clients.oldest(pid, lambda c: c.host == host and port in {c.port, None})
        if one is None and clients.was_answered(pid, host, port):
            return
        if one is None and not any(c.pid == pid and c.is_asked for c in clients.waiting.values()):
            one = clients.unknown(pid, at_us)
            one.host, one.port = host, port
        if one is not None:
            reason = _text(meant.text) or "Could not establish a connection"
            yield clients.answered(one, Outcome.FAILED, at_us, reason)


class _NoticeReader(_TinyproxyReader):
    """Of a log that holds denials and failures only."""

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        parts = line_of(line)
        return None if parts is None or parts.level in _SILENT else list(self._read(parts, clock))


def _ask(one: Client, text: bytes) -> None:
    """Take the target of a request line, or the one that tinyproxy made of a path and the Host header."""
    method, space, rest = text.partition(b" ")
    one.is_asked = True
    one.is_tunnel = one.is_tunnel or method == b"CONNECT"
    target = target_of((rest if space else method).partition(b" ")[0], 443 if one.is_tunnel else 80)
    if target is not None:
        one.host, one.port = target


def _named(meant: Said) -> tuple[str | None, int | None]:
    """Host and port of a message; a filtered URL has both."""
    if meant.event is Event.FILTERED:
        target = target_of(meant.text, 80) if b"://" in meant.text else None
        return target if target is not None else (host_of(meant.text), None)
    port = meant.port if 0 < meant.port < 65_536 else None
    return host_of(meant.host) if meant.host else None, port


def _address(text: bytes) -> str | None:
    """Of ``192.0.2.1``, and before 1.11 of ``name [192.0.2.1]``, where the client may have chosen the name; where
    tinyproxy binds to where it was reached, `` at [198.51.100.1]`` follows.
    """
    words = text.removesuffix(b"]").rpartition(b" at [")[0].split() or text.split()
    return address_of(words[-1].strip(b"[]")) if words else None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _begin(saved: bytes) -> Reader:
    return _TinyproxyReader(saved)


def _begin_notice(saved: bytes) -> Reader:
    return _NoticeReader(saved)


FORMATS: tuple[Format, ...] = (
    Format(
        "tinyproxy-notice",
        _begin_notice,
        "LogLevel Notice names only what tinyproxy denied or failed to reach: set LogLevel Info",
        part_of="tinyproxy",
    ),
    Format("tinyproxy", _begin),
)
"""The first is for a log that has no line of a lower level; where there is one, the second reads all of it."""
