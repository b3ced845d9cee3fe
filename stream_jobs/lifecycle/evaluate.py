"""All rules in the order they build on each other: timelines in, lifecycles out."""

from dataclasses import dataclass

import numpy as np

from stream_jobs.lifecycle.columns import NEVER, Parcels, Scans, standing
from stream_jobs.lifecycle.custody import Custody, Overruns, custody, overruns
from stream_jobs.lifecycle.milestones import Milestones, milestones
from stream_jobs.lifecycle.sides import Sides, sides
from stream_jobs.lifecycle.stages import Stages, stages
from stream_jobs.lifecycle.status import statuses
from stream_jobs.lifecycle.targets import Plan
from stream_jobs.lifecycle.verdicts import Verdicts, verdicts
from stream_jobs.timeline.record import Index


@dataclass(frozen=True)
class Lifecycles:
    """Everything that follows from the scans of a batch of parcels, as columns, judged at `now`."""

    now: int
    scans: Scans
    sides: Sides
    milestones: Milestones
    stages: Stages
    verdicts: Verdicts
    status: Index
    custody: Custody
    overruns: Overruns


def lifecycles(parcels: Parcels, plan: Plan, now: int) -> Lifecycles:
    """The pure core: no Kafka, Faust, clock or metrics below this line. `now`: epoch ms."""
    scans = standing(parcels)
    around = sides(scans)
    found = milestones(scans, around)
    begun = stages(scans, around, found)
    judged = verdicts(scans, around, found, begun, plan, now)
    held = custody(scans)
    late = np.flatnonzero(judged.late_until < NEVER)
    behind = overruns(held, late, begun.parcel[late], judged.due[late], judged.late_until[late])
    status = statuses(scans, around, found)
    return Lifecycles(now, scans, around, found, begun, judged, status, held, behind)
