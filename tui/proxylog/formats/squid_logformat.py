"""A Squid ``logformat`` in the operator's own words, made a reader (squid.conf; src/format/Token.cc)."""

from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from tui.model.connection import Endpoint
from tui.model.request import Request
from tui.proxylog.format import LINE_MAX, Clock, Format
from tui.proxylog.formats.log_fields import address_of
from tui.proxylog.formats.squid_outcome import Part, Told, Words, authority_of, settled, tell
from tui.proxylog.formats.squid_pairs import Together, client_of
from tui.proxylog.formats.squid_tokens import Layout, layout_of

_KEY_MAX = 512
_LAST_US = 1 << 62
_LACKS = "the format has no destination: add %ru, the request target, to its logformat"
_LACKS_PLAIN = "the format names the destinations of TLS alone: add %ru, the request target, to its logformat"
_remembered = lru_cache(maxsize=8_192)(tell)


def logformat_reader(spec: str) -> Format:
    """What reads the lines that a ``logformat`` writes.

    :param spec: the format, with or without ``logformat NAME`` before it, as squid.conf has it
    :raises ValueError: with a sentence that names the token that cannot be read, and what would do
    """
    words = spec.split(maxsplit=2)
    return compiled("squid-logformat", (words[2] if words[:1] == ["logformat"] and len(words) == 3 else spec).strip())


def compiled(name: str, spec: str, has_headers: bool = False) -> Format:
    """The format of this name.

    :param has_headers: ``log_mime_hdrs`` adds two fields to its lines
    :raises ValueError: as ``logformat_reader``
    """
    layout = layout_of(spec, has_headers)
    named = layout.fields & {"url", "host"}
    lacks = "" if named else _LACKS_PLAIN if "sni" in layout.fields else _LACKS
    return Format(name, lambda saved: Custom(layout, saved), lacks)


class Custom(Together):
    """Reads the lines of one layout."""

    def __init__(self, layout: Layout, saved: bytes = b"") -> None:
        """Goes on from what another saved.

        :raises ValueError: if these bytes are nothing that it saved
        """
        super().__init__(saved)
        self._layout = layout

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        got = self._layout.read(line, is_cut=len(line) >= LINE_MAX)
        if got is None:
            return None
        try:
            ended_us = _ended(got, self._layout, clock)
            client = _client(got)
        except ValueError:
            return None
        words = _words(got)
        told = _remembered(words) if sum(map(len, words)) <= _KEY_MAX else tell(words)
        if told is None:
            return ()
        return self._told(got, told, ended_us, client, clock)

    def _told(
        self, got: dict[str, bytes], told: Told, ended_us: int, client: Endpoint | None, clock: Clock
    ) -> Sequence[Request]:
        ms = _number(got.get("elapsed"))
        began_us = _began(got)
        if began_us is None and ms is not None:
            began_us = ended_us - ms * 1_000
        if began_us is not None:
            began_us = max(0, min(began_us, ended_us))
        port = told.port
        if port is None and told.host is not None:
            port = _number(got.get("server_port"))
        outcome, received = settled(told.outcome, ms, _number(got.get("received")))
        request = Request(
            told.host,
            port,
            outcome,
            began_us,
            ended_us,
            client,
            told.address,
            _number(got.get("sent")),
            received,
            told.reason,
            told.is_claimed,
        )
        if told.part is Part.WHOLE or (told.part is Part.MAYBE_LAST and not self.several):
            return (request,)
        return self.together(request, told.part, told.tunnel, clock.now_us)


def _words(got: dict[str, bytes]) -> Words:
    url = got.get("url", b"")
    host = got.get("host", b"-")
    method = got.get("method", b"")
    sni = got.get("sni", b"")
    if url:
        url = authority_of(url)
        if "is_encoded" in got:
            url = unquote_to_bytes(url)
    elif host != b"-":
        scheme = got.get("scheme", b"-")
        prefix = b"" if method == b"CONNECT" or scheme == b"-" else scheme + b"://"
        url = prefix + unquote_to_bytes(host) + (b":" + got["port"] if got.get("port", b"-") != b"-" else b"")
    elif sni != b"-":
        url = sni
    return Words(
        method,
        url,
        got.get("tag", b""),
        got.get("status", b""),
        got.get("hierarchy", b""),
        got.get("peer", b""),
        got.get("mime", b""),
        got.get("origin_status", b""),
        got.get("error", b""),
        got.get("detail", b""),
        got.get("bump", b""),
        sni,
    )


def _ended(got: dict[str, bytes], layout: Layout, clock: Clock) -> int:
    """:raises ValueError: if there is no such time"""
    began_us, ms = _began(got), _number(got.get("elapsed"))
    if began_us is not None and ms is not None:
        ended_us = began_us + ms * 1_000
    elif "seconds" in got:
        ended_us = int(got["seconds"]) * 1_000_000 + int(got.get("subseconds", b"0")) * 1_000
    elif "time" in got and layout.time is not None:
        ended_us = layout.time.read(got["time"], layout.zone or clock.zone, clock.now_us)
    else:
        ended_us = clock.now_us
    if not 0 <= ended_us < _LAST_US:
        raise ValueError("no such time")
    return ended_us


def _began(got: dict[str, bytes]) -> int | None:
    seconds, _, rest = got.get("began", b"").partition(b".")
    return int(seconds) * 1_000_000 + int(rest.ljust(6, b"0")) if seconds else None


def _client(got: dict[str, bytes]) -> Endpoint | None:
    """:raises ValueError: if the client's address is none, so that this is another format"""
    raw = got.get("client", b"-")
    client = client_of(raw)
    if client is None and raw != b"-":
        raise ValueError("no address")
    if client is None and (named := address_of(got.get("client_name", b""))) is not None:
        client = Endpoint(named, 0)
    port = _number(got.get("client_port"))
    return client._replace(port=port) if client is not None and port is not None and port < 65_536 else client


def _number(raw: bytes | None) -> int | None:
    """None for none, for ``-``, and for what is out of all proportion."""
    if raw is None or len(raw) > 18 or not raw.isdigit():
        return None
    return int(raw)
