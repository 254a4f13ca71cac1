"""Host names from outside, which packets, files and answers may fill with anything: made one form, or made inert.

Resolves nothing.
"""

import re

from tui.model.address import parse_address
from tui.model.remembered import remembered
from tui.model.text import clean

LENGTH_MAX = 253
"""Of a name in text (RFC 1035 §2.3.4 without the root's label)."""
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")
_PLAIN = re.compile(rb"[a-z0-9_.-]+")


def is_host(text: str) -> bool:
    """True for a name in lower case without trailing dot (RFC 1035 §2.3.1, with underscores); not for an address."""
    if not text or len(text) > LENGTH_MAX or not all(_LABEL.match(label) for label in text.split(".")):
        return False
    return not text.rpartition(".")[2].isdigit()


def host_of(text: str) -> str | None:
    """The name in lower case without trailing dot; None if the text is no host name."""
    host = text.removesuffix(".").lower() if len(text) <= LENGTH_MAX + 1 and text.isascii() else ""
    return host if is_host(host) else None


@remembered
def host_from_wire(raw: bytes) -> str | None:
    """The name that a packet gives, in lower case without the trailing dot; None if there is none, or it is an address.

    One with other characters than names have is kept, so that it is seen, in a form that is no name: it fits no rule.
    """
    lower = raw.lower().removesuffix(b".")
    if not lower or len(lower) > LENGTH_MAX:
        return None
    if not _PLAIN.fullmatch(lower):
        return clean("\\" + lower.decode("ascii", "backslashreplace"), LENGTH_MAX)
    text = lower.decode("ascii")
    try:
        parse_address(text)
    except ValueError:
        return text
    return None
