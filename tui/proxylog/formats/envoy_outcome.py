"""How a request or a connection through Envoy went: from response code, flags and details. Pure.

The flags: envoyproxy.io, "Access logging", "%RESPONSE_FLAGS%".
"""

import re

from tui.model.connection import Outcome
from tui.proxylog.formats.envoy_format import Values

_LONG = {
    "UpstreamConnectionFailure": "UF", "UpstreamOverflow": "UO", "NoRouteFound": "NR", "NoHealthyUpstream": "UH",
    "UpstreamRetryLimitExceeded": "URX", "NoClusterFound": "NC", "DurationTimeout": "DT",
    "DownstreamConnectionTermination": "DC", "FailedLocalHealthCheck": "LH", "UpstreamRequestTimeout": "UT",
    "LocalReset": "LR", "UpstreamRemoteReset": "UR", "UpstreamConnectionTermination": "UC", "DelayInjected": "DI",
    "FaultInjected": "FI", "RateLimited": "RL", "UnauthorizedExternalService": "UAEX",
    "RateLimitServiceError": "RLSE", "InvalidEnvoyRequestHeaders": "IH", "StreamIdleTimeout": "SI",
    "DownstreamProtocolError": "DPE", "UpstreamProtocolError": "UPE", "UpstreamMaxStreamDurationReached": "UMSDR",
    "OverloadManagerTerminated": "OM", "DnsResolutionFailed": "DF", "DropOverload": "DO",
    "DownstreamRemoteReset": "DR", "UnconditionalDropOverload": "UDO",
}  # fmt: skip
_SAYS_NO = frozenset({"UAEX", "RL", "NR"})
"""Refused by an authorization service or a rate limit, or for a destination that no route is for."""
_NOT_REACHED = frozenset({"DF", "UH", "NC", "UO", "LH", "FI", "IH", "RLSE", "OM", "DO", "UDO", "DPE"})
_CONNECT_FAILED = frozenset({"UF", "URX"})
_BROKEN = frozenset({"UC", "UR", "UPE", "LR"})
_LEFT = frozenset({"DC", "DR"})
_WAITED = frozenset({"UT", "SI", "UMSDR", "DT"})
_REFUSED = re.compile(rb"refused|connect_error:_?\s*111\b", re.IGNORECASE)
_TIMED_OUT = re.compile(rb"time(?:d_|d |-|)out", re.IGNORECASE)
_NO_ROLE = re.compile(rb"rbac_access_denied|ext_authz_denied", re.IGNORECASE)
BLACK_HOLE = b"BlackHoleCluster"
"""Where Istio sends what is not registered, while outbound traffic is for registered hosts only."""


def flags_of(values: Values) -> frozenset[str]:
    """The short names of the response flags."""
    words = values.get("flags", b"").decode("ascii", "replace").split(",")
    return frozenset(_LONG.get(word, word) for word in words) - {"", "-"}


def http_outcome(values: Values, code: int, flags: frozenset[str]) -> Outcome | None:
    """Of an HTTP request; None for one that Envoy answered with a page of its own, as it does a health check.

    An error that came from the far side is no failure: it was reached. A tunnel ends when the client goes (``200 DC``).
    """
    is_tunnel = values.get("method") == b"CONNECT" or code == 101
    early = _before_answer(values, flags)
    if early is not None:
        return early
    if flags & _BROKEN:
        return Outcome.FAILED if code >= 500 else Outcome.RESET
    if flags & _LEFT:
        return Outcome.CLOSED if is_tunnel and 0 < code < 300 else Outcome.RESET
    if flags & _WAITED:
        return Outcome.TIMED_OUT if code >= 400 or code == 0 else Outcome.CLOSED
    if not code:
        return Outcome.UNKNOWN
    if is_tunnel:
        return Outcome.CLOSED if code < 400 else Outcome.DENIED if code < 500 else Outcome.FAILED
    if values.get("details") == b"via_upstream" or values.get("upstream"):
        return Outcome.CLOSED
    if "upstream" not in values and "details" not in values:
        return Outcome.UNKNOWN if code in {401, 403, 407, 429} else Outcome.CLOSED
    return Outcome.DENIED if code >= 400 else None


def tcp_outcome(values: Values, flags: frozenset[str]) -> Outcome:
    """Of a connection. Where the format does not say how it ended, one without an answer may have been denied."""
    early = _before_answer(values, flags)
    if early is not None:
        return early
    if flags & _BROKEN:
        return Outcome.RESET
    if "UT" in flags:
        return Outcome.TIMED_OUT
    if not flags and "termination" not in values and values.get("received") == b"0":
        return Outcome.UNKNOWN
    return Outcome.CLOSED


def _before_answer(values: Values, flags: frozenset[str]) -> Outcome | None:
    details = b" ".join(values.get(role, b"") for role in ("details", "termination", "failure"))
    if flags & _SAYS_NO or values.get("cluster") == BLACK_HOLE or _NO_ROLE.search(details):
        return Outcome.DENIED
    if flags & _NOT_REACHED:
        return Outcome.FAILED
    if flags & _CONNECT_FAILED:
        if _REFUSED.search(details):
            return Outcome.REFUSED
        return Outcome.TIMED_OUT if _TIMED_OUT.search(details) else Outcome.FAILED
    return None
