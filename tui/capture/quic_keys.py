"""The keys of a QUIC client's Initial packets, which whoever sees the first of them can derive (RFC 9001 §5, RFC 9369).

They keep nothing secret: they show that a packet belongs to a connection and was not damaged. Loads ``cryptography``.
"""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SAMPLE_SIZE, NUMBER_MAX = 16, 4
"""Bytes of what protects a header, and of the longest packet number, after which it begins (RFC 9001 §5.4.2)."""


class InitialKeys:
    """Those of one connection."""

    def __init__(self, salt: bytes, label: bytes, connection: bytes) -> None:
        """``salt`` and ``label`` are those of the version, and ``connection`` is the destination connection ID of the
        client's first Initial packet."""
        initial = hmac.digest(salt, connection, "sha256")
        secret = _expanded(initial, b"client in", 32)
        self._protection = Cipher(algorithms.AES(_expanded(secret, label + b"hp", 16)), modes.ECB()).encryptor()  # noqa: S305 - one block, as RFC 9001 §5.4.3 has it
        self._aead = AESGCM(_expanded(secret, label + b"key", 16))
        self._iv = int.from_bytes(_expanded(secret, label + b"iv", 12))

    def opened(self, data: bytes, start: int, number_at: int, end: int) -> bytes | None:
        """What the packet from ``start`` to ``end`` carries, whose packet number is at ``number_at``; None if it was
        sealed with other keys, or is too short.

        A packet number is taken as it is sent: a client's Initial packets are few, and begin with 0 (RFC 9000 §12.3).
        """
        sample_at = number_at + NUMBER_MAX
        if end > len(data) or end < sample_at + SAMPLE_SIZE:
            return None
        mask = self._protection.update(data[sample_at : sample_at + SAMPLE_SIZE])
        first = data[start] ^ mask[0] & 0x0F
        size = (first & 3) + 1
        number = int.from_bytes(data[number_at : number_at + size]) ^ int.from_bytes(mask[1 : 1 + size])
        header = bytes((first,)) + data[start + 1 : number_at] + number.to_bytes(size)
        try:
            return self._aead.decrypt((self._iv ^ number).to_bytes(12), data[number_at + size : end], header)
        except InvalidTag:
            return None


def _expanded(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 §7.1) of at most 32 bytes, with no context."""
    full = b"tls13 " + label
    info = size.to_bytes(2) + bytes((len(full),)) + full + b"\0"
    return hmac.digest(secret, info + b"\x01", "sha256")[:size]
