"""A connection that is followed by its packets, and what is read from the first words of both sides."""

from dataclasses import dataclass

from tui.capture.client_hello import MORE, Hello, read_hello
from tui.capture.http_head import HEAD_MAX, Asked, head_length, read_request, read_status
from tui.model.connection import Endpoint, Evidence, Phase
from tui.model.wire import Flow

STREAM_MAX = 2 * HEAD_MAX
"""Bytes of one connection that are put together to find a name."""
READ_MAX = 16 * STREAM_MAX
"""Bytes that are looked through for it, which come again with each segment."""
_SIZE = 1 << 32
_HANDSHAKE = 0x16


@dataclass(slots=True)
class Followed:
    """What is known of it by now: see ``Flow``."""

    protocol: str
    local: Endpoint
    remote: Endpoint
    started_us: int
    syn: int | None = None
    connect_us: int | None = None
    their_syn: int | None = None
    unreachable: bool = False
    ended_us: int | None = None
    received: int | None = None
    host: str | None = None
    evidence: Evidence | None = None
    is_outer: bool = False
    target: Endpoint | None = None
    inner: str | None = None
    phase: Phase | None = None
    status: int | None = None
    is_tunnel: bool = False
    """True once a proxy was asked to CONNECT."""
    decided: bool = False
    """True once no more names are to be expected."""
    stream: bytes | None = None
    """What may hold a name and has not come whole."""
    base: int = 0
    """The sequence number of its first byte."""
    read: int = 0
    again: bool = False
    """True once some of it was told."""

    def told(self, namespace: str) -> Flow:
        """What is known of it by now."""
        again, self.again = self.again, True
        return _make(Flow, (namespace, self.protocol, self.local, self.remote, self.started_us, self.connect_us,
                            self.unreachable, self.ended_us, self.received, self.host, self.evidence, self.is_outer,
                            self.target, self.inner, self.phase, self.status, again))  # fmt: skip

    def sent(self, sequence: int, payload: bytes) -> bool:
        """Take in what our side says over TCP; True if it tells something new. It is seen in the order in which it was
        sent, and perhaps sent again."""
        stream = self.stream
        if stream is None:
            if begins(payload) or (self.syn is not None and sequence == (self.syn + 1) % _SIZE):
                return self._read(payload, sequence)
            return False
        offset = (sequence - self.base) % _SIZE
        if offset >= _SIZE // 2 or offset + len(payload) <= len(stream):  # it is sent again
            return False
        is_other = payload[0] == _HANDSHAKE != stream[0]  # TLS may begin after other words, as in PostgreSQL and SMTP
        if begins(payload) and (is_other or offset > len(stream)):
            return self._read(payload, sequence)
        if offset <= len(stream):
            return self._read(stream + payload[len(stream) - offset :], self.base)
        return self.give_up()  # the filter has not passed something between, so that it will not come

    def heard(self, payload: bytes) -> bool:
        """Take in what the far side says: a proxy's answer, or a fatal TLS alert (RFC 8446 §6.2); True if it is one."""
        if self.is_tunnel and self.status is None:
            status = read_status(payload)
            if status is None or status < 200:
                return False
            self.status, self.phase = status, None if status < 300 else Phase.PROXY
            return True
        has_said_hello = self.evidence is Evidence.SNI or (self.is_tunnel and self.decided)
        if has_said_hello and payload[:1] == b"\x15" and payload[5:6] == b"\x02":
            self.phase = Phase.TLS
            return True
        return False

    def give_up(self) -> bool:
        """What has come must do; True if it tells something new."""
        stream, self.stream = self.stream, None
        hello = read_hello(stream, final=True) if stream is not None else None
        if not isinstance(hello, Hello):
            return False
        self.greeted(hello)
        return True

    def greeted(self, hello: Hello) -> None:
        """Take in a ClientHello."""
        self.decided = True
        if self.target is not None:
            self.inner = hello.host
        else:
            self.host, self.evidence = hello.host, Evidence.SNI
        self.is_outer = hello.is_outer

    def _read(self, stream: bytes, base: int) -> bool:
        """Look for a name in what begins there; True if there is one."""
        self.stream = None
        self.read += len(stream)
        asked = False
        if stream[0] != _HANDSHAKE:
            request = read_request(stream)
            if request is MORE:
                return self._wait(stream, base)
            asked = request is not None and self._asked(request)
            length = head_length(stream) if asked and self.is_tunnel else None
            if length is None or stream[length : length + 1] != _HANDSHAKE.to_bytes():
                return asked
            stream, base = stream[length:], base + length
        hello = read_hello(stream)
        if hello is MORE:
            return self._wait(stream, base) or asked
        if hello is None:
            return asked
        self.greeted(hello)
        return True

    def _wait(self, stream: bytes, base: int) -> bool:
        self.stream, self.base = stream, base
        return self.give_up() if len(stream) > STREAM_MAX or self.read > READ_MAX else False

    def _asked(self, request: Asked) -> bool:
        """Take in a request. In a tunnel nothing is one, unless the proxy has refused it and is asked again, as after
        407 (RFC 9110 §11.7)."""
        if self.is_tunnel and (request.kind != "connect" or self.status is None or self.status < 300):
            return False
        if request.kind == "origin":
            self.host, self.evidence, self.decided = request.host, Evidence.HTTP, True
            return True
        self.is_tunnel = request.kind == "connect"
        self.decided = not self.is_tunnel
        self.status = self.phase = self.target = self.host = self.evidence = None
        if request.host is not None:
            self.target, self.host = Endpoint(request.host, request.port), request.host
            self.evidence = Evidence.CONNECT
        return True


_HEADS = (b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI", b"PATC", b"CONN")


def begins(payload: bytes) -> bool:
    """True if a ClientHello or a request may begin here."""
    if payload[0] == _HANDSHAKE:
        return len(payload) < 6 or (payload[1] == 3 and payload[5] == 1)
    return payload[:4] in _HEADS


_make = tuple.__new__
"""Makes a named tuple of a tuple; the class called by its name takes three times as long."""
