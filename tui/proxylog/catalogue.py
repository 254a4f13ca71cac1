"""All formats of proxies' logs, and the words by which an operator names one."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from tui.proxylog.format import Format
from tui.proxylog.formats import envoy, haproxy, mitmdump, nginx, smokescreen, squid, tinyproxy
from tui.proxylog.formats.squid_logformat import logformat_reader

AUTO = "auto"
_ORDER = (
    "smokescreen", "istio-json", "squid", "tinyproxy-notice", "tinyproxy", "mitmdump", "envoy-tcp", "envoy", "istio",
    "haproxy-httplog", "haproxy-httpslog", "haproxy-tcplog", "nginx-stream-sni", "nginx-stream-basic",
    "squid-common", "squid-combined", "nginx-combined", "nginx-main", "haproxy-clf",
    "haproxy-default", "squid-referrer", "squid-useragent",
)  # fmt: skip
"""What is surely of one proxy first. Of the formats that are named after httpd's, those that end in a word of their own
come before those that anybody writes."""
_BY_NAME: Mapping[str, Format] = {
    each.name: each
    for module in (squid, smokescreen, envoy, haproxy, nginx, tinyproxy, mitmdump)
    for each in module.FORMATS
}
FORMATS: tuple[Format, ...] = tuple(_BY_NAME[name] for name in _ORDER)
"""In the order in which ``auto`` tries them."""
PROXIES = ("squid", "smokescreen", "envoy", "istio", "haproxy", "nginx", "tinyproxy", "mitmdump")

_PIECE = re.compile(r"""\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^\s;'"]\S*?)(?=[\s;]|$))""", re.DOTALL)
_NGINX = re.compile(r"log_format\s+\S+\s+(?:escape=(\w+)\s+)?(.*?);?\s*", re.DOTALL)
_HAPROXY = re.compile(r"log-format(?:-sd)?\s+(.*)", re.DOTALL)


def formats_for(word: str) -> tuple[Format, ...]:
    """The formats that an operator means.

    :param word: ``auto``; a format; a proxy, for all of its formats; or a proxy, a colon and the format in its own
        words, as its configuration has it, with or without the directive (``logformat``, ``log_format``,
        ``log-format``): ``squid: %ts.%03tu %>a %ru``
    :raises ValueError: with a sentence that names what is not understood, and what was likely meant
    """
    proxy, colon, spec = word.partition(":")
    name = proxy.strip().lower()
    if colon:
        return (_compiled(name, spec.strip()),)
    if name == AUTO:
        return FORMATS
    if name in PROXIES:
        return tuple(each for each in FORMATS if each.name == name or each.name.startswith(f"{name}-"))
    if name in _BY_NAME:
        return (_BY_NAME[name],)
    raise ValueError(f"{name!r} is no format of a proxy's log{_nearest(name, (AUTO, *PROXIES, *_ORDER))}")


def _compiled(proxy: str, spec: str) -> Format:
    compiler = _COMPILERS.get(proxy)
    if compiler is None:
        raise ValueError(f"{proxy!r} has no format in words of its own{_nearest(proxy, tuple(_COMPILERS))}")
    if not spec:
        raise ValueError(f"the format of {proxy} is missing after the colon")
    return compiler(spec)


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word, known, n=1)
    return f": do you mean {near[0]!r}?" if near else f": it is one of {', '.join(known)}"


def _nginx(spec: str) -> Format:
    directive = _NGINX.fullmatch(spec)
    if directive is None:
        return nginx.log_format_reader(_joined(spec))
    return nginx.log_format_reader(_joined(directive[2]), directive[1] or "default")


def _haproxy(spec: str) -> Format:
    directive = _HAPROXY.fullmatch(spec)
    if directive is None:
        return haproxy.log_format_reader(spec)
    # Outside of quotes HAProxy has a backslash before each space and quote.
    text = directive[1].strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    text = text[1:-1] if quoted else text
    return haproxy.log_format_reader(text if text[:1] == "'" else re.sub(r'\\([\\ "\'#])', r"\1", text))


def _joined(spec: str) -> str:
    """Pieces in quotes, put together as nginx does; what is not in quotes is taken as it is."""
    pieces, at = [], 0
    if spec[:1] not in ("'", '"'):
        return spec
    while found := _PIECE.match(spec, at):
        piece = found[1] if found[1] is not None else found[2] if found[2] is not None else found[3]
        pieces.append(re.sub(r"\\([\\'\"])", r"\1", piece))
        at = found.end()
    if spec[at:].strip(" \t\r\n;"):
        raise ValueError(f"in the log_format a quote is not closed: {spec[at : at + 40].strip()}")
    return "".join(pieces)


_COMPILERS: Mapping[str, Callable[[str], Format]] = {
    "squid": logformat_reader,
    "nginx": _nginx,
    "haproxy": _haproxy,
    "envoy": envoy.format_reader,
    "istio": envoy.format_reader,
}
