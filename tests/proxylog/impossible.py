"""Cases that a format cannot tell, and why: what test_ledgers.py takes as no mistake."""

_ENVOY_NAMELESS = "Envoy answers before it has read the target, and the line names none"
_ENVOY_DETAILS = "the default text has no details: refused, timed out and reset are all UF"
_ENVOY_NO_RULE = "Envoy had no rule against the port: it tried, and was refused"
ENVOY = {
    "underscore_host": _ENVOY_NAMELESS,
    "ua_hostile": _ENVOY_NAMELESS,
    "connect_http10": _ENVOY_NAMELESS,
    "http09": _ENVOY_NAMELESS,
    "tcp_refused": _ENVOY_DETAILS,
    "tcp_timeout": _ENVOY_DETAILS,
    "plain_refused": _ENVOY_DETAILS,
    "plain_timeout": _ENVOY_DETAILS,
    "connect_port_8443": _ENVOY_DETAILS,
    "connect_port_22_denied": _ENVOY_NO_RULE,
}
ISTIO = {
    "dns_nxdomain": "the port is that of the far side, which had no address",
    "dns_servfail": "as above",
    "dns_timeout": "as above",
    "tcp_timeout": "no reason is given for a connect that timed out",
    "plain_http_on_tls": "no server name: the line names no destination",
}
_NEXT_PROXY = "the proxy behind it says 503 for all that it cannot reach"
HAPROXY = {
    "tcp_refused": _NEXT_PROXY,
    "plain_refused": _NEXT_PROXY,
    "connect_port_8443": _NEXT_PROXY,
    "tcp_timeout": _NEXT_PROXY,
    "plain_timeout": _NEXT_PROXY,
}
_NGINX_502 = "502 is what it says of a name without an address too"
_NGINX_400 = "400 is what it says of a request that it cannot read, and what the far side may say"
_NGINX_NO_PORT = "a server name has no port, and nginx went nowhere"
NGINX = {
    "v6only_name": "the proxy had no IPv6, which the ledger does not know",
    "tcp_refused": _NGINX_502,
    "plain_refused": _NGINX_502,
    "connect_port_8443": _NGINX_502,
    "peer_reset": "a tunnel that the far side breaks off ends like any other",
    "get_space_in_path": _NGINX_400,
    "huge_header": _NGINX_400,
    "relative_uri": "only the Host header names it",
}
NGINX_STREAM = {
    "v6only_name": _NGINX_NO_PORT,
    "denied_tls": _NGINX_NO_PORT,
    "dns_nxdomain": f"{_NGINX_NO_PORT}; and it looks like one that is denied",
    "dns_servfail": f"{_NGINX_NO_PORT}; and it looks like one that is denied",
    "dns_timeout": _NGINX_NO_PORT,
    "peer_reset": "a session that the far side breaks off ends like any other",
    "plain_http_on_tls": "no TLS, no server name",
    "(nobody)": "two that were denied have no server name, by which they could be found",
}
_SQUID_UNLISTED = {"(nobody)": "two requests of an IPv6 client were made beside the ledger"}
_SQUID_RESET = {"peer_reset": "a tunnel that the far side resets ends as any other: TCP_TUNNEL/200"}
_SQUID_503 = "a refusal and a time-out are both 503, and the format does not tell how long it took"
_SQUID_PROBED = {"plain_reset": "with a connection kept from before, a reset is 503 as a refusal is"}
SQUID = _SQUID_UNLISTED | _SQUID_RESET
SQUID_COMBINED = SQUID | dict.fromkeys(
    ("tcp_refused", "tcp_timeout", "plain_refused", "plain_timeout", "connect_port_8443"), _SQUID_503
)
SQUID_SPLICED = _SQUID_UNLISTED | _SQUID_PROBED
_SMOKESCREEN_PRIVATE = (
    "this Smokescreen denies private addresses, and says so: the ledger is made for a proxy that does not"
)
_SMOKESCREEN_REPORTED = "this Smokescreen reports on the rule and does not enforce it: it went through"
_SMOKESCREEN_NIL = "a connect that fails is told as <nil>, whatever was the matter"
_SMOKESCREEN_ONLY_DENIED = (
    "plain_get", "plain_get_query", "plain_404", "plain_500", "plain_304", "plain_301", "plain_post", "plain_head",
    "plain_put", "plain_delete", "plain_options", "custom_method", "plain_timeout", "tcp_timeout",
    "plain_abort_midbody", "plain_origin_truncates", "userinfo_in_url", "pct_encoded_path", "long_path_2500",
    "ua_empty", "referer_hostile",
)  # fmt: skip
SMOKESCREEN = {
    **dict.fromkeys(_SMOKESCREEN_ONLY_DENIED, _SMOKESCREEN_PRIVATE),
    "denied_tls": _SMOKESCREEN_REPORTED,
    "tcp_refused": _SMOKESCREEN_NIL,
    "connect_port_8443": _SMOKESCREEN_NIL,
    "connect_port_22_denied": "no rule is against the port: it tried, and failed",
    "peer_reset": "the close has no error; the one line of goproxy that has it names no request",
    "ua_hostile": "Go answers 400 before Smokescreen sees it",
    "relative_uri": "Smokescreen has no line for what is no proxy request",
    "ftp_url": "the scheme is not logged: port 80",
}
_MITMDUMP_NO_NAME = "a tunnel that is denied leaves no name"
_MITMDUMP_NO_HOST = "a tunnel that cannot be opened leaves no name, and no more than an address"
MITMDUMP = {
    **dict.fromkeys(
        ("denied_tls", "connect_ipv4_literal", "connect_ipv6_literal", "connect_upper_dot",
         "connect_leading_zero_port", "connect_v4mapped_v6", "connect_decimal_ip"),
        _MITMDUMP_NO_NAME,
    ),
    **dict.fromkeys(
        ("dns_nxdomain", "dns_servfail", "dns_timeout", "tcp_refused", "tcp_timeout", "connect_port_8443",
         "connect_port_22_denied"),
        _MITMDUMP_NO_HOST,
    ),
    "peer_reset": "a server that breaks off is told as one that ends",
    "plain_timeout": "the client leaves before mitmdump gives up",
    "huge_header": "mitmdump lets it pass: the ledger names no host, since most do not",
}  # fmt: skip
_TINYPROXY_WORDS = "a connect that fails is told in the same words, whatever was the matter"
TINYPROXY = {
    "tcp_refused": _TINYPROXY_WORDS,
    "tcp_timeout": _TINYPROXY_WORDS,
    "plain_refused": _TINYPROXY_WORDS,
    "plain_timeout": _TINYPROXY_WORDS,
    "connect_port_8443": _TINYPROXY_WORDS,
    "huge_header": "tinyproxy lets it pass: the ledger names no host, since most do not",
}
