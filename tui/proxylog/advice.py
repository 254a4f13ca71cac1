"""What to write into a proxy's configuration, so that its log names destinations and the client's port. Pure."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from tui.proxylog.formats import envoy


class Advice(NamedTuple):
    """A format for a proxy to log in."""

    proxy: str
    directive: str
    """What its configuration has to say."""
    where: str
    """Where, and what else."""
    words: str
    """The same for ``format = …``; empty where ``auto`` finds it."""

    @property
    def lines(self) -> str:
        """What is to be copied: the directive and, where the format must be named, the line of our own configuration;
        behind each as a comment where it belongs."""
        line = f"{self.directive}   # {self.where}"
        if not self.words:
            return line
        return f"{line}\nformat = {json.dumps(f'{self.proxy}: {self.words}')}   # then, in [[proxy.log]] of config.toml"


def _squid(spec: str) -> Advice:
    directive = f"logformat retool_egress {spec}"
    return Advice("squid", directive, "in squid.conf, with retool_egress at the end of its access_log line", directive)


_NGINX_HTTP = '$remote_addr:$remote_port [$time_iso8601] "$request" $status $body_bytes_sent $request_time'
_NGINX_STREAM = (
    "$remote_addr:$remote_port [$time_iso8601] $status $bytes_sent/$bytes_received $session_time"
    ' sni="$ssl_preread_server_name" alpn="$ssl_preread_alpn_protocols" proto="$ssl_preread_protocol"'
    ' upstream="$upstream_addr"'
)
_HAPROXY = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq %hr"
_ENVOY = f'{envoy.DEFAULT} "%DOWNSTREAM_REMOTE_ADDRESS%" "%REQUESTED_SERVER_NAME%"'
SQUID = _squid("%ts.%03tu %6tr %>a:%>p %Ss/%03>Hs %<st %rm %ru %un %Sh/%<a %mt")
SQUID_BUMP = _squid("%ts.%03tu %6tr %>a:%>p %Ss/%03>Hs %<st %rm %ru %ssl::bump_mode %un %Sh/%<a %mt")
"""For one that looks into TLS: ``terminate`` stands in the line of what it denies."""
NGINX_HTTP = Advice(
    "nginx", f"log_format retool_egress '{_NGINX_HTTP}';", "in http of nginx.conf, and: access_log PATH retool_egress",
    f"log_format retool_egress '{_NGINX_HTTP}';",
)  # fmt: skip
NGINX_STREAM = Advice(
    "nginx", f"log_format retool_egress '{_NGINX_STREAM}';",
    "in stream of nginx.conf with ssl_preread on, and: access_log PATH retool_egress", "",
)  # fmt: skip
HAPROXY_HTTP = Advice("haproxy", "option httplog", "in the frontend", "")
HAPROXY_TCP = Advice(
    "haproxy", f'log-format "{_HAPROXY}"',
    "in the frontend, after: tcp-request content capture req.ssl_sni len 100", f'log-format "{_HAPROXY}"',
)  # fmt: skip
ENVOY = Advice(
    "envoy", f"text_format_source: {{ inline_string: {json.dumps(_ENVOY + chr(10))} }}", "of the access_log of Envoy",
    _ENVOY,
)  # fmt: skip
TINYPROXY = Advice("tinyproxy", "LogLevel Info", "in tinyproxy.conf", "")
_FOR: Mapping[str, Advice] = {
    "nginx-combined": NGINX_HTTP, "nginx-main": NGINX_HTTP, "nginx-stream-basic": NGINX_STREAM,
    "haproxy-default": HAPROXY_HTTP, "haproxy-tcplog": HAPROXY_TCP,
    "envoy": ENVOY, "envoy-tcp": ENVOY, "envoy-format": ENVOY, "tinyproxy-notice": TINYPROXY,
}  # fmt: skip


PORT_IN: Mapping[str, str] = {
    "nginx-log_format": "$remote_addr:$remote_port in its log_format",
    "haproxy-log-format": "%ci:%cp in its log-format",
}
"""Where the client's port would stand in a format of the operator's own."""


def advice_for(format: str, *, is_bumped: bool = False) -> Advice | None:
    """What would give a log in a format, by its name, all that it may lack; None where the proxy has no such format.

    :param is_bumped: of Squid, it looks into TLS
    """
    if format.partition("-")[0] == "squid":
        return SQUID_BUMP if is_bumped else SQUID
    return _FOR.get(format)
