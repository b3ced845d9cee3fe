"""Small tangled worlds, made from a few numbers each: fast enough for hundreds of thousands of them.

Only what decides identity varies: who scanned which number when, what it linked, named, withdrew. Each scan of a
world is one number of 40 bits, so that a world that fails shrinks scan by scan.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from stream_jobs.identity.limits import Limits
from stream_jobs.identity.state import Step, Timelines
from stream_jobs.lifecycle.columns import withdrawn
from stream_jobs.timeline.pack import ACTIVITY, PIECE_OF, RELATION, Link, Packed
from stream_jobs.timeline.record import LINKS, SCAN
from stream_jobs.timeline.union import content
from tests.core.plain_hash import hashed, identity

Scan = dict[str, Any]
Message = tuple[bytes, Any]
"""Receiver, and what it is told."""
HALF: Final = 0.5
BEGIN: Final = 1_772_380_800_000
DAY: Final = 24 * 3_600_000
NUMBERS: Final = [("zto", "1"), ("sf", "2"), ("china-post", "3"), ("yunda", "5"), ("joint", "BAG1"), ("joint", "TRIP2")]
SOURCES: Final = ["zto", "joint", "sf", "china-post"]
ACTS: Final = ["ARRIVED", "BAGGED", "UNBAGGED", "DELIVERED", "BAGGED", "HANDED_OVER", "DEPARTED", "RETRACTED"]
RELATIONS: Final = ["HANDED_OVER", "HANDED_OVER", "RETURN", "PIECE_OF"]
DAYS: Final = [0, 0, 0, 0, 0, 1, 100, 190, 250, 400, 580, 1000]
"""Most scans fall into one day; a number may come back after months or years."""


class Digits:
    """Takes a number apart, one choice after the other."""

    def __init__(self, number: int) -> None:
        self._rest = number

    def of(self, choices: int) -> int:
        """One of so many."""
        self._rest, chosen = divmod(self._rest, choices)
        return chosen

    def one(self, choices: Sequence[Any]) -> Any:  # noqa: ANN401  # of whatever kind
        """One of these."""
        return choices[self.of(len(choices))]


def world(numbers: Sequence[int]) -> list[Scan]:
    """The scans that these numbers stand for; some are copies of others that say something else."""
    scans: list[Scan] = []
    for place, number in enumerate(numbers):
        digits = Digits(number)
        waybill = NUMBERS[digits.of(6) % (3 + digits.of(4))]
        scan = {"issuer": waybill[0], "tracking_number": waybill[1], "source": digits.one(SOURCES)}
        if scans and digits.of(8) == 0:
            copied = digits.one(scans)
            scan = {name: copied[name] for name in ("issuer", "tracking_number", "source", "event_id")}
        scan = {"event_id": f"e{place}"} | scan | _told(digits, scans)
        if any(key(other) != key(scan) for other in scans if _identity(other) == _identity(scan)):
            scan["event_id"] = f"e{place}"  # an id belongs to one number
        scans.append(scan)
    return scans


def _identity(scan: Scan) -> tuple[str, str]:
    return scan["source"], scan["event_id"]


def _told(digits: Digits, scans: list[Scan]) -> Scan:
    activity = digits.one(ACTS)
    named = digits.one(scans) if scans else None
    at = BEGIN + digits.one(DAYS) * DAY + digits.of(12) * 600_000
    told = {
        "activity": activity,
        "occurred_at": at,
        "received_at": BEGIN + digits.of(8),
        "link": None,
        "retracts": None,
    }
    if activity == "RETRACTED":
        if named:
            told |= {"retracts": named["event_id"]}
            if digits.of(4):
                told |= {name: named[name] for name in ("issuer", "tracking_number", "source")}
        return told
    bagging = activity in {"BAGGED", "UNBAGGED"}
    if digits.of(4) == 0 and not bagging:
        return told | {"link": _link(digits.one(NUMBERS), digits.one(RELATIONS))}
    if bagging and digits.of(5):
        return told | {"link": _link(digits.one([*NUMBERS[4:], *NUMBERS[4:], *NUMBERS[2:5]]), "IN_CONTAINER")}
    return told


def _link(number: tuple[str, str], relation: str) -> Scan:
    return {"issuer": number[0], "tracking_number": number[1], "relation": relation}


def key(scan: Scan) -> str:
    """issuer:number."""
    return f"{scan['issuer']}:{scan['tracking_number']}"


def packed(scans: Sequence[Scan]) -> Packed:
    """The scans as a batch, without the columns that decide nothing here."""
    rows, links = np.zeros(len(scans), SCAN), []
    keys = sorted({key(scan) for scan in scans})
    for row, scan in enumerate(scans):
        rows[row]["id"] = identity(scan["source"], scan["event_id"])
        rows[row]["at"], rows[row]["received"] = scan["occurred_at"], scan["received_at"]
        rows[row]["act"] = ACTIVITY[scan["activity"]]
        rows[row]["source"] = hashed(scan["source"]) & 0xFFFFFFFF
        named = identity(scan["source"], scan["retracts"]) if scan["retracts"] else int(rows[row]["id"])
        rows[row]["ref"] = named & 0xFFFFFFFF
        link = scan["link"]
        if link and link["relation"] != "PIECE_OF" and key(link) != key(scan):
            stated = Link(row, key(link).encode(), RELATION[link["relation"]])
            assert stated.relation != PIECE_OF
            rows[row]["flags"], rows[row]["link"] = LINKS, stated.mark
            links.append(stated)
    waybill = np.array([keys.index(key(scan)) for scan in scans], np.int64)
    return Packed(rows, waybill, [k.encode() for k in keys], tuple(links))


def rank(scan: Scan) -> int:
    """Which of two copies received in the same millisecond counts."""
    return int(content(packed([scan]).rows)[0])


class _Input(NamedTuple):
    """A batch that a worker took, and how long its changelog was before."""

    written: int
    scans: list[Scan]
    told: list[Message]


@dataclass
class Partitions:
    """Workers that hand each other messages in random order, some twice, some late, and now and then restart."""

    count: int
    random: random.Random
    limits: Limits = field(default_factory=Limits)
    restarts: bool = False

    def __post_init__(self) -> None:
        self.states = [Timelines(self.limits) for _ in range(self.count)]
        self.logs: list[list[tuple[bytes, bytes | None]]] = [[] for _ in range(self.count)]
        self.inputs: list[list[_Input]] = [[] for _ in range(self.count)]
        self.under_way: list[Message] = []
        self.found: dict[str, tuple[int, list[str], set[int]]] = {}

    def home(self, waybill: bytes) -> int:
        """Which partition keeps a waybill."""
        return sum(waybill) % self.count

    def take(self, scans: Sequence[Scan]) -> None:
        """A batch of scans, cut up by partition."""
        for number in range(self.count):
            mine = [scan for scan in scans if self.home(key(scan).encode()) == number]
            if mine:
                self._join(number, mine, [])

    def deliver(self, share: float = 1.0) -> None:
        """Hand out a share of the messages under way, some of them twice."""
        messages = self.under_way + [m for m in self.under_way if self.random.random() < 0.25]
        self.random.shuffle(messages)
        now = max(1, int(len(messages) * share)) if messages else 0
        self.under_way = messages[now:]
        for number in range(self.count):
            mine = [message for message in messages[:now] if self.home(message[0]) == number]
            if mine:
                self._join(number, [], mine)
                if self.restarts and self.random.random() < 0.4:
                    self.restart(number)

    def restart(self, number: int) -> None:
        """Rebuild a partition's state from its changelog, read twice and in any order."""
        records = self.logs[number] + self.random.sample(self.logs[number], len(self.logs[number]) // 3)
        self.random.shuffle(records)
        self.states[number] = Timelines(self.limits)
        self.states[number].apply(records)

    def kill(self, number: int) -> None:
        """What a worker sent of its last batches got out, its state did not: they are read again, cut otherwise."""
        inputs, log = self.inputs[number], self.logs[number]
        begin = self.random.randrange(len(inputs) + 1)
        again, self.inputs[number] = inputs[begin:], inputs[:begin]
        del log[again[0].written if again else len(log) :]
        self.restart(number)
        scans = [scan for one in again for scan in one.scans]
        messages = [message for one in again for message in one.told]
        if self.random.random() < HALF:
            self._join(number, [], messages)
            messages = []
        while scans:
            size = self.random.choice([1, 2, 5, 20])
            self._join(number, scans[:size], [])
            del scans[:size]
        self._join(number, [], messages)

    def settle(self) -> None:
        """Until nothing is under way."""
        while self.under_way:
            self.deliver(self.random.random())

    def _join(self, number: int, scans: list[Scan], told: list[Message]) -> None:
        if scans or told:
            self.inputs[number].append(_Input(len(self.logs[number]), scans, told))
            self._keep(number, self.states[number].step(packed(scans) if scans else None, told))

    def _keep(self, number: int, step: Step) -> None:
        self.under_way += step.told
        self.logs[number] += step.changed.items()
        for name, version, waybills, ids in parcels(step):
            known = self.found.get(name)
            # of equal versions the later judged one stays
            if known is None or known[0] <= version:
                self.found[name] = version, waybills, ids

    def parcels(self) -> list[tuple[str, list[str], set[int]]]:
        """What a sink shows: id, waybills, and the ids of the scans that count."""
        return sorted((name, waybills, ids) for name, (_, waybills, ids) in self.found.items() if ids)


def parcels(step: Step) -> Iterator[tuple[str, int, list[str], set[int]]]:
    """Id, version, waybills and standing scans of each parcel derived; none if it is gone."""
    rows, found = step.parcels.rows, step.parcels
    alive = ~withdrawn(rows, found.member) & (rows["act"] != ACTIVITY["RETRACTED"])
    for number, name in enumerate(step.identity.ids):
        mine = alive & (found.parcel == number)
        ids = set(rows["id"][mine].tolist()) if (mine & found.own).any() else set()
        waybills = [waybill.decode() for waybill in step.identity.waybills[number]]
        yield name.decode(), int(step.identity.version[number]), waybills, ids
