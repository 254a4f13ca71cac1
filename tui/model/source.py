"""Where a connection was seen: the word that the record has for it."""

LOG = "proxy:"
"""Before the path of a followed log: what stands in it alone, and whether it could be read."""


def log_of(source: str) -> str | None:
    """The path of the log that a source is; None if it is another source."""
    return source.removeprefix(LOG) if source.startswith(LOG) else None
