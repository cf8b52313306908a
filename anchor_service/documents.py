"""Documents as they lie in the database: the received bytes, compressed without loss.

The dictionary is fixed, public Open Badges boilerplate. One trained on real credentials would
compress better and keep pieces of people's data for ever, out of reach of an erasure.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import zstandard

from registry.strict_json import MAX_FILE_BYTES

# The first byte of every stored document names its dictionary: a new one gets a new number, and
# the old file stays, so that old rows can be read for ever.
_DICTIONARY = 1
_LEVEL = 3


def pack(document: bytes) -> bytes:
    return bytes((_DICTIONARY,)) + _compressor().compress(document)


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


@cache
def _compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary())


@cache
def _decompressor() -> zstandard.ZstdDecompressor:
    return zstandard.ZstdDecompressor(dict_data=_dictionary())
