"""Stages: how long a parcel was between two milestones, and how that ended (section 6, Stages)."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.vocabulary import MILESTONES, STAGES, Stage
from stream_jobs.lifecycle.columns import NEVER, Marks, Scans, one_of
from stream_jobs.lifecycle.milestones import NUMBER, Milestones
from stream_jobs.lifecycle.sides import Sides
from stream_jobs.timeline.pack import TIER
from stream_jobs.timeline.record import Index

ENDS: Final = one_of("RETURNED", "LOST", "CANCELLED")
STAGE: Final = {stage.name: number for number, stage in enumerate(STAGES)}
DONE, RUNNING, BOUNDED, STOPPED = range(4)
"""Positions in STAGE_STATES; BOUNDED is "inferred": its end was not seen."""
BOUNDING: Final = tuple(n for n, m in enumerate(MILESTONES) if m.name != "returned")


@dataclass(frozen=True)
class Stages:
    """The stages that exist, long form, by parcel then stage; all columns have one entry per stage row.

    `ended` is NEVER and `to` -1 for running and stopped.
    """

    parcel: Index
    stage: Index
    started: Index
    ended: Index
    to: Index
    state: Index
    skewed: Marks


def stages(scans: Scans, sides: Sides, found: Milestones) -> Stages:
    """Every stage of every parcel that has begun."""
    start, end, to = (np.empty((scans.parcels, len(STAGES)), np.int64) for _ in range(3))
    for number, stage in enumerate(STAGES):
        start[:, number] = _started(scans, found, stage)
        end[:, number], to[:, number] = _ended(found.at, stage)
    parcel, which = np.nonzero(start < NEVER)
    started, ended, to = start[parcel, which], end[parcel, which], to[parcel, which]
    state = np.where(ended < NEVER, DONE, np.where(_over(scans, sides)[parcel], STOPPED, RUNNING))
    _bound(found.at, parcel, which, started, ended, to, state)
    skewed = (state == DONE) & (ended < started)
    return Stages(parcel, which, started, ended, to, state, skewed)


def _started(scans: Scans, found: Milestones, stage: Stage) -> Index:
    at = found.at[NUMBER[stage.start]]
    if stage.name != "first_mile":
        return at
    tier = scans.tier[found.row[NUMBER[stage.start]]]
    return np.where((tier == TIER["VILLAGE"]) | (tier == TIER["TOWNSHIP"]), at, NEVER)


def _ended(at: Index, stage: Stage) -> tuple[Index, Index]:
    """Time and number of the first listed end that stands."""
    time, to = np.full(at.shape[1], NEVER), np.full(at.shape[1], -1)
    for name in reversed(stage.to):
        stands = at[NUMBER[name]] < NEVER
        time, to = np.where(stands, at[NUMBER[name]], time), np.where(stands, NUMBER[name], to)
    return time, to


def _over(scans: Scans, sides: Sides) -> Marks:
    """Parcels whose open stages are stopped: going back, returned, lost or cancelled."""
    over: Marks = sides.returning | (scans.first(scans.where(ENDS[scans.act])) < scans.size)
    return over


def _bound(  # the long form's columns, filled in place
    at: Index, parcel: Index, which: Index, started: Index, ended: Index, to: Index, state: Index
) -> None:
    """End a stage whose end was not seen at the earliest later milestone at or after its start."""
    open_rows = np.flatnonzero(ended == NEVER)
    kinds = which[open_rows]
    for number, stage in enumerate(STAGES):
        rows = open_rows[kinds == number]
        later = np.array([m for m in BOUNDING if m > NUMBER[stage.to[0]]])
        if not (len(rows) and len(later)):
            continue
        times = at[later][:, parcel[rows]]
        times = np.where(times >= started[rows], times, NEVER)
        nearest, bound = times.argmin(axis=0), times.min(axis=0)
        seen = bound < NEVER
        ended[rows[seen]], to[rows[seen]] = bound[seen], later[nearest[seen]]
        state[rows[seen]] = BOUNDED
