"""A program: the part of rsyslog that writes what comes at a Unix socket into a file (RFC 3164 in, RFC 3339 times out).

    python syslog_file.py SOCKET FILE

It opens the file anew at SIGHUP, prints a line once it listens, and ends at SIGTERM.
"""

import os
import re
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

_QUEUE = Path("/proc/sys/net/unix/max_dgram_qlen")
"""Of this network namespace alone; of its ten messages a busy sender would lose some."""
_HEAD = re.compile(rb"<[0-9]{1,3}>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} ")
_LONGEST = 65_536


def main(path: str, file: str) -> None:
    """Listen, and write."""
    _QUEUE.write_text("4096")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(path)
    Path(path).chmod(0o777)
    out = opened(file)

    def reopen(*_: object) -> None:
        nonlocal out
        os.close(out)
        out = opened(file)

    signal.signal(signal.SIGHUP, reopen)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print("listening", flush=True)
    while True:
        message = _HEAD.sub(b"", listening.recv(_LONGEST), count=1)
        os.write(out, b"%b proxy %b\n" % (datetime.now(UTC).isoformat().encode(), message.rstrip(b"\n")))


def opened(file: str) -> int:
    """Its end, as rsyslog opens it."""
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
