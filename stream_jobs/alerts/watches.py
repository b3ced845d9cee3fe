"""What is watched of every open parcel: a fixed column for each kind and level of alert."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.promises import ADVICE, FREE_HOURS, SILENCE_HOURS
from schemas.reference import Reference
from schemas.targets import ANY
from schemas.vocabulary import STAGES
from stream_jobs.alerts.numbers import Index

HOUR: Final = 3_600_000
WATCHES: Final = tuple(ADVICE)
"""(kind, level) of each column."""
VILLAGE_RISK, VILLAGE_LATE, SILENT, LOST, WAITING, MISSED = range(len(WATCHES))
STRICT: Final = np.array([n in {VILLAGE_LATE, MISSED} for n in range(len(WATCHES))])
"""Late is after the deadline, not at it: the watch's moment is a millisecond behind it."""
PROMISED: Final = (VILLAGE_LATE, VILLAGE_LATE, None, None, WAITING, MISSED)
"""Whose moment is the deadline an alert of each watch speaks of."""


@dataclass(frozen=True)
class Patience:
    """How long is borne: ms of silence by stage (position in STAGES; 0: not watched), of waiting by operator.

    `window`: alerts of one kind, place and custodian that begin in one window are one incident; windows begin at
    the county's midnight.
    """

    silence: Index
    free: Mapping[str, int]
    free_elsewhere: int
    window: int = 24 * HOUR
    zone: int = 8 * HOUR


def patience(reference: Reference) -> Patience:
    """What the files say, else the defaults."""
    silence = reference.silence or SILENCE_HOURS
    free = {operator: hours * HOUR for operator, hours in reference.free_time.items()}
    by_stage = np.array([silence.get(stage.name, 0) * HOUR for stage in STAGES], np.int64)
    return Patience(by_stage, free, free.get(ANY, FREE_HOURS * HOUR))
