"""Contents that are stored compressed: gzip, as ``Content-Encoding`` says, never more than a limit."""

from __future__ import annotations

import gzip
import zlib

_GZIP = frozenset({"gzip", "x-gzip"})
_UNKNOWN = frozenset({"br", "compress", "x-compress", "deflate", "zstd", "dcb", "dcz", "aes128gcm", "exi"})
"""Codings that change the bytes (IANA, HTTP Content Coding Registry); other words are somebody's mistake."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def decode_content(encoding: str, raw: bytes, *, max_size: int) -> bytes:
    """Return the content of an object.

    Raises:
        ValueError: It cannot be read, or has more than ``max_size`` bytes; the text says which.
    """
    if not _is_gzip(encoding):
        return raw
    unpacking = zlib.decompressobj(_GZIP_WINDOW)
    try:
        data = unpacking.decompress(raw, max_size + 1)
    except zlib.error as error:
        raise ValueError("its Content-Encoding is gzip, and its content is not") from error
    if len(data) > max_size:
        raise ValueError(f"it has more than {max_size} bytes when it is unpacked")
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("its gzip content is not one whole member")
    return data


def encode_content(encoding: str, data: bytes) -> bytes:
    """Return the content as it is stored; the same content gives the same bytes."""
    return gzip.compress(data, mtime=0) if _is_gzip(encoding) else data


def _is_gzip(encoding: str) -> bool:
    codings = [coding.strip().lower() for coding in encoding.split(",")]
    known = [coding for coding in codings if coding in _GZIP]
    unknown = [coding for coding in codings if coding in _UNKNOWN]
    if unknown or len(known) > 1:
        raise ValueError(f"its Content-Encoding is {encoding}; store it plain or as gzip")
    return bool(known)
