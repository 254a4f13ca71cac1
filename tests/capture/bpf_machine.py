"""What the kernel does with a classic BPF program (bpf(4), Linux Documentation/networking/filter). Asserts nothing."""

import struct

_PROTOCOL, _PACKET_TYPE = 0xFFFFF000, 0xFFFFF004
_LOADS = {0x20: (4, False), 0x28: (2, False), 0x30: (1, False), 0x40: (4, True), 0x48: (2, True), 0x50: (1, True)}
_WORD = 0xFFFFFFFF


def passed(program: bytes, packet: bytes, protocol: int, kind: int) -> int:
    """How many bytes of the packet are handed over, of this EtherType and this packet type (packet(7))."""
    steps: list[tuple[int, int, int, int]] = list(struct.iter_unpack("=HBBI", program))
    own = {_PROTOCOL: protocol, _PACKET_TYPE: kind}
    a = x = at = 0
    cells = [0] * 16
    while True:
        code, yes, no, k = steps[at]
        at += 1
        if code in _LOADS:
            size, from_x = _LOADS[code]
            if k in own:
                a = own[k]
                continue
            start = k + x if from_x else k
            if start + size > len(packet):
                return 0
            a = int.from_bytes(packet[start : start + size])
        elif code == 0x01:
            x = k
        elif code == 0xB1:
            x = 4 * (packet[k] & 15)
        elif code == 0x02:
            cells[k] = a
        elif code == 0x60:
            a = cells[k]
        elif code == 0x61:
            x = cells[k]
        elif code == 0x54:
            a &= k
        elif code == 0x74:
            a >>= k
        elif code == 0x04:
            a = (a + k) & _WORD
        elif code == 0x0C:
            a = (a + x) & _WORD
        elif code == 0x1C:
            a = (a - x) & _WORD
        elif code == 0x05:
            at += k
        elif code == 0x15:
            at += yes if a == k else no
        elif code == 0x35:
            at += yes if a >= k else no
        elif code == 0x45:
            at += yes if a & k else no
        elif code == 0x06:
            return min(k, len(packet))
        elif code == 0x16:
            return min(a, len(packet))
        else:
            raise ValueError(f"no step has the code {code:#x}")
