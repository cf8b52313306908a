"""Documents as they lie in the database: the received bytes, compressed without loss.

The dictionary is fixed, public Open Badges boilerplate. One trained on real credentials would
compress better and keep pieces of people's data for ever, out of reach of an erasure.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import zstandard

from registry.formats.strict_json import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

# The first byte of every stored document names its dictionary: a new one gets a new number, and
# the old file stays, so that old rows can be read for ever.
_DICTIONARY = 1
_LEVEL = 3
# From so many on it pays to hand them over together.
_MANY = 8


def pack(document: bytes) -> bytes:
    return bytes((_DICTIONARY,)) + _compressor().compress(document)


def pack_all(documents: Sequence[bytes]) -> list[bytes]:
    """The same for many, in one call that leaves the interpreter to other threads meanwhile."""
    if len(documents) < _MANY:
        return [pack(document) for document in documents]
    prefix = bytes((_DICTIONARY,))
    packed = _compressor().multi_compress_to_buffer(list(documents), threads=1)
    return [
        prefix + segment.tobytes() for segment in (packed[place] for place in range(len(packed)))
    ]


def unpack(stored: bytes) -> bytes:
    """Raises zstandard.ZstdError where the stored bytes are damaged."""
    return _decompressor().decompress(stored[1:], max_output_size=MAX_FILE_BYTES)


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    name = f"open_badges_{_DICTIONARY}.txt"
    content = resources.files("anchor_service").joinpath("data", name).read_bytes()
    dictionary = zstandard.ZstdCompressionDict(content, zstandard.DICT_TYPE_RAWCONTENT)
    dictionary.precompute_compress(level=_LEVEL)
    return dictionary


class _Own(threading.local):
    """Of each thread: one coder works on one document at a time, and lets others run meanwhile."""

    compressor: zstandard.ZstdCompressor | None = None
    decompressor: zstandard.ZstdDecompressor | None = None


_own = _Own()


def _compressor() -> zstandard.ZstdCompressor:
    if _own.compressor is None:
        _own.compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary())
    return _own.compressor


def _decompressor() -> zstandard.ZstdDecompressor:
    if _own.decompressor is None:
        _own.decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary())
    return _own.decompressor
