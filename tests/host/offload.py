"""Switch segmentation offload of an interface, as `ethtool -K DEVICE tso off gso off` does (linux/ethtool.h)."""

import ctypes
import fcntl
import socket
import struct

_SIOCETHTOOL = 0x8946
_SET_TCP_SEGMENTATION, _SET_SEGMENTATION = 0x1F, 0x24


def set_offload(device: str, on: bool) -> None:
    """Of a device in the namespace that the calling thread is in. Off, each packet is one segment, as without offload
    on a card. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for command in (_SET_TCP_SEGMENTATION, _SET_SEGMENTATION):
            value = ctypes.create_string_buffer(struct.pack("=II", command, on), 8)
            fcntl.ioctl(asked, _SIOCETHTOOL, struct.pack("16sP16x", device.encode(), ctypes.addressof(value)))
