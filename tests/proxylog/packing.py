"""Pack and unpack as the commands do that rotate logs, by the end of the name that they give."""

import gzip
import lzma
import sys
from collections.abc import Callable, Mapping

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_CHECKED: Mapping[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda text: gzip.compress(text, 1),
    ".xz": lambda text: lzma.compress(text, preset=0),
    ".zst": lambda text: zstd.compress(text, options=_CHECKED),
}
UNPACK: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.decompress, ".xz": lzma.decompress, ".zst": zstd.decompress}
