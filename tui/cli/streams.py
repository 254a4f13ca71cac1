"""Where data goes: a file that is named, or stdout."""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import click


@contextlib.contextmanager
def output_stream(path: Path | None) -> Iterator[TextIO]:
    """The stream to write to; a named file is made readable for its owner only, and a link is not followed.

    :raises click.ClickException: if the file cannot be written
    """
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", newline="") as stream:
            yield stream
    except OSError as error:
        why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise click.UsageError(f"cannot write {path}: {why}. Name another file with -o FILE.") from error


def terminal_width(path: Path | None) -> int | None:
    """The columns of the terminal that reads stdout, or what COLUMNS says of it; None where no terminal does."""
    if path is not None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns
