"""Milestones: one row of vocabulary/milestones.csv per rule, one look-up table for all of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.vocabulary import MILESTONES, Milestone
from stream_jobs.lifecycle.columns import Marks, Scans
from stream_jobs.lifecycle.sides import Sides
from stream_jobs.timeline.pack import ACTIVITY, TIER
from stream_jobs.timeline.record import Index

NUMBER: Final = {m.name: number for number, m in enumerate(MILESTONES)}
SIGNS_OF_LIFE: Final = ("ACCEPTED", "WAREHOUSED", "ARRIVED", "DEPARTED")
"""Without a COLLECTED, the first of these stands for it."""
INFERRED: Final = len(MILESTONES)
"""The bit of the look-up table that marks the signs of life."""


def _table() -> npt.NDArray[np.uint32]:
    """[activity, tier] to one bit per milestone whose activities and tiers fit."""
    table = np.zeros((len(ACTIVITY), len(TIER)), np.uint32)
    for number, milestone in enumerate(MILESTONES):
        tiers = [TIER[t] for t in milestone.tiers or TIER]
        for activity in milestone.activities:
            table[ACTIVITY[activity], tiers] |= np.uint32(1 << number)
    for activity in SIGNS_OF_LIFE:
        table[ACTIVITY[activity]] |= np.uint32(1 << INFERRED)
    return table


TABLE: Final = _table()


@dataclass(frozen=True)
class Milestones:
    """`row`, `at`: [milestone, parcel]; row N or -1 and time NEVER where it does not stand."""

    row: Index
    at: Index
    collected_inferred: Marks


def milestones(scans: Scans, sides: Sides) -> Milestones:
    """Every milestone of every parcel."""
    fits = TABLE[scans.act, scans.tier]
    fits[-1] = 0
    row = np.empty((len(MILESTONES), scans.parcels), np.int64)
    for number, milestone in enumerate(MILESTONES):
        candidates = _in_scope(scans, sides, scans.where((fits & (1 << number)) != 0), milestone, row)
        row[number] = scans.first(candidates) if milestone.take == "first" else scans.last(candidates)
        row[number][row[number] < 0] = scans.size
    inferred = _infer_collected(scans, sides, fits, row[NUMBER["collected"]])
    return Milestones(row, scans.at[row], inferred)


def _in_scope(scans: Scans, sides: Sides, rows: Index, milestone: Milestone, found: Index) -> Index:
    if milestone.scope == "all":
        return rows
    if milestone.scope == "after_origin_out":
        return _after_origin_out(scans, sides, rows, found[NUMBER["origin_out"]])
    return rows[{"forward": sides.fore, "up": sides.up, "down": sides.down}[milestone.scope][rows]]


def _after_origin_out(scans: Scans, sides: Sides, rows: Index, origin_out: Index) -> Index:
    """Forward rows behind the departure from the first hub, at another facility than that one."""
    left = origin_out[scans.seg[rows]]
    return rows[sides.fore[rows] & (rows > left) & (scans.fac[rows] != scans.fac[left])]


def _infer_collected(scans: Scans, sides: Sides, fits: npt.NDArray[np.uint32], collected: Index) -> Marks:
    """Fill `collected` in place where only a sign of life stands; says for which parcels."""
    signs = scans.first(scans.where(sides.fore & (fits & (1 << INFERRED) != 0)))
    inferred = (collected == scans.size) & (signs < scans.size)
    collected[inferred] = signs[inferred]
    return inferred
