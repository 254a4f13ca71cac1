"""The logs of real proxies, with the words by which an operator would name their formats."""

from typing import NamedTuple

from tests.proxylog.ledger import LOGS
from tests.proxylog.reading import lines_of
from tui.proxylog.catalogue import AUTO

SQUID_ISO = "squid: %{%Y-%m-%dT%H:%M:%S%z}tl %6tr %>a:%>p %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a:%<p %mt"
SQUID_SNI = 'squid: %ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %ssl::bump_mode "%ssl::>sni" %[un %Sh/%<a %mt'


class Sample(NamedTuple):
    """A log."""

    file: str
    format: str
    """The name of its format, or its format in its proxy's own words."""
    is_found: bool = True
    """By ``auto``."""

    @property
    def word(self) -> str:
        """What the operator has to say."""
        return AUTO if self.is_found else self.format

    @property
    def lines(self) -> list[bytes]:
        """Its lines, without a prefix of syslog."""
        lines = lines_of(LOGS / self.file)
        return [line.partition(b"]: ")[2] for line in lines] if "syslog" in self.file else lines


SAMPLES = (
    Sample("squid/squid.log", "squid"),
    Sample("squid/combined.log", "squid-combined"),
    Sample("squid/custom_iso.log", SQUID_ISO, is_found=False),
    Sample("squid/sslbump_splice_squid.log", "squid"),
    Sample("squid/sslbump_splice_sni.log", SQUID_SNI, is_found=False),
    Sample("smokescreen/report.log", "smokescreen"),
    Sample("envoy/http_default.log", "envoy"),
    Sample("envoy/sni_istio_json.log", "istio-json"),
    Sample("nginx/stream_sni.log", "nginx-stream-sni"),
    Sample("nginx/connect_module_combined.log", "nginx-combined"),
    Sample("haproxy/httplog_raw.log", "haproxy-httplog"),
    Sample("haproxy/syslog_tcplog_rfc3339.log", "haproxy-tcplog"),
    Sample("tinyproxy/info.log", "tinyproxy"),
    Sample("mitmdump/default_fd1.log", "mitmdump"),
)
