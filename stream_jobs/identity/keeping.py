"""The changelog's records: small parts, so that what did not change is not written again.

| key | value |
|---|---|
| waybill | its own timeline; of a tangled one also what it stated and its channels; or its farewell (leaving.py) |
| waybill, NUL, `p`, other | a profile it knows |
| waybill, NUL, `t`, other | a timeline it knows |
| NUL, `e`, edition | says that all of the partition was judged by this edition of targets |

Each part joins by itself: the own timeline by union, sets by union, profiles and timelines by who knows more.
"""

import struct
from typing import Final

from stream_jobs.identity.knowledge import Knowledge, Stated

HEAD: Final = struct.Struct("<IH")
"""Of a waybill's own record: bytes of its timeline, and how often the number has left the state."""
TURN: Final = struct.Struct("<H")
"""Before a profile or a timeline of another: how often the number had left then."""
FIRST_TURN: Final = TURN.pack(0)
TAIL: Final = struct.Struct("<qIII")
STATED: Final = struct.Struct("<qQqIBIH")
NAME: Final = struct.Struct("<H")
PROFILE: Final = b"\0p"
TIMELINE: Final = b"\0t"
REVIEWED: Final = b"\0e"
SEPARATOR: Final = b"\0"
SAYS_NOTHING: Final = bytes(20)
"""The value of what its key says whole: to a worker of before an empty timeline of nobody, which it passes over."""


def mark(edition: bytes) -> tuple[bytes, bytes]:
    """The record that says that all of the partition was judged by this edition."""
    return REVIEWED + edition, SAYS_NOTHING


def core(own: bytes, known: Knowledge, turn: int = 0) -> bytes:
    """A tangled waybill's own record. Which root was told is not kept: after a restart it is told once more."""
    begins = TAIL.pack(known.offset, known.lives, len(known.stated), len(known.channels))
    tail = known.tail
    if tail is None or not tail.startswith(begins):
        known.tail = tail = _tail(known, begins)  # sets only grow, so as large is the same
    return HEAD.pack(len(own), turn) + own + tail


def _tail(known: Knowledge, tail: bytes) -> bytes:
    for s in sorted(known.stated) if len(known.stated) > 1 else known.stated:
        tail += STATED.pack(*s[:6], len(s.target)) + s.target
    for name in sorted(known.channels) if len(known.channels) > 1 else known.channels:
        tail += NAME.pack(len(name)) + name
    return tail


def join_tail(known: Knowledge, value: bytes) -> None:
    """Take in what a record says beyond the timeline."""
    size, _ = HEAD.unpack_from(value)
    at = HEAD.size + size
    offset, lives, many_stated, many_channels = TAIL.unpack_from(value, at)
    at += TAIL.size
    stated, channels = [], []
    for _ in range(many_stated):
        received, number, moment, source, relation, mark, length = STATED.unpack_from(value, at)
        at += STATED.size + length
        stated.append(Stated(received, number, moment, source, relation, mark, value[at - length : at]))
    for _ in range(many_channels):
        (length,) = NAME.unpack_from(value, at)
        at += NAME.size + length
        channels.append(value[at - length : at])
    known.stated |= frozenset(stated)
    known.channels |= frozenset(channels)
    known.lives, known.offset = max(known.lives, lives), max(known.offset, offset)
    known.forget_answers()
