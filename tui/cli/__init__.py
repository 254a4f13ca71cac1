"""The command line. stdout is data, stderr is narration; 0 fine, 1 the answer is no, 2 usage or configuration error."""

import os
import sys
import traceback
from io import TextIOWrapper

EXIT_NO = 1
EXIT_USAGE = 2
EXIT_FAULT = 70
"""A fault of this program (sysexits.h, EX_SOFTWARE)."""
EXIT_INTERRUPTED = 130
EXIT_UNREAD = 141
"""Nobody reads stdout any more: 128 and SIGPIPE, as of any tool, so that no "yes" or "no" is told by accident."""


def main() -> None:
    """Run the program; faults that a person can mend end as a sentence and a next step on stderr, with exit code 2."""
    _open_closed_streams()
    _write_any_text()
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = EXIT_UNREAD
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = _fail(f"the answer cannot be written: {error.strerror}", "Free the disk, or write elsewhere.")
    sys.exit(code)


def _open_closed_streams() -> None:
    """A stream that the caller has closed takes and gives nothing, instead of ending the program half-way."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the program runs
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _run() -> int:
    """The exit code of the command that was asked for. Not by click's own ``main``, which ends a broken pipe with 1."""
    import click

    from tui.cli.app import command
    from tui.config.errors import ConfigError
    from tui.history.errors import HistoryError

    try:
        with command.make_context("retool-egress", sys.argv[1:]) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except (ConfigError, HistoryError) as error:
        return _fail(str(error), error.hint)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - a fault of the program must not look like an answer
        traceback.print_exc()
        return EXIT_FAULT
    return 0


def _write_any_text() -> None:
    """What the encoding of the locale lacks is written as ``?``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _fail(message: str, hint: str) -> int:
    from tui.model.text import clean

    sys.stderr.write(f"Error: {clean(message, 1000)}\n{clean(hint, 1000)}\n")
    return EXIT_USAGE
