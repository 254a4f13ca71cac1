"""Real processes for tests: Python programs that wait, under a name and an environment."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

WAIT = "print('ready', flush=True); import sys; sys.stdin.read()"


def named(name: bytes) -> str:
    """The program that waits under a name of its own."""
    return f"from pathlib import Path; Path('/proc/self/comm').write_bytes({name!r}); {WAIT}"


@contextmanager
def running(
    code: str = WAIT, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[int]:
    """A Python process that has said it is ready, by its pid; ``before`` is a command that becomes it."""
    child = subprocess.Popen(
        [*before, sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | (environment or {}),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        child.stdout.readline()
        yield child.pid
        child.stdin.close()
