"""What happens to good bytes on the way from somebody who means harm. Always the same for the same chance."""

import random
import struct
from collections.abc import Callable, Sequence

_NUMBERS = (0, 1, 2, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF, 0x100, 0x3FFF, 0x4000, 0x7FFF, 0x8000, 0xC00C, 0xFFFE, 0xFFFF)


def mutated(chance: random.Random, good: Sequence[bytes]) -> bytes:
    """One of them with one to four things done to it; one in 16 stays as it is."""
    data = bytearray(chance.choice(good))
    for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4))):
        chance.choice(_WAYS)(chance, data, good)
        if not data:
            break
    return bytes(data)


def _flip(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    data[chance.randrange(len(data))] = chance.randrange(256)


def _truncate(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[chance.randrange(len(data)) :]


def _insert(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice((chance.randbytes(chance.randint(1, 16)), bytes([chance.randrange(256)]) * 64))


def _remove(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 16)]


def _repeat(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = chance.randrange(len(data))
    part = data[at : at + chance.randint(1, 64)]
    data[at:at] = part * chance.choice((1, 2, 8, chance.choice((1, 1, 1, 256))))


def _splice(chance: random.Random, data: bytearray, good: Sequence[bytes]) -> None:
    other = chance.choice(good)
    data[chance.randrange(len(data)) :] = other[chance.randrange(len(other)) :]


def _length(chance: random.Random, data: bytearray, _: Sequence[bytes]) -> None:
    """Two or three bytes, which may be a length or a pointer, become another number, or one that is nearly right."""
    size = chance.choice((2, 2, 3))
    if len(data) >= size:
        at = chance.randrange(len(data) - size + 1)
        now = int.from_bytes(data[at : at + size])
        number = chance.choice((chance.choice(_NUMBERS), now + chance.randint(-2, 2), len(data) - at))
        data[at : at + size] = (number % (1 << 8 * size)).to_bytes(size)


_WAYS: Sequence[Callable[[random.Random, bytearray, Sequence[bytes]], None]] = (
    _flip, _flip, _set, _truncate, _insert, _remove, _repeat, _splice, _length, _length,
)  # fmt: skip


def dns_attack(chance: random.Random) -> bytes:
    """An answer whose names point at each other, deep, or astray and round and round; with as many records as it says,
    or fewer."""
    count, astray = chance.choice((1, 4, 40, 200)), chance.choice((0.0, 0.0, 0.02, 0.2))
    claimed = 0xFFFF if chance.random() < astray else count
    data, names = bytearray(struct.pack("!6H", 1, 0x8180, 1, claimed, 0, 0)), list[int]()
    _add_name(chance, data, names, astray)
    data += struct.pack("!HH", chance.choice((1, 28)), 1)
    for _ in range(count):
        _add_name(chance, data, names, astray)
        kind = chance.choice((1, 1, 5, 5, 5, 28))
        data += struct.pack("!HHIH", kind, 1, chance.choice((0, 60, 1 << 31, 0xFFFFFFFF)), 0)
        begun = len(data)
        if kind == 5:
            _add_name(chance, data, names, astray)
        else:
            data += bytes(4 if kind == 1 else 16)
        size = 0xFFFF if chance.random() < astray else len(data) - begun
        data[begun - 2 : begun] = struct.pack("!H", size)
    return bytes(data)


def _add_name(chance: random.Random, data: bytearray, names: list[int], astray: float) -> None:
    """Labels, and an end or a pointer: to an earlier name, or anywhere."""
    begun = len(data)
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, chance.choice((2, 60)) if len(names) < 2 else 1))):
        data += chance.choice((b"\1a", b"\1b", b"\1b", b"\1\0", b"\3a.b", b"\4\x1b[2J"))
    if chance.random() < astray:
        data += b"\x3f" + chance.randbytes(63)
    if chance.random() < astray:
        data += struct.pack("!H", 0xC000 | chance.choice((begun, begun + 1, len(data), chance.randrange(1 << 14))))
    elif names and begun < 1 << 14:
        data += struct.pack("!H", 0xC000 | (names[-1] if chance.random() < 0.1 else chance.choice(names[:4])))
    else:
        data += b"\0"
    if begun < 1 << 14:
        names.append(begun)
