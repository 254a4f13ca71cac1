"""Which file a file is, and how far it was read. Pure.

Its name does not tell: logs are renamed, copied, compressed. Device and inode are not enough: inodes are used again,
and files are cut and written anew. So what was read is remembered by digests of its beginning and of its end, which the
file must still bear.
"""

from hashlib import blake2b
from typing import NamedTuple

SAMPLE = 1_024
"""Bytes that are looked at, at the beginning of a file and before the place where reading goes on."""
_SIZES = (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, SAMPLE)
_DIGEST = 8


class Mark(NamedTuple):
    """Where one file is to be read on; to be committed together with what its lines gave."""

    device: int
    inode: int
    """0 where the file holds something else by now: only a copy or an archive of it can be read on."""
    offset: int
    """Bytes of text, unpacked where the file is an archive; always the beginning of a line, but at the end of a file
    that was given up with its last line unfinished."""
    head: bytes
    """Digests of the first 16, 32 … 1024 bytes, as far as they were read."""
    tail: bytes
    """A digest of the last 1024 bytes before the offset, or of as many as there are."""
    directory: bytes
    """Where the file was last seen."""
    ended: bool
    """True for an archive that was read to its end, or was there before anything was followed."""


def head_of(first: bytes) -> bytes:
    """Digests of how a file begins, which grow with it: one file's are a part of another's where it may be its copy."""
    return b"".join(_digest(first[:size]) for size in _SIZES if size <= len(first))


def tail_of(before: bytes) -> bytes:
    """A digest of what stands before a place, given the last ``SAMPLE`` bytes or as many as there are."""
    return _digest(before)


def alike(one: bytes, other: bytes) -> bool:
    """True if two heads may be of one text, as far as both reach; what is shorter than all sizes is like nothing."""
    shared = min(len(one), len(other))
    return shared > 0 and one[:shared] == other[:shared]


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST).digest()
