"""Squid's access log, as versions 3.5 to 8 write it: its own format, and those that httpd's are named after."""

from collections.abc import Sequence
from functools import lru_cache

from tui.model.connection import Outcome
from tui.model.request import Request
from tui.proxylog.format import LINE_MAX, Clock, Format
from tui.proxylog.formats.squid_logformat import compiled
from tui.proxylog.formats.squid_outcome import Part, Told, Words, settled, tell
from tui.proxylog.formats.squid_pairs import Together, client_of

_KEY_MAX = 320
"""Bytes of a line's second half that is worth remembering: it comes again and again with the same destination."""
_POINT = ord(".")
_LAST_US = 1 << 62
_WHOLE = Part.WHOLE
_MAYBE_LAST = Part.MAYBE_LAST
_CLOSED = Outcome.CLOSED
_new = tuple.__new__


class Native(Together):
    """Reads the format ``squid`` (src/log/FormatSquidNative.cc), with or without ``log_mime_hdrs``."""

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        try:
            ended, elapsed, client, action, size, tail = line.split(None, 5)
            if ended[-4] != _POINT:
                return None
            ended_us = int(ended[:-4] + ended[-3:]) * 1_000
            ms = int(elapsed)
            sized = int(size)
            if not tail.startswith(b"CONNECT "):
                tail = _without_path(tail, len(line) >= LINE_MAX)
            told = _told(action, tail) if len(tail) + len(action) <= _KEY_MAX else _told.__wrapped__(action, tail)
        except (ValueError, IndexError):
            return None
        if not -1 < ended_us - ms * 1_000 < _LAST_US or not -1 < sized < _LAST_US:
            return None
        if told is None:
            return ()
        host, port, outcome, address, reason, part, tunnel, is_claimed = told
        received: int | None = sized
        if outcome is not _CLOSED:
            outcome, received = settled(outcome, ms, sized)
        request = _new(
            Request,
            (
                host, port, outcome, ended_us - ms * 1_000 if ms > 0 else ended_us, ended_us, client_of(client),
                address, None, received, reason, is_claimed, False,
            ),
        )  # fmt: skip
        if part is _WHOLE or (part is _MAYBE_LAST and not self.several):
            return (request,)
        return self.together(request, part, tunnel, clock.now_us)


@lru_cache(maxsize=8_192)
def _told(action: bytes, tail: bytes) -> Told | None:
    """What a line's second half means, from the method on; None if it is no request.

    :raises ValueError: if it is not in this format
    """
    tag, slash, status = action.partition(b"/")
    method, url, more = tail.split(b" ", 2)
    if len(status) != 3 or not status.isdigit():
        raise ValueError("no status")
    if not more and method != b"CONNECT":
        return tell(Words(method, url, tag, status))
    user_and_peer, _, mime = (
        more.partition(b" [")[0].rstrip().rpartition(b" ")
    )  # both may have spaces: the user, headers
    hierarchy, slash, peer = user_and_peer.rpartition(b" ")[2].partition(b"/")
    if not slash or not hierarchy.replace(b"_", b"").isalnum():
        raise ValueError("no hierarchy")
    return tell(Words(method, url, tag, status, hierarchy, peer, mime))


def _without_path(tail: bytes, is_cut: bool) -> bytes:
    """The second half of a line with no more of its URL than names the destination: paths do not come again.

    :param is_cut: the line is too long, and what follows its URL may not be all there
    :raises ValueError: if the line ends before or within its URL's end
    """
    method, _, more = tail.partition(b" ")
    url, _, rest = more.partition(b" ")
    scheme, mark, more = url.partition(b"://")
    authority, slash, _ = more.partition(b"/")
    if is_cut and b" [" not in rest:
        rest = b""
    if not rest and not (is_cut and slash):
        raise ValueError("the line ends in its URL")
    return b"%b %b%b%b %b" % (method, scheme, mark, authority, rest)


_HTTPD = """%>a %[ui %[un [%tl] "%'rm %'ru %'rv" %>Hs %<st """
FORMATS: tuple[Format, ...] = (
    Format("squid", Native),
    compiled("squid-common", _HTTPD + "%Ss:%Sh", has_headers=True),
    compiled("squid-combined", _HTTPD + """"%'{Referer}>h" "%'{User-Agent}>h" %Ss:%Sh""", has_headers=True),
    compiled("squid-referrer", "%ts.%03tu %>a %'{Referer}>h %ru"),
    compiled("squid-useragent", """%>a [%tl] "%'{User-Agent}>h\""""),
)
"""What Squid has built in."""
