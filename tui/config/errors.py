"""A fault in a configuration file, told so that it can be mended."""

from pathlib import Path

from tui.model.text import clean


class ConfigError(Exception):
    """What is wrong, where, and what to do; ``str()`` gives ``file:line: message``, inert for a terminal."""

    def __init__(self, path: Path, message: str, hint: str, line: int | None = None) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(clean(f"{where}: {message}", 1000))
        self.path = path
        self.line = line
        self.hint = clean(hint, 1000)
