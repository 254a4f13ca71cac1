"""Host names and host patterns in one normal form. Resolves nothing."""

from functools import lru_cache

import idna

from tui.model.host import is_host


@lru_cache(maxsize=65536)
def normalise_host(text: str) -> str:
    """Lower case, IDNA 2008 with UTS 46 mapping (RFC 5891), without the trailing dot.

    :raises ValueError: if the text is no host name (RFC 1035 §2.3.1, with underscores), in a sentence
    """
    host = text.strip().removesuffix(".")
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError as error:
            raise ValueError(f"{text!r} is no host name: {error}") from error
    host = host.lower()
    if host.rpartition(".")[2].isdigit():
        raise ValueError(f"{text!r} is no host name: no top-level domain is a number, and addresses go by network")
    if not is_host(host):
        raise ValueError(f"{text!r} is no host name")
    return host


def normalise_pattern(text: str) -> str:
    """A host, or ``*.`` and a host of at least two labels, in normal form.

    :raises ValueError: if the text is neither
    """
    if not text.startswith("*."):
        if "*" in text:
            raise ValueError(f"{text!r}: a wildcard stands only in front, as in *.example.com")
        return normalise_host(text)
    below = normalise_host(text[2:])
    if "." not in below:
        raise ValueError(f"{text!r} would match everything below {below}: name at least two labels after the wildcard")
    return "*." + below


def matches(pattern: str, host: str) -> bool:
    """True if a normalised host fits a normalised pattern: ``*.x`` fits what is below ``x``, not ``x`` itself."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
