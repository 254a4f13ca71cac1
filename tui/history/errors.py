"""What can go wrong with a history file, each with a next step for the person at the terminal."""


class HistoryError(Exception):
    """A history that cannot be used; ``hint`` says what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class HistoryMissing(HistoryError):
    """Nothing has been recorded at this path."""


class HistoryUnreadable(HistoryError):
    """The file is there and this user may not read it."""


class HistoryUnwritable(HistoryError):
    """The collector cannot write here."""


class HistoryCorrupt(HistoryError):
    """The file is not a sound SQLite database of ours."""


class HistoryNewer(HistoryError):
    """A later version of the program wrote this file."""


class HistoryInUse(HistoryError):
    """Another collector writes this history."""
