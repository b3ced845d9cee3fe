"""The desk at the end of the webhook: each message held against what must be told, by a clock that is turned."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from standardwebhooks import Webhook

from tests.alerts.rounds import RAISED, Notice
from tests.alerts.simulated import Alarm
from tests.delivery.receiver import Answer, Receiver


class Key(NamedTuple):
    """What a message is about."""

    alarm: Alarm
    state: str


class Stuck(TimeoutError):
    """What had to come did not."""


@dataclass
class Desk(Receiver):
    """Ids of each thing told, with the instant at which each came first; `lacking`: what is due and has not come."""

    now: int = 0
    told: dict[Key, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    lacking: set[Key] = field(default_factory=set)
    repeats: int = 0
    patience: float = 120.0

    def take(self, headers: dict[str, str], text: bytes) -> Answer:
        """Verify, note."""
        data: dict[str, Any] = Webhook(self.secret).verify(text, headers)["data"]
        began = time_of(data["raised_at"])
        key = Key((data["kind"], data["level"], data["parcel_id"], began), data["state"])
        with self.changed:
            known = self.told[key]
            self.repeats += headers["webhook-id"] in known
            known.setdefault(headers["webhook-id"], self.now)
            self.lacking.discard(key)
            self.changed.notify_all()
        return 204, {}

    def expect(self, now: int, keys: Collection[Key]) -> None:
        """The clock is about to show `now`, when these are due."""
        with self.changed:
            self.now = now
            self.lacking |= {key for key in keys if key not in self.told}

    def until_lacking(self, most: int = 0) -> None:
        """Wait until at most so many are lacking; `Stuck`."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.lacking) <= most, self.patience):
                raise Stuck(f"{len(self.lacking)} were not told, such as {sorted(self.lacking)[:3]}")


@dataclass
class Verdict:
    """The account. `late`: parcels that missed their village's deadline; `alerts`, `ends`: what had to be told.

    `missing`, `doubled` (under two ids), `false` (never due, or not yet) and `groups_wrong` must be 0. `repeats`: one
    message again under its id, as a courier's death may cause; `groups_looked_at`: incidents that Alertmanager held
    whenever it was asked. `latest_after_s`: seconds of the turned clock from when an alert could be known to its
    arrival. `stuck`: what the run waited for in vain.
    """

    parcels: int = 0
    scans: int = 0
    late: int = 0
    alerts: int = 0
    ends: int = 0
    missing: int = 0
    doubled: int = 0
    false: int = 0
    repeats: int = 0
    latest_after_s: float = 0.0
    groups_looked_at: int = 0
    groups_wrong: int = 0
    instants: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    stuck: str = ""

    @property
    def exact(self) -> bool:
        """Whether all was told, once, in time, and nothing else."""
        wrong = self.missing or self.doubled or self.false or self.groups_wrong or self.stuck
        return not wrong and self.latest_after_s <= LATEST_S


LATEST_S = 60.0


def reckon(verdict: Verdict, due: Mapping[Key, Notice], desk: Desk) -> None:
    """Hold what was told against what was due."""
    raised = {key: notice for key, notice in due.items() if key.state == RAISED}
    verdict.alerts, verdict.ends = len(raised), len(due) - len(raised)
    verdict.late = len({a.alarm[2] for a in raised if a.alarm[:2] == ("VILLAGE_LATE", "OVERDUE")})
    verdict.missing = len(due.keys() - desk.told.keys())
    verdict.doubled = sum(len(ids) > 1 for ids in desk.told.values())
    first = {key: min(ids.values()) for key, ids in desk.told.items()}
    verdict.false = sum(key not in due or at < due[key].at for key, at in first.items())
    after = [first[key] - notice.since for key, notice in raised.items() if key in first]
    verdict.latest_after_s, verdict.repeats = max(after, default=0) / 1000, desk.repeats


def time_of(text: str) -> int:
    """Epoch ms of a time as messages write it."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
