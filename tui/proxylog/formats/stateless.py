"""Readers of formats whose every line stands alone: there is nothing to remember."""

from collections.abc import Callable, Sequence

from tui.model.request import Request
from tui.proxylog.format import Reader


class Stateless:
    """The part of a reader that is about what it remembers."""

    __slots__ = ()

    def settle(self, now_us: int) -> Sequence[Request]:
        """Nothing waits."""
        return ()

    def save(self) -> bytes:
        """Nothing is remembered."""
        return b""


def beginning(make: Callable[[], Reader]) -> Callable[[bytes], Reader]:
    """What a format needs to begin: a new reader each time.

    :raises ValueError: there, for bytes that another reader saved
    """

    def begin(saved: bytes) -> Reader:
        if saved:
            raise ValueError("a reader of this format remembers nothing")
        return make()

    return begin
