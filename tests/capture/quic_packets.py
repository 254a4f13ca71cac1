"""QUIC packets as a client seals them (RFC 9000 §17.2, RFC 9001 §5, RFC 9369 §3). Asserts nothing.

Keys are derived with ``cryptography``'s own HKDF, so that the product's derivation is not checked with itself.
"""

from dataclasses import dataclass
from itertools import pairwise

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

V1, V2 = 0x00000001, 0x6B3343CF
INITIAL, ZERO_RTT, HANDSHAKE = range(3)
"""Long packet types of version 1; those of version 2 are one higher."""
PING, PADDING = b"\x01", b"\x00"
ACK = b"\x02\x00\x00\x00\x00"
CLOSE = b"\x1c\x00\x00\x00"
SERVER = bytes.fromhex("8394c8f03e515708")
"""The connection ID by which a client calls the server first."""
_SALTS = {V1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", V2: "0dede3def700a6db819381be6e269dcbf9bd2ed9"}


def number(value: int) -> bytes:
    """An integer of variable length in its shortest form (RFC 9000 §16)."""
    for bits, size in enumerate((1, 2, 4, 8)):
        if value < 1 << 8 * size - 2:
            return (value | bits << 8 * size - 2).to_bytes(size)
    raise ValueError(value)


def crypto(data: bytes, offset: int = 0) -> bytes:
    """A CRYPTO frame (RFC 9000 §19.6)."""
    return b"\x06" + number(offset) + number(len(data)) + data


def cut(hello: bytes, *at: int) -> list[bytes]:
    """CRYPTO frames that together carry a hello, cut at these places."""
    edges = [0, *at, len(hello)]
    return [crypto(hello[begin:end], begin) for begin, end in pairwise(edges)]


@dataclass(frozen=True)
class Client:
    """A client that begins a connection."""

    version: int = V1
    keys_of: bytes = SERVER
    """The connection ID from which its keys come."""

    def sealed(
        self, frames: bytes, *, to: bytes | None = None, kind: int = INITIAL, packet: int = 0, number_size: int = 4,
        token: bytes = b"", size: int = 0, salted_as: int | None = None,
    ) -> bytes:  # fmt: skip
        """A packet, padded to ``size`` bytes; ``to`` is the connection ID in its header."""
        server = self.keys_of if to is None else to
        bits = kind + (self.version == V2)
        first = 0xC0 | bits << 4 | number_size - 1
        start = bytes([first]) + self.version.to_bytes(4) + bytes([len(server)]) + server + b"\x00"
        start += number(len(token)) + token if kind == INITIAL else b""
        frames += PADDING * max(4, size - len(start) - 2 - number_size - len(frames) - 16)
        length = number_size + len(frames) + 16
        header = start + (0x4000 | length).to_bytes(2) + packet.to_bytes(number_size)
        key, iv, protection = self._keys(salted_as or self.version)
        nonce = (int.from_bytes(iv) ^ packet).to_bytes(12)
        whole = bytearray(header + AESGCM(key).encrypt(nonce, frames, header))
        at = len(header) - number_size
        mask = Cipher(algorithms.AES(protection), modes.ECB()).encryptor().update(bytes(whole[at + 4 : at + 20]))
        whole[0] ^= mask[0] & 0x0F
        for n in range(number_size):
            whole[at + n] ^= mask[1 + n]
        return bytes(whole)

    def _keys(self, version: int) -> tuple[bytes, bytes, bytes]:
        extract = HMAC(bytes.fromhex(_SALTS[version]), hashes.SHA256())
        extract.update(self.keys_of)
        secret = _expanded(extract.finalize(), "client in", 32)
        prefix = "quicv2 " if version == V2 else "quic "
        return (_expanded(secret, prefix + "key", 16), _expanded(secret, prefix + "iv", 12),
                _expanded(secret, prefix + "hp", 16))  # fmt: skip


def _expanded(secret: bytes, label: str, size: int) -> bytes:
    name = f"tls13 {label}".encode()
    info = size.to_bytes(2) + bytes([len(name)]) + name + b"\x00"
    return HKDFExpand(hashes.SHA256(), size, info).derive(secret)
