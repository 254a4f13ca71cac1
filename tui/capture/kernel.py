"""What this kernel can tell of sockets and packets, found out by asking it; the same requests as recording makes."""

import errno
import socket
from collections.abc import Callable

from tui.capture.diag_socket import EVENT_BYTES, WANTED_BUFFER, Asker, EndListener
from tui.capture.inet_diag import parse_info
from tui.capture.remedies import Remedies
from tui.model.diagnosis import Check, Seen, What

_ABSENT = (errno.ENOENT, errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EAFNOSUPPORT)
"""How it answers where a module is missing; EOPNOTSUPP: to the older request, where there is no inet_diag at all."""
_TCP_INFO_MAX = 1024


def check_kernel(
    remedies: Remedies,
    ask: Callable[[], Asker] = Asker,
    listen: Callable[[], EndListener] = EndListener,
    info: Callable[[], bytes] | None = None,
) -> list[Check]:
    """Try everything that recording needs of the kernel, in our own namespace."""
    return [
        _check_dump(What.TCP, ask, remedies),
        _check_dump(What.UDP, ask, remedies),
        *_check_ends(listen, remedies),
        _check_bytes(info or own_info),
    ]


def _check_dump(what: What, ask: Callable[[], Asker], remedies: Remedies) -> Check:
    try:
        asker = ask()
        try:
            asker.tcp(counters=True) if what is What.TCP else asker.udp()
        finally:
            asker.close()
    except OSError as error:
        return Check(what, "", Seen.NO, *_why(error, f"{what.value}_diag", remedies))
    return Check(what, "", Seen.YES, f"the kernel lists {what.value.upper()} sockets (sock_diag)")


def _check_ends(listen: Callable[[], EndListener], remedies: Remedies) -> list[Check]:
    try:
        listener = listen()
    except OSError as error:
        reason, remedy = _why(error, "inet_diag", remedies)
        why = f"connections that live between two looks are missed: {reason}"
        return [Check(What.ENDS, "", Seen.NO, why, remedy)]
    try:
        holds, forced = listener.holds, listener.buffer_forced
    finally:
        listener.close()
    ends = Check(What.ENDS, "", Seen.YES, "the kernel tells of every socket that ends, however short it lived")
    room = f"room for {holds:,} ends that come at once"
    if forced or holds >= 2 * WANTED_BUFFER // EVENT_BYTES:
        return [ends, Check(What.BUFFER, "", Seen.YES, room)]
    why = f"{room}; of a larger burst the rest is lost, and counted (net.core.rmem_max is small)"
    return [ends, Check(What.BUFFER, "", Seen.PARTLY, why, remedies.buffer)]


def _check_bytes(info: Callable[[], bytes]) -> Check:
    try:
        data = info()
        counters = parse_info(data, 0, len(data))
    except OSError as error:
        return Check(What.BYTES, "", Seen.NO, f"the kernel does not tell TCP's counters: {error.strerror}")
    if counters is None:
        return Check(What.BYTES, "", Seen.NO, "the kernel counts no bytes: it is older than Linux 4.2")
    if counters.sent is None:
        return Check(What.BYTES, "", Seen.PARTLY, "bytes sent are not known: the kernel is older than Linux 4.19")
    return Check(What.BYTES, "", Seen.YES, "TCP: sent and received")


def own_info() -> bytes:
    """The struct tcp_info (tcp(7)) of a socket that goes nowhere, as long as this kernel makes it.

    :raises OSError: if there is none to be had
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as unused:
        return unused.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_MAX)


def check_wire(remedies: Remedies, left: str, open: Callable[[], socket.socket] | None = None) -> Check:
    """Whether packets may be read, tried out in our own namespace; ``left`` is what tells names where they may not."""
    try:
        (open or _packet_socket)().close()
    except OSError as error:
        reason, remedy = _why_no_packets(error, remedies)
        return Check(What.WIRE, "", Seen.NO, f"{reason}; what is left: {left}", remedy)
    return Check(What.WIRE, "", Seen.YES, "DNS answers and TLS server names may be read off packets (AF_PACKET)")


def _packet_socket() -> socket.socket:
    """One that gets no packet: protocol 0 (packet(7)).

    :raises OSError: if the kernel refuses it
    """
    return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)


def _why_no_packets(error: OSError, remedies: Remedies) -> tuple[str, str | None]:
    if error.errno in _ABSENT:
        return "the kernel has no packet sockets", remedies.module("af_packet")
    if error.errno not in (errno.EPERM, errno.EACCES):
        return f"the kernel refuses a packet socket: {error.strerror or error}", None
    if remedies.reach.can("CAP_NET_RAW"):
        return "the kernel forbids packet sockets here (a container's seccomp profile, or a security module)", None
    return "CAP_NET_RAW is missing", remedies.privileges


def _why(error: Exception, module: str, remedies: Remedies) -> tuple[str, str | None]:
    number = error.errno if isinstance(error, OSError) else None
    if number in _ABSENT:
        return f"the kernel has no {module}", remedies.module(module)
    if number in (errno.EPERM, errno.EACCES):
        return "the kernel forbids sock_diag here (a container's seccomp profile, or a security module)", None
    return f"the kernel's answer is no use: {error}", None
