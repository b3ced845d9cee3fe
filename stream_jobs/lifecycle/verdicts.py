"""Targets, deadlines and verdicts of the stages that exist; the clock is an argument."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.vocabulary import STAGES, VERDICTS
from stream_jobs.lifecycle.columns import NEVER, Scans
from stream_jobs.lifecycle.milestones import NUMBER, Milestones
from stream_jobs.lifecycle.sides import Sides
from stream_jobs.lifecycle.stages import DONE, RUNNING, STAGE, Stages
from stream_jobs.lifecycle.targets import Plan
from stream_jobs.timeline.pack import SERVICE, TIER
from stream_jobs.timeline.record import Index

VERDICT: Final = {name: code for code, name in enumerate(VERDICTS)}
NONE: Final = -1
STARTS: Final = np.array([NUMBER[stage.start] for stage in STAGES])
"""The milestone each stage begins with."""
AT_POINT: Final = np.isin(np.arange(len(TIER)), [TIER["VILLAGE"], TIER["LOCKER"]])


@dataclass(frozen=True)
class Verdicts:
    """`destination`, `service`: per parcel. The rest per stage row; NEVER or NONE where there is none."""

    destination: Index
    service: Index
    region: Index
    target: Index
    due: Index
    risk: Index
    verdict: Index
    late_until: Index


def verdicts(  # what the rules of section 6 read
    scans: Scans, sides: Sides, found: Milestones, begun: Stages, plan: Plan, now: int
) -> Verdicts:
    """Judge every stage as of `now` (epoch ms)."""
    service = scans.service[scans.last(scans.where(sides.fore & (scans.service > 0)))].astype(np.int64)
    service[service == 0] = SERVICE["STANDARD"]
    destination = destinations(scans, sides)
    taken = scans.region[found.row[NUMBER["collected"]]]
    region = np.where(begun.stage == STAGE["first_mile"], taken[begun.parcel], destination[begun.parcel])
    opened_by = scans.holder[found.row[STARTS[begun.stage], begun.parcel]]
    target = plan.target(begun.stage, service[begun.parcel], region, begun.started, opened_by)
    due = plan.deadline(target, begun.started)
    risk = plan.risk_from(begun.started, due)
    verdict = _judge(begun, due, risk, now)
    late = (verdict == VERDICT["MISSED"]) | (verdict == VERDICT["OVERDUE"])
    until = np.where(late, np.where(begun.state == DONE, begun.ended, now), NEVER)
    return Verdicts(destination, service, region, target, due, risk, verdict, until)


def destinations(scans: Scans, sides: Sides) -> Index:
    """The last destination known among forward scans, else the last village reached on the down side."""
    told = scans.dest[scans.last(scans.where(sides.fore & (scans.dest > 0)))]
    reached = scans.region[scans.last(scans.where(sides.down & AT_POINT[scans.tier]))]
    return np.where(told > 0, told, reached)


def _judge(begun: Stages, due: Index, risk: Index, now: int) -> Index:
    met = (begun.ended <= due) | begun.skewed
    done = np.where(met, VERDICT["MET"], VERDICT["MISSED"])
    waiting = np.where(now >= risk, VERDICT["AT_RISK"], VERDICT["RUNNING"])
    running = np.where(now > due, VERDICT["OVERDUE"], waiting)
    judged = np.where(begun.state == DONE, done, np.where(begun.state == RUNNING, running, NONE))
    return np.where(due < NEVER, judged, NONE)
