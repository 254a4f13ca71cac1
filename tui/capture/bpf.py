"""A small assembler for classic BPF (Linux Documentation/networking/filter, linux/bpf_common.h): steps, and names to
jump to, become what the kernel takes. Pure.

Jumps only go forward. A name may be given to several places: a jump goes to the next one that has it.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

SOCK_FILTER = struct.Struct("=HBBI")
"""struct sock_filter: code, jump if true, jump if false, operand."""
PROTOCOL, PACKET_TYPE = 0xFFFFF000, 0xFFFFF004
"""What ``word`` loads of the packet's own record, not of its bytes: SKF_AD_PROTOCOL and SKF_AD_PKTTYPE."""
_NEXT = ""
_FARTHEST = 0xFF


class Step(NamedTuple):
    """One instruction; a jump goes to the place with the name, or to the next step."""

    code: int
    operand: int = 0
    yes: str = _NEXT
    no: str = _NEXT


def word(at: int) -> Step:
    """A = the four bytes at a place, counted from the start of the network header. Bytes that are not there end the
    program, and the packet does not pass; so do they in every other load."""
    return Step(0x20, at)


def half(at: int) -> Step:
    """A = two bytes."""
    return Step(0x28, at)


def byte(at: int) -> Step:
    """A = one byte."""
    return Step(0x30, at)


def word_from_x(at: int) -> Step:
    """A = four bytes, counted from X."""
    return Step(0x40, at)


def half_from_x(at: int) -> Step:
    """A = two bytes, counted from X."""
    return Step(0x48, at)


def byte_from_x(at: int) -> Step:
    """A = one byte, counted from X."""
    return Step(0x50, at)


def x_is(value: int) -> Step:
    """X = a number."""
    return Step(0x01, value)


def x_is_ipv4_header() -> Step:
    """X = the length of the IPv4 header that the packet starts with, options included."""
    return Step(0xB1, 0)


def store(cell: int) -> Step:
    """One of 16 cells = A."""
    return Step(0x02, cell)


def recall(cell: int) -> Step:
    """A = a cell."""
    return Step(0x60, cell)


def x_recall(cell: int) -> Step:
    """X = a cell."""
    return Step(0x61, cell)


def masked(mask: int) -> Step:
    """A &= a number."""
    return Step(0x54, mask)


def shifted_right(bits: int) -> Step:
    """A >>= a number."""
    return Step(0x74, bits)


def plus(value: int) -> Step:
    """A += a number (mod 2^32)."""
    return Step(0x04, value)


def plus_x() -> Step:
    """A += X (mod 2^32)."""
    return Step(0x0C)


def minus_x() -> Step:
    """A -= X (mod 2^32)."""
    return Step(0x1C)


def equals(value: int, yes: str = _NEXT, no: str = _NEXT) -> Step:
    """Is A this number?"""
    return Step(0x15, value, yes, no)


def at_least(value: int, yes: str = _NEXT, no: str = _NEXT) -> Step:
    """Is A, unsigned, this number or more?"""
    return Step(0x35, value, yes, no)


def has_any(bits: int, yes: str = _NEXT, no: str = _NEXT) -> Step:
    """Is one of these bits set in A?"""
    return Step(0x45, bits, yes, no)


def go(to: str) -> Step:
    """Jump, however far."""
    return Step(0x05, 0, to)


def passes(size: int) -> Step:
    """The end: so many bytes pass at the most; 0 is none of it."""
    return Step(0x06, size)


def passes_a() -> Step:
    """The end: A bytes pass at the most."""
    return Step(0x16)


def assemble(lines: Sequence[Step | str]) -> bytes:
    """The program as an array of struct sock_filter; a line that is text names the step after it.

    :raises ValueError: if a jump leads to no later place, or a conditional one farther than 255 steps
    """
    built, places = list[bytes](), dict[str, int]()
    for line in reversed(lines):
        if isinstance(line, str):
            places[line] = len(built)
        else:
            built.append(_encoded(line, len(built), places))
    return b"".join(reversed(built))


def _encoded(step: Step, after: int, places: dict[str, int]) -> bytes:
    """``after`` steps follow this one; places are counted from the end too."""

    def distance(name: str) -> int:
        if name == _NEXT:
            return 0
        if name not in places:
            raise ValueError(f"no step below is called {name!r}")
        return after - places[name]

    yes, no = distance(step.yes), distance(step.no)
    if step.code == go("").code:
        return SOCK_FILTER.pack(step.code, 0, 0, yes)
    if max(yes, no) > _FARTHEST:
        raise ValueError(f"{step} jumps over {max(yes, no)} steps, {_FARTHEST} are possible")
    return SOCK_FILTER.pack(step.code, yes, no, step.operand)
