"""Start child processes, wait for their first line, and end them by their Popen objects."""

import subprocess
from contextlib import suppress

_END_TIMEOUT_S = 5.0


class EndedError(Exception):
    """A child ended before it said that it was ready; the message is what it printed, if its errors are piped."""


def first_line(child: subprocess.Popen[str]) -> str:
    """Wait for the line that a child prints once it is ready. Raises EndedError, with the child reaped."""
    assert child.stdout is not None, "the child's output is not piped"
    line = child.stdout.readline()
    if not line:
        printed = child.stderr.read().strip() if child.stderr is not None else ""
        reap(child)
        raise EndedError(printed or f"exit status {child.returncode}")
    return line


def end(child: subprocess.Popen[str]) -> None:
    """Ask a child to end with SIGTERM, insist after five seconds, reap it and close its pipes."""
    if child.poll() is None:
        child.terminate()
    reap(child)


def release(child: subprocess.Popen[str]) -> None:
    """Let a child end that lives as long as its standard input, reap it and close its pipes."""
    if child.stdin is not None:
        with suppress(BrokenPipeError):
            child.stdin.close()
    reap(child)


def reap(child: subprocess.Popen[str]) -> None:
    """Wait for a child that is about to end; kill it after five seconds. Its pipes are closed."""
    try:
        child.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
