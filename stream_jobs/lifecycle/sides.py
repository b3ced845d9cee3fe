"""Forward, up side, down side: which part of its way a scan belongs to (section 6, Forward and Sides).

Two row numbers per parcel say it all: up side is before `lo`, down side after `hi`, among the forward
scans that take part; where the county is the pivot its own rows may join either.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.vocabulary import ACTIVITIES, COUNTING_GROUPS, GROUP_OF
from stream_jobs.lifecycle.columns import Marks, Scans
from stream_jobs.timeline.pack import ACTIVITY, TIER
from stream_jobs.timeline.record import STARTS_RETURN, Index

COUNTS: Final = np.array([GROUP_OF[name] in COUNTING_GROUPS for name in ACTIVITIES])
BELOW: Final = np.isin(
    np.arange(len(TIER)), [TIER[t] for t in ("ORIGIN_WAREHOUSE", "TOWNSHIP", "VILLAGE", "LOCKER", "DOOR")]
)
COUNTY_DIGITS: Final = 10**6
"""A 12-digit region divided by this leaves its county."""


@dataclass(frozen=True)
class Sides:
    """`fore`, `up`, `down`: marks per row (N+1). `cut`: first row of the return. Per parcel: the rest."""

    fore: Marks
    up: Marks
    down: Marks
    cut: Index
    returning: Marks
    county_up: Marks
    county_down: Marks
    direction: Index


def sides(scans: Scans) -> Sides:
    """Cut off the way back, find the pivot, and sort the forward scans around it."""
    cut = scans.first(scans.where(scans.flags & STARTS_RETURN != 0))
    seg = np.append(scans.seg, 0)
    fore = (scans.pos < cut[seg]) & (scans.pos < scans.size)
    part = fore & COUNTS[scans.act]
    hubs, counties = (part & (scans.tier == TIER[tier]) for tier in ("HUB", "COUNTY"))
    lo, hi, on_county = _pivot(scans, part, hubs, counties)
    county_up, county_down = _county_sides(scans, fore, part, lo, hi, on_county)
    up = part & ((scans.pos < lo[seg]) | (counties & county_up[seg]))
    down = part & ((scans.pos > hi[seg]) | (counties & county_down[seg]))
    direction = _direction(scans, part, up, on_county, county_up, county_down)
    return Sides(fore, up, down, cut, cut < scans.size, county_up, county_down, direction)


def _pivot(scans: Scans, part: Marks, hubs: Marks, counties: Marks) -> tuple[Index, Index, Marks]:
    """First and last row of the pivot's span; without one, all rows lie before it or all after."""
    hub_rows, county_rows = scans.where(hubs), scans.where(counties)
    hub, county = scans.first(hub_rows), scans.first(county_rows)
    taken = (scans.act == ACTIVITY["COLLECTED"]) | (scans.act == ACTIVITY["ACCEPTED"])
    from_below = scans.first(scans.where(part & taken & BELOW[scans.tier])) < scans.size
    none = np.where(from_below, scans.size, -1)
    has_hub, has_county = hub < scans.size, county < scans.size
    lo = np.where(has_hub, hub, np.where(has_county, county, none))
    hi = np.where(has_hub, scans.last(hub_rows), np.where(has_county, scans.last(county_rows), none))
    return lo, hi, has_county & ~has_hub


def _county_sides(
    scans: Scans, fore: Marks, part: Marks, lo: Index, hi: Index, on_county: Marks
) -> tuple[Marks, Marks]:
    """Whether the county pivot's own scans count for the up side, for the down side."""
    below = scans.where(part & BELOW[scans.tier])
    came_up = on_county & (scans.first(below) < lo)
    dest = scans.dest[scans.last(scans.where(fore & (scans.dest > 0)))]
    home = (dest > 0) & (dest // COUNTY_DIGITS == scans.region[lo] // COUNTY_DIGITS)
    goes_down = on_county & (~came_up | (scans.last(below) > hi) | home)
    return came_up, goes_down


def _direction(  # one rule reads all six
    scans: Scans, part: Marks, up: Marks, on_county: Marks, county_up: Marks, county_down: Marks
) -> Index:
    """Position in DIRECTIONS: UNKNOWN 0, UP 1, DOWN 2, LOCAL 3."""
    at_or_below = BELOW[scans.tier] | (scans.tier == TIER["COUNTY"])
    rises = scans.first(scans.where(up & at_or_below)) < scans.size
    known = scans.first(scans.where(part & (scans.tier != TIER["UNKNOWN"]))) < scans.size
    around_county = county_up.astype(np.int64) + 2 * county_down
    return np.where(on_county, around_county, np.where(rises, 1, np.where(known, 2, 0)))
