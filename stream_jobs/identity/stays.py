"""The scans of one parcel of several waybills or containers, gathered (section 6, Groups)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from stream_jobs.identity.facts import IN_CONTAINER, Fact, standing
from stream_jobs.lifecycle.columns import NEVER, withdrawn
from stream_jobs.timeline.pack import ACTIVITY
from stream_jobs.timeline.record import Index, Rows, empty, read

BAGGED: Final = ACTIVITY["BAGGED"]
UNBAGGED: Final = ACTIVITY["UNBAGGED"]


class Gathered(NamedTuple):
    """Scans of one parcel: `member` is a position in `speakers`; a container's come standing already."""

    rows: Rows
    member: Index
    own: np.ndarray[tuple[int], np.dtype[np.bool_]]
    speakers: list[bytes]


class Stay(NamedTuple):
    """A container held the parcel from `since` until `until`, both included (epoch ms)."""

    label: bytes
    since: int
    until: int


def gather(members: list[bytes], timelines: Mapping[bytes, bytes], facts: Iterable[Fact]) -> Gathered:
    """All scans that count for the parcel of these waybills."""
    own = {waybill: read(timelines.get(waybill, b"")) for waybill in members}
    links = {(f.owner, f.id): f.target for f in standing(facts) if f.relation == IN_CONTAINER}
    around = _around(members, {w: _standing(rows) for w, rows in own.items()}, timelines, links)
    parts = [*own.values(), *around.values()]
    return Gathered(
        np.concatenate([*parts, empty()]),
        np.repeat(np.arange(len(parts)), [len(rows) for rows in parts]),
        np.repeat([True] * len(own) + [False] * len(around), [len(rows) for rows in parts]),
        [*own, *around],
    )


def _around(
    members: list[bytes],
    own: Mapping[bytes, Rows],
    timelines: Mapping[bytes, bytes],
    links: Mapping[tuple[bytes, int], bytes],
) -> dict[bytes, Rows]:
    """The scans of containers, each within the parcel's stays in it."""
    if not links:
        return {}
    labels = {label: _standing(read(timelines.get(label, b""))) for label in set(links.values())}
    found: dict[bytes, list[Rows]] = {}
    for stay in _all_stays(members, own, labels, links):
        rows = labels[stay.label]
        inside = (rows["at"] >= stay.since) & (rows["at"] <= stay.until)
        found.setdefault(stay.label, []).append(rows[inside])
    return {label: np.concatenate(parts) for label, parts in found.items()}


def _standing(rows: Rows) -> Rows:
    keep = ~withdrawn(rows, np.zeros(len(rows), np.int64)) & (rows["act"] != ACTIVITY["RETRACTED"])
    return rows[keep]


def _all_stays(
    members: list[bytes],
    own: Mapping[bytes, Rows],
    labels: Mapping[bytes, Rows],
    links: Mapping[tuple[bytes, int], bytes],
) -> set[Stay]:
    """Stays of the parcel, and of its containers in others within them."""
    new = list(_stays(members, own, labels, links))
    found: set[Stay] = set()
    while new:
        stay = new.pop()
        if stay in found or stay.since > stay.until:
            continue
        found.add(stay)
        around = _stays([stay.label], labels, labels, links)
        new += [Stay(outer.label, max(stay.since, outer.since), min(stay.until, outer.until)) for outer in around]
    return found


def _stays(
    speakers: list[bytes],
    own: Mapping[bytes, Rows],
    labels: Mapping[bytes, Rows],
    links: Mapping[tuple[bytes, int], bytes],
) -> Iterator[Stay]:
    for speaker in speakers:
        rows = own[speaker]
        for row in rows[rows["act"] == BAGGED]:
            label = links.get((speaker, int(row["id"])))
            if label is not None and label not in speakers:
                ends = [*_unbagged(speakers, own, labels, links, label), *_opened(label, labels, links)]
                since = int(row["at"])
                yield Stay(label, since, min((at for at in ends if at > since), default=NEVER))


def _unbagged(
    speakers: list[bytes],
    own: Mapping[bytes, Rows],
    labels: Mapping[bytes, Rows],
    links: Mapping[tuple[bytes, int], bytes],
    label: bytes,
) -> Iterator[int]:
    """When the parcel was taken out of this container, or of whatever it lay in."""
    for speaker in speakers:
        rows = own[speaker]
        for row in rows[rows["act"] == UNBAGGED]:
            # a label that was opened as a whole lies where it lay: only naming its container takes it out
            unnamed = None if speaker in labels else label
            if links.get((speaker, int(row["id"])), unnamed) == label:
                yield int(row["at"])


def _opened(label: bytes, labels: Mapping[bytes, Rows], links: Mapping[tuple[bytes, int], bytes]) -> Iterator[int]:
    """When the container itself was opened as a whole."""
    rows = labels[label]
    for row in rows[rows["act"] == UNBAGGED]:
        if (label, int(row["id"])) not in links:
            yield int(row["at"])
