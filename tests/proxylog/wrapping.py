"""How lines are wrapped on their way into a file."""

import json
from collections.abc import Callable, Iterable, Mapping

Wrap = Callable[[bytes], list[bytes]]
DOCKER_MAX = 16_384
"""Bytes of a line that Docker's and Kubernetes' runtimes write as one."""


def _before(prefix: bytes) -> Wrap:
    return lambda line: [prefix + line]


def docker(line: bytes, stream: str = "stdout") -> list[bytes]:
    """As the json-file driver writes it: bytes that are no UTF-8 are replaced, and long lines split."""
    pieces = [line[at : at + DOCKER_MAX] for at in range(0, len(line), DOCKER_MAX)] or [b""]
    texts = [piece.decode("utf-8", "replace") for piece in pieces]
    texts[-1] += "\n"
    return [
        json.dumps(
            {"log": text, "stream": stream, "time": "2026-11-23T10:21:51.127179123Z"},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        for text in texts
    ]


def cri(line: bytes, stream: str = "stderr", size: int = DOCKER_MAX) -> list[bytes]:
    """As containerd and CRI-O write it."""
    pieces = [line[at : at + size] for at in range(0, len(line), size)] or [b""]
    tags = [b"P"] * (len(pieces) - 1) + [b"F"]
    return [
        b"2026-11-23T10:21:51.127179123Z %b %b %b" % (stream.encode(), tag, piece)
        for tag, piece in zip(tags, pieces, strict=True)
    ]


SYSLOG: Mapping[str, Wrap] = {
    "traditional": _before(b"Nov 23 10:21:51 gateway proxy[4542]: "),
    "traditional with a priority": _before(b"<134>Nov  3 10:21:51 gateway (squid-1)[77]: "),
    "traditional without a host": _before(b"<190>Nov 23 10:21:51 nginx: "),
    "RFC 3339": _before(b"2026-11-23T10:21:51.127179+00:00 gateway proxy: "),
    "RFC 5424": _before(b"<134>1 2026-11-23T10:21:51.127179Z gateway haproxy 4542 - - "),
    "RFC 5424 made of RFC 3164": _before(b"<134>1 2026-11-23T10:21:51.127179+01:00 gateway haproxy 4542 - -  "),
    "RFC 5424 with data": _before(
        b'1 2026-11-23T10:21:51Z gateway squid - ID47 [ex@32473 a="1 \\"] x" b=""][y] \xef\xbb\xbf'
    ),
}
CONTAINERS: Mapping[str, Wrap] = {"Docker": docker, "CRI": cri, "CRI in parts": lambda line: cri(line, size=100)}
ALL: Mapping[str, Wrap] = {
    **SYSLOG,
    **CONTAINERS,
    "Docker and syslog": lambda line: docker(SYSLOG["traditional"](line)[0]),
}


def wrapped(lines: Iterable[bytes], wrap: Wrap) -> list[bytes]:
    """Each of them."""
    return [piece for line in lines for piece in wrap(line)]
