"""Envoy's access logs: its default text, Istio's text and JSON, and formats of an operator's own.

What the client asked for is ``:authority``: of ``CONNECT`` it is the request target. Of a plain request to a forward
proxy Envoy makes it from the absolute target, whatever the Host header says, and where the target is a path only, Host
is all there is, and Envoy goes where it says. Not so where Envoy stands in the way unasked and passes on what it does
not know (Istio's PassthroughCluster): there a plain request goes to the address that the client dialled, and the Host
header is no more than a claim. That address is then the destination.
"""

from collections.abc import Sequence

from tui.model.connection import Endpoint, Outcome
from tui.model.request import Request
from tui.model.text import clean
from tui.proxylog.format import Clock, Format, Reader
from tui.proxylog.formats.envoy_format import JsonPattern, TextPattern, Values
from tui.proxylog.formats.envoy_outcome import BLACK_HOLE, flags_of, http_outcome, tcp_outcome
from tui.proxylog.formats.log_fields import count_of, endpoint_of, place_of
from tui.proxylog.target import Target, host_of, target_of

DEFAULT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
ISTIO = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% '
    '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "%UPSTREAM_TRANSPORT_FAILURE_REASON%" '
    "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "
    '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" '
    "%UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%"
)
ISTIO_JSON = """{
    "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "bytes_received": "%BYTES_RECEIVED%", "bytes_sent": "%BYTES_SENT%", "duration": "%DURATION%",
    "authority": "%REQ(:AUTHORITY)%", "upstream_host": "%UPSTREAM_HOST%", "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%", "requested_server_name": "%REQUESTED_SERVER_NAME%"
}"""
"""Istio's keys (pilot/pkg/model/telemetry_logging.go) that are needed."""
_PASSTHROUGH = b"PassthroughCluster"
_WOULD = "add %REQ(:AUTHORITY)%, and %REQUESTED_SERVER_NAME% for connections that are not HTTP"


class _EnvoyReader:
    """Every line is a whole request or connection, so that nothing is remembered."""

    def __init__(self, pattern: TextPattern | JsonPattern, is_tcp: bool, saved: bytes) -> None:
        if saved:
            raise ValueError("a reader of Envoy's logs remembers nothing")
        self._pattern = pattern
        self._is_tcp = is_tcp

    def read(self, line: bytes, clock: Clock) -> Sequence[Request] | None:
        """What a line completes; None if it is not in this format."""
        found = self._pattern.find(line.rstrip(b"\r"), clock.zone, clock.now_us)
        if found is None or (self._is_tcp and (found[0].get("method") or found[0].get("protocol"))):
            return None
        request = _request(*found)
        return () if request is None else (request,)

    def settle(self, now_us: int) -> Sequence[Request]:
        """Nothing: nothing waits."""
        return ()

    def save(self) -> bytes:
        """Empty."""
        return b""


def format_reader(spec: str) -> Format:
    """The format that an operator wrote into Envoy's configuration: ``text_format``, or ``json_format`` as JSON text.

    :raises ValueError: with a sentence that says what of it cannot be read
    """
    pattern = JsonPattern(spec) if spec.lstrip().startswith("{") else TextPattern(spec)
    lacks = "" if {"authority", "sni"} & pattern.roles else f"the format names no destination: {_WOULD}"
    return _format("envoy-format", pattern, lacks)


def _format(name: str, pattern: TextPattern | JsonPattern, lacks: str = "", part_of: str = "") -> Format:
    def begin(saved: bytes) -> Reader:
        return _EnvoyReader(pattern, bool(part_of), saved)

    return Format(name, begin, lacks, part_of)


def _request(values: Values, started_us: int | None) -> Request | None:
    """None for what is no request: one that Envoy could not read has no method, and the default text then no name."""
    code = int(values.get("code") or 0)
    flags = flags_of(values)
    is_http = bool(values.get("method")) or ("method" not in values and bool(values.get("authority")))
    if not is_http and (code or values.get("protocol")):
        return None
    outcome = http_outcome(values, code, flags) if is_http else tcp_outcome(values, flags)
    if outcome is None:
        return None
    upstream = place_of(values.get("upstream", b""))
    host, port = _destination(values, upstream) if not is_http else _asked(values, upstream)
    duration = count_of(values.get("duration"))
    received = count_of(values.get("received"))
    return Request(
        host=host,
        port=port,
        outcome=outcome,
        started_us=started_us,
        ended_us=None if started_us is None or duration is None else started_us + duration * 1_000,
        client=_client(values),
        address=upstream.ip if upstream is not None else None,
        bytes_sent=count_of(values.get("sent")),
        bytes_received=0 if outcome in {Outcome.REFUSED, Outcome.TIMED_OUT} and received else received,
        reason=_reason(values, code),
        is_claimed=not is_http and bool(values.get("sni")) and values.get("cluster") in {_PASSTHROUGH, BLACK_HOLE},
    )


def _asked(values: Values, upstream: Endpoint | None) -> tuple[str | None, int | None]:
    """Host and port of an HTTP request."""
    authority = values.get("authority", b"")
    is_tunnel = values.get("method") == b"CONNECT"
    if not is_tunnel and (values.get("cluster") in {_PASSTHROUGH, BLACK_HOLE} or not authority):
        return _destination(values, upstream)
    is_tls = is_tunnel or values.get("scheme") == b"https"
    return target_of(authority, 443 if is_tls else 80) or (host_of(authority) if authority else None, None)


def _destination(values: Values, upstream: Endpoint | None) -> tuple[str | None, int | None]:
    """Host and port of a connection: by its server name, by what it was registered as, or by the address dialled.

    The listener's own address is where the client wanted to go only if Envoy took the connection out of its way.
    """
    cluster = values.get("cluster", b"")
    dialled = place_of(values.get("local", b"")) if cluster in {_PASSTHROUGH, BLACK_HOLE} else None
    registered = _registered(cluster)
    sni = host_of(values["sni"]) if values.get("sni") and not values.get("authority") else None
    to = dialled or upstream
    port = registered.port if registered is not None else to.port if to is not None else None
    host = sni or (registered.host if registered is not None else dialled.ip if dialled is not None else None)
    return host, port


def _registered(cluster: bytes) -> Target | None:
    """Of ``outbound|443||host``, as Istio names what is registered."""
    parts = cluster.split(b"|")
    if len(parts) != 4 or parts[0] != b"outbound" or not parts[1].isdigit():
        return None
    return target_of(parts[3], int(parts[1][:6]))


def _client(values: Values) -> Endpoint | None:
    """The peer of the connection before the one that a header may name."""
    for role in ("peer", "client"):
        whole = values.get(role)
        if whole:
            return place_of(whole)
        ip = values.get(f"{role}_ip")
        if ip:
            return endpoint_of(ip.strip(b"[]"), values.get(f"{role}_port"))
    return None


def _reason(values: Values, code: int) -> str:
    words = [str(code) if code else ""]
    for role in ("flags", "details", "termination", "failure"):
        word = values.get(role, b"").decode("utf-8", "replace")
        words.append("" if word == "via_upstream" else word)
    return clean(" ".join(filter(None, words)), 120)


FORMATS: tuple[Format, ...] = (
    _format(
        "envoy-tcp",
        TextPattern(DEFAULT),
        "Envoy's default text names only the address of a connection that is not HTTP: log %REQUESTED_SERVER_NAME%",
        part_of="envoy",
    ),
    _format("envoy", TextPattern(DEFAULT)),
    _format("istio", TextPattern(ISTIO)),
    _format("istio-json", JsonPattern(ISTIO_JSON)),
)
"""The first is for a log that has no HTTP at all; where there is any, the second reads all of it."""
