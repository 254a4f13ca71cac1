"""Real proxies, as Debian ships them, in the outside of a `RetoolHost`: each with a configuration and a log of its own.

All of them let everything through but `DENIED`, and look names up with the outside's server.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.host import children
from tests.host.namespaces import Namespace, resolving_through
from tests.host.outside import program
from tests.host.proxy import Proxy, Rotate, folder_of, running
from tests.host.retool_host import RetoolHost

ADDRESS = "198.51.100.200"
DENIED = "evil.example"
_SYSLOG_FILE = Path(__file__).with_name("syslog_file.py")
_LATE_S = 0.3
"""After so long a proxy whose log was renamed is told."""


_SQUID = """
http_port {end[0]}:{end[1]}
acl denied dstdomain {denied}
http_access deny denied
http_access allow all
{logformat}
access_log {module}:{folder}/log {name}
logfile_rotate 9
cache_log {folder}/cache.log
pid_filename {folder}/pid
coredump_dir {folder}
cache deny all
cache_mem 8 MB
max_filedescriptors 4096
dns_nameservers {nameserver}
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname proxy.test
"""
SQUID_WORDS = "logformat egress %{%Y-%m-%dT%H:%M:%S}tg.%03tu %6tr %>a:%>p %Ss/%03>Hs %rm %ru %Sh/%<a %>st/%<st"
"""With the client's port; the time is of the end, in UTC."""


@contextmanager
def squid(host: RetoolHost, words: str = "") -> Iterator[Proxy]:
    """Squid, which logs in its own format, or in that of its `logformat` directive; rotated by `squid -k rotate`.

    It has a name of its own, as its shared memory is the whole machine's.
    """
    end = (ADDRESS, 3128)
    with folder_of("proxy") as folder:
        conf, log = folder / "squid.conf", folder / "log"
        argv = ["squid", "-n", "".join(filter(str.isalnum, host.prefix)), "-f", str(conf)]
        name, module = ("egress", "stdio") if words else ("squid", "daemon")
        told = _SQUID.format(
            end=end, denied=DENIED, folder=folder, logformat=words, module=module, name=name, nameserver=host.nameserver
        )
        conf.write_text(told)

        def rotate(_: int) -> None:
            subprocess.run([*argv, "-k", "rotate"], check=True, capture_output=True, timeout=20)

        outcomes = {"denied": "denied", "refused": "refused", "unknown": "failed"}
        with running(host.outside, [*argv, "-N"], end, folder):
            yield Proxy(end, log, f"squid: {words}" if words else "auto", "tunnel", outcomes, rotate, bool(words))


_TINYPROXY = """
Port {end[1]}
Listen {end[0]}
Timeout 60
MaxClients 200
LogLevel Info
Filter "{folder}/filter"
PidFile "{folder}/pid"
LogFile "{folder}/log"
"""
_LOGROTATE = """
{log} {{
    rotate 14
    daily
    compress
    missingok
    notifempty
{how}
}}
"""
"""As Debian's package has it: compressed at once."""
_REOPENED = "postrotate\n kill -USR1 {pid}\n endscript"
"""In the foreground tinyproxy heeds USR1."""
_COPIED = "copytruncate"


@contextmanager
def tinyproxy(host: RetoolHost) -> Iterator[Proxy]:
    """tinyproxy, whose log is rotated and compressed at once by logrotate: renamed, and every third time copied."""
    end = (ADDRESS, 8888)
    with folder_of() as folder, resolving_through(host.outside, host.nameserver):
        conf, log, rotation = folder / "tinyproxy.conf", folder / "log", folder / "rotation"
        (folder / "filter").write_text(f"^{DENIED}$\n")
        conf.write_text(_TINYPROXY.format(end=end, folder=folder))

        def rotate(number: int) -> None:
            how = _REOPENED.format(pid=pid) if number % 3 else _COPIED
            rotation.write_text(_LOGROTATE.format(log=log, how=how))
            argv = ["logrotate", "--force", "--state", str(folder / "state"), str(rotation)]
            subprocess.run(argv, check=True, capture_output=True, timeout=20)

        outcomes = {"denied": "denied", "refused": "failed", "unknown": "failed"}
        with running(host.outside, ["tinyproxy", "-d", "-c", str(conf)], end, folder) as pid:
            yield Proxy(end, log, "auto", "tunnel", outcomes, rotate, is_idle=True)


_HAPROXY = """
global
    log {folder}/devlog len 2048 local0
defaults
    log global
    timeout connect 3s
    timeout client 20s
    timeout server 20s
    timeout queue 1s
    retries 0
resolvers outside
    nameserver outside {nameserver}:53
    resolve_retries 1
    timeout resolve 200ms
    timeout retry 200ms
    hold valid 10s
frontend egress
    mode tcp
    bind {end[0]}:{end[1]}
    log-format "{words}"
    tcp-request inspect-delay 5s
    tcp-request content capture req.ssl_sni len 100
    tcp-request content reject if {{ req.ssl_sni -i {denied} }}
    tcp-request content do-resolve(txn.to,outside,ipv4) req.ssl_sni if {{ req.ssl_hello_type 1 }}
    tcp-request content reject if {{ req.ssl_hello_type 1 }} !{{ var(txn.to) -m found }}
    tcp-request content set-dst var(txn.to) if {{ var(txn.to) -m found }}
    tcp-request content set-dst-port int(443)
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    tcp-request content reject
    default_backend named
backend named
    mode tcp
    server named 0.0.0.0:0
"""
HAPROXY_WORDS = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %U/%B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq sni=%[capture.req.hdr(0)]"


@contextmanager
def haproxy(host: RetoolHost) -> Iterator[Proxy]:
    """HAProxy as a proxy by server name, whose log comes by syslog: renamed, and the logger told."""
    end = (ADDRESS, 8443)
    with ExitStack() as stack:
        folder = stack.enter_context(folder_of())
        rotate = stack.enter_context(_syslog(host.outside, folder))
        conf = folder / "haproxy.cfg"
        conf.write_text(
            _HAPROXY.format(end=end, denied=DENIED, folder=folder, words=HAPROXY_WORDS, nameserver=host.nameserver)
        )
        stack.enter_context(running(host.outside, ["haproxy", "-db", "-f", str(conf)], end, folder))
        outcomes = {"denied": "denied", "refused": "refused", "unknown": "denied"}  # it rejects what has no address
        yield Proxy(end, folder / "log", f"haproxy: {HAPROXY_WORDS}", "hello", outcomes, rotate, told_port=True)


_HAPROXY_HTTP = """
global
    log {folder}/devlog len 2048 local0
defaults
    log global
    option httplog
    timeout connect 3s
    timeout client 20s
    timeout server 20s
frontend egress
    mode http
    bind {end[0]}:{end[1]}
    http-request deny deny_status 403 if {{ path_beg {denied}: }}
    default_backend proxies
backend proxies
    mode http
    server one {behind[0]}:{behind[1]}
"""


@contextmanager
def haproxy_http(host: RetoolHost) -> Iterator[Proxy]:
    """HAProxy in front of Squid, with `option httplog`."""
    end = (ADDRESS, 8080)
    with ExitStack() as stack:
        behind = stack.enter_context(squid(host))
        folder = stack.enter_context(folder_of())
        rotate = stack.enter_context(_syslog(host.outside, folder))
        conf = folder / "haproxy.cfg"
        conf.write_text(_HAPROXY_HTTP.format(end=end, denied=DENIED, folder=folder, behind=behind.end))
        stack.enter_context(running(host.outside, ["haproxy", "-db", "-f", str(conf)], end, folder))
        outcomes = {"denied": "denied", "refused": "failed", "unknown": "failed"}  # Squid answers 503, and 500
        yield Proxy(end, folder / "log", "auto", "tunnel", outcomes, rotate, told_port=True)


@contextmanager
def _syslog(outside: Namespace, folder: Path) -> Iterator[Rotate]:
    """Writes what comes at `devlog` into `log`."""
    log = folder / "log"
    with program(outside, [str(_SYSLOG_FILE), str(folder / "devlog"), str(log)]) as logger:
        children.first_line(logger)

        def rotate(number: int) -> None:
            log.rename(folder / f"log.{number}")
            time.sleep(_LATE_S)
            logger.send_signal(signal.SIGHUP)

        try:
            yield rotate
        finally:
            logger.terminate()


_NGINX = """
load_module {module};
daemon off;
user www-data;
worker_processes 2;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
stream {{
    {words}
    access_log {folder}/log egress;
    resolver {nameserver} ipv6=off;
    resolver_timeout 5s;
    ssl_preread on;
    map $ssl_preread_server_name $to {{
        default $ssl_preread_server_name:443;
        {denied} "";
        "" "";
    }}
    server {{
        listen {end[0]}:{end[1]};
        proxy_connect_timeout 3s;
        proxy_pass $to;
    }}
}}
"""
NGINX_WORDS = """log_format egress '$remote_addr:$remote_port [$msec] $status $bytes_sent/$bytes_received '
        '$session_time "$ssl_preread_server_name" via "$upstream_addr"';"""
_NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


@contextmanager
def nginx(host: RetoolHost) -> Iterator[Proxy]:
    """nginx as a proxy by server name; its log is renamed, and it gets USR1."""
    end = (ADDRESS, 8444)
    with folder_of() as folder:
        conf, log = folder / "nginx.conf", folder / "log"
        conf.write_text(
            _NGINX.format(
                module=_NGINX_STREAM, end=end, denied=DENIED, folder=folder, words=NGINX_WORDS,
                nameserver=host.nameserver,
            )
        )  # fmt: skip
        argv = ["nginx", "-e", f"{folder}/error.log", "-c", str(conf)]

        def rotate(number: int) -> None:
            log.rename(folder / f"log.{number}")
            time.sleep(_LATE_S)
            subprocess.run([*argv, "-s", "reopen"], check=True, capture_output=True, timeout=20)

        outcomes = {"denied": "denied", "refused": "refused", "unknown": "denied"}  # it says 500 to both
        with running(host.outside, argv, end, folder):
            yield Proxy(end, log, f"nginx: {NGINX_WORDS}", "hello", outcomes, rotate, told_port=True)


def missing(name: str) -> str | None:
    """The package of Debian that a proxy needs and that is not here; None if all are."""
    if shutil.which(name) is None:
        return name
    return "libnginx-mod-stream" if name == "nginx" and not _NGINX_STREAM.exists() else None
