"""The alert engine of one partition: lifecycles and sweeps in, alerts out. No Kafka, no Faust, no clock.

A moment that comes between two lifecycles of a parcel is raised before the second ends it, whether a sweep saw it
or not: so the time of sweeps does not decide what was late. A moment that had passed when the parcel's lifecycle
was judged waits for a sweep: what is read in from the past is not raised scan by scan.

A sweep is announced in the changelog before its alerts go out. A worker killed in between leaves alerts that its
state does not know; whoever takes over sweeps once more at the announced instant before reading on, and sends the
same alerts again.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from stream_jobs.alerts.columns import BITS, KEPT, SLOT, Columns, Slots
from stream_jobs.alerts.facts import ABSENT, BOUNDED, DONE, MOVED, STAGE, WITHDRAWN, Facts
from stream_jobs.alerts.numbers import NEVER, Index, Marks
from stream_jobs.alerts.records import Alert, Parcel, adopted, raised, resolved
from stream_jobs.alerts.watches import LOST, MISSED, SILENT, VILLAGE_LATE, VILLAGE_RISK, WAITING, WATCHES, Patience

Changes = list[tuple[bytes, bytes | None]]
ANNOUNCED: Final = b""
"""Key of the changelog record that holds the instant of the last sweep; no parcel has it."""
_TAIL: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass
class Step:
    """What one batch or sweep brought: alerts in the order they happened, and the changelog's records."""

    alerts: list[Alert] = field(default_factory=list)
    changes: Changes = field(default_factory=list)


class Promises:
    """All open parcels of a partition."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._slot: dict[bytes, int] = {}
        self._parcel: list[Parcel | None] = []
        self._spare: list[int] = []
        self._open: dict[int, dict[int, Alert]] = {}
        self._ended: dict[int, dict[str, int]] = {}
        """By slot and alert_id, versions of alerts that ended as a parcel was judged anew with nothing new of it."""
        self._incidents: Counter[str] = Counter()
        self.columns = Columns()
        self._announced = 0
        self._in_doubt = False

    def step(self, facts: Facts) -> Step:
        """Take lifecycles in; the higher version holds, of equal ones the later judged."""
        step, touched = self._settled(), dict[int, None]()
        for rows in _turns(facts.ids):
            touched |= dict.fromkeys(self._take(facts.take(rows), step).tolist())
        step.changes += self._changes(list(touched))
        return step

    def alerts(self) -> list[Alert]:
        """Those that are open."""
        return [alert for held in self._open.values() for alert in held.values()]

    def announce(self, now: int) -> Changes:
        """What the changelog must hold before `sweep(now)`; nothing if that would raise nothing."""
        where, _ = self.columns.ripe(self.columns.due(now), now)
        if not len(where):
            return []
        self._announced = max(now, self._announced)
        return [(ANNOUNCED, str(self._announced).encode())]

    def _settled(self) -> Step:
        """After a recovery: what the last sweep raised, which may not have reached the changelog."""
        return self.sweep(self._announced) if self._in_doubt else Step()

    def sweep(self, now: int) -> Step:
        """Raise what has come due by `now` (epoch ms), and forget what was over long ago."""
        step, self._in_doubt = Step(), False
        due = self.columns.due(now)
        where, watch = self.columns.ripe(due, now)
        self._raise(due[where], watch, step)
        idle = np.setdiff1d(due, due[where])
        step.changes = self._changes(np.unique(due[where]).tolist()) + [self._forget(s) for s in idle.tolist()]
        return step

    def _take(self, facts: Facts, step: Step) -> Index:
        """One lifecycle each of different parcels; gives the slots that changed."""
        slots = np.array([self._slot.get(parcel, -1) for parcel in facts.ids], np.int64)
        held = self.columns.slots[slots]
        known = slots >= 0
        later = (facts.version == held["version"]) & (facts.judged > held["judged"])
        news = np.flatnonzero(np.where(known, (facts.version > held["version"]) | later, ~_over(facts)))
        facts, slots = facts.take(news), slots[news]
        old = np.flatnonzero(slots >= 0)
        self._pass_time(slots[old], facts.judged[old], step)
        self._end(facts.take(old), slots[old], step)
        fresh = np.flatnonzero(slots < 0)
        slots[fresh] = self._new(len(fresh))
        self._write(facts, slots)
        return slots

    def _pass_time(self, slots: Index, until: Index, step: Step) -> None:
        """Raise what came due between the lifecycle known and the one that follows it."""
        where, watch = self.columns.ripe(slots, until, self.columns.slots[slots]["judged"])
        self._raise(slots[where], watch, step)

    def _raise(self, slots: Index, watches: Index, step: Step) -> None:
        found: list[Alert] = []
        for slot, watch in zip(slots.tolist(), watches.tolist(), strict=True):
            parcel = self._parcel[slot]
            if parcel is not None:
                alert = raised(parcel, self.columns.slots[slot], watch, self._patience)
                alert["version"] = max(alert["version"], self._ended.get(slot, {}).get(alert["alert_id"], -1) + 1)
                self._open.setdefault(slot, {})[watch] = alert
                self._incidents[alert["incident_id"]] += 1
                found.append(alert)
        for alert in found:
            alert["parcels"] = self._incidents[alert["incident_id"]]
        np.bitwise_or.at(self.columns.slots["raised"], slots, BITS[watches])
        self.columns.reckon(slots)
        step.alerts += [dict(alert) for alert in found]

    def _end(self, facts: Facts, slots: Index, step: Step) -> None:
        """Resolve alerts whose moment is no more."""
        held = self.columns.slots[slots]
        over = (held["raised"][:, None] & BITS != 0) & (held["moment"] != facts.moment.T)
        why = _resolutions(facts, held)
        for row, watch in zip(*(found.tolist() for found in np.nonzero(over)), strict=True):
            slot = int(slots[row])
            alert = self._open[slot].pop(watch)
            self._incidents -= Counter([alert["incident_id"]])
            end = resolved(alert, int(why[watch, row]), int(facts.judged[row]), int(facts.version[row]))
            step.alerts.append(end)
            if facts.version[row] == held["version"][row]:
                self._ended.setdefault(slot, {})[end["alert_id"]] = end["version"]
            if not self._open[slot]:
                del self._open[slot]
        gone = (over * BITS).sum(axis=1).astype(np.uint8)
        self.columns.slots["raised"][slots] = held["raised"] & ~gone

    def _write(self, facts: Facts, slots: Index) -> None:
        values = np.zeros(len(slots), SLOT)
        values["version"], values["judged"], values["scanned"] = facts.version, facts.judged, facts.scanned
        values["moment"], values["region"], values["stage"] = facts.moment.T, facts.region.T, facts.stage.T
        values["raised"] = self.columns.slots["raised"][slots]
        self.columns.put(slots, values)
        told = zip(facts.ids, slots.tolist(), facts.shown_by, facts.custodian, facts.facility, strict=True)
        for parcel, slot, shown_by, custodian, facility in told:
            self._slot[parcel] = slot
            self._parcel[slot] = Parcel(parcel.decode(), shown_by, custodian, facility)

    def _new(self, many: int) -> Index:
        spare = [self._spare.pop() for _ in range(min(many, len(self._spare)))]
        added = self.columns.add(many - len(spare))
        self._parcel += [None] * len(added)
        return np.array([*spare, *added.tolist()], np.int64)

    def _forget(self, slot: int) -> tuple[bytes, None]:
        parcel = self._parcel[slot]
        key = parcel.parcel_id.encode() if parcel else b""
        self._drop(key)
        return key, None

    def _drop(self, key: bytes) -> None:
        slot = self._slot.pop(key, None)
        if slot is not None:
            self._incidents -= Counter(alert["incident_id"] for alert in self._open.pop(slot, {}).values())
            self._parcel[slot] = None
            self._ended.pop(slot, None)
            self._spare.append(slot)
            self.columns.clear(slot)

    def _changes(self, slots: list[int]) -> Changes:
        size, heads = SLOT.itemsize, self.columns.slots[slots].tobytes()
        found: Changes = []
        for at, slot in enumerate(slots):
            if (parcel := self._parcel[slot]) is not None:
                words: list[Any] = [parcel.shown_by, parcel.custodian, parcel.facility_id, self._open.get(slot, {})]
                words += [self._ended[slot]] if slot in self._ended else []
                head = heads[at * size : (at + 1) * size]
                found.append((parcel.parcel_id.encode(), head + _TAIL.encode(words).encode()))
        return found

    def apply(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Join changelog records in; of two of one parcel the later state holds, so any order and number will do."""
        for key, value in pairs:
            self._in_doubt = True
            if key == ANNOUNCED:
                self._announced = max(int(value or b"0"), self._announced)
            elif value is None:
                self._drop(key)
            else:
                self._join(key, np.frombuffer(value[: SLOT.itemsize], SLOT), json.loads(value[SLOT.itemsize :]))

    def adopt(self, alerts: Iterable[Alert]) -> None:
        """Take open alerts in that are known from elsewhere, where there is no changelog.

        The next lifecycle of each parcel, whatever its version and clock, keeps them open or ends them.
        """
        by_parcel: dict[str, dict[int, Alert]] = {}
        for alert in alerts:
            by_parcel.setdefault(alert["parcel_id"], {})[WATCHES.index((alert["kind"], alert["level"]))] = alert
        for parcel_id, held in by_parcel.items():
            one = next(iter(held.values()))
            tail = [one["shown_by"], one["custodian"], one["facility_id"], held]
            self._join(parcel_id.encode(), adopted(held), tail)

    def _join(self, key: bytes, head: Slots, tail: list[Any]) -> None:
        slot = self._slot.get(key)
        if slot is not None and _age(self.columns.slots[slot]) >= _age(head[0]):
            return
        self._drop(key)
        (slot,) = self._new(1).tolist()
        self._slot[key], self._parcel[slot] = slot, Parcel(key.decode(), *tail[:3])
        self.columns.put(np.array([slot]), head)
        if tail[3]:
            self._open[slot] = {int(watch): alert for watch, alert in tail[3].items()}
            self._incidents.update(alert["incident_id"] for alert in self._open[slot].values())
        if tail[4:]:
            self._ended[slot] = tail[4]


def _over(facts: Facts) -> Marks:
    """Parcels of which nothing is watched that would be forgotten by now: judged anew long after their last scan."""
    idle: Marks = (facts.moment == NEVER).all(axis=0)
    return idle & (facts.scanned + KEPT < facts.judged)


def _age(slot: Slots) -> tuple[int, int, int]:
    """Between two lifecycles alerts are only raised, so more bits are later."""
    return int(slot["version"]), int(slot["judged"]), int(slot["raised"])


def _turns(ids: list[bytes]) -> list[Index]:
    """Row numbers cut so that no parcel comes twice in one part, in order."""
    many: Counter[bytes] = Counter()
    turns: list[list[int]] = []
    for row, parcel in enumerate(ids):
        turn = many[parcel]
        many[parcel] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(row)
    return [np.array(turn, np.int64) for turn in turns]


def _resolutions(facts: Facts, held: Slots) -> Index:
    """[watch, parcel]: how an alert of that watch ends, if it does."""
    ended = np.isin(facts.state, [DONE, BOUNDED])
    delivered = ended[STAGE["village_delivery"]]
    scanned = facts.scanned > held["scanned"]
    taken = (facts.state[STAGE["point_dwell"]] != ABSENT) & ~facts.at_point
    trip = held["stage"][:, MISSED].astype(np.int64)
    moved = np.zeros((len(WATCHES), len(held)), np.bool_)
    moved[[VILLAGE_RISK, VILLAGE_LATE]] = delivered
    moved[[SILENT, LOST]] = scanned
    moved[WAITING] = taken
    moved[MISSED] = ended[trip, np.arange(len(held))] | facts.departed
    why = np.where(moved, MOVED, WITHDRAWN)
    return np.where(facts.fate >= 0, facts.fate, why)
