"""The project's stable hash over again, one string at a time in plain Python."""

from collections.abc import Iterator
from typing import Final

WORD: Final = 2**64
STEP: Final = 0x9E3779B97F4A7C15
MIX: Final = 0xFF51AFD7ED558CCD


def mixed(word: int) -> int:
    """Half of MurmurHash3's finaliser."""
    word = (word ^ word >> 32) * MIX % WORD
    return word ^ word >> 32


def hashed(text: str | bytes) -> int:
    """64 bits of a text."""
    data = text.encode() if isinstance(text, str) else text
    found = mixed((len(data) + STEP) % WORD)
    for word in _words(data):
        found = mixed((found + STEP) % WORD ^ word)
    return found


def identity(source: str, event_id: str) -> int:
    """64 bits of a scan's (source, event_id): its place among scans of one instant and activity."""
    return mixed((hashed(event_id) + hashed(source) * STEP) % WORD)


def _words(data: bytes) -> Iterator[int]:
    return (int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8))
