"""Lifecycles as alerts need them: the moment of each watch, and what an alert would say; whole batches as columns."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.vocabulary import STAGE_STATES, STAGES, STATUSES
from stream_jobs.alerts.numbers import NEVER, Index, Marks
from stream_jobs.alerts.watches import LOST, MISSED, SILENT, VILLAGE_LATE, VILLAGE_RISK, WAITING, WATCHES, Patience

STAGE: Final = {stage.name: number for number, stage in enumerate(STAGES)}
ABSENT, DONE, RUNNING = -1, STAGE_STATES.index("done"), STAGE_STATES.index("running")
BOUNDED: Final = STAGE_STATES.index("inferred")
TRIP_STAGES: Final = (("county", "county_out_at"), ("township", "township_out_at"))
"""Stages that begin where a trip should take the parcel on, and the departure that shows it did; the later one wins."""
MOVED, DELIVERED, WITHDRAWN, RETURNED = range(4)
"""Positions in RESOLUTIONS."""


@dataclass(frozen=True)
class Facts:
    """One entry per lifecycle. `moment`: [watch, parcel], NEVER where nothing is watched. `state`: [stage, parcel].

    `stage`: the stage each watch is about; `fate`: why all promises of a parcel end, or -1; `departed`: the trip
    stage it is about was left by a trip. `region`: county, township and village as numbers, 0 where unknown.
    """

    ids: list[bytes]
    version: Index
    judged: Index
    moment: Index
    stage: Index
    state: Index
    scanned: Index
    at_point: Marks
    departed: Marks
    fate: Index
    region: Index
    shown_by: list[str]
    custodian: list[str | None]
    facility: list[str | None]

    def take(self, rows: Index) -> "Facts":
        """The same of some parcels."""
        columns = {name: _taken(value, rows) for name, value in vars(self).items()}
        return Facts(**columns)


def _taken(value: Any, rows: Index) -> Any:  # noqa: ANN401  # a column, in the same shape
    return value[..., rows] if isinstance(value, np.ndarray) else [value[row] for row in rows.tolist()]


@dataclass(frozen=True)
class _Stages:
    """The stage rows of a batch, flat: parcel of each, and its columns."""

    parcel: Index
    stage: Index
    rows: pa.StructArray
    count: int

    def column(self, name: str) -> pa.Array:
        return self.rows.field(name)

    def by_stage(self, values: npt.NDArray[Any], none: int) -> Index:
        """[stage, parcel] of a value per stage row; a stage that is not known here goes to a last row of its own."""
        table = np.full((len(STAGES) + 1, self.count), none, np.int64)
        table[self.stage, self.parcel] = values
        return table


def facts(rows: pa.RecordBatch, patience: Patience) -> Facts:
    """What follows from lifecycles (columns of parcel_lifecycle.avsc), whatever the clock."""
    found = _stages(rows)
    state = found.by_stage(_coded(found.column("state"), STAGE_STATES), ABSENT)
    current = _coded(rows["current_stage"], tuple(STAGE))
    scanned, at_point = _ms(rows["last_scan_at"], 0), _flags(pc.equal(rows["status"], "AT_POINT"))
    moment = np.full((len(WATCHES), rows.num_rows), NEVER)
    stage = np.zeros((len(WATCHES), rows.num_rows), np.int64)
    _village(found, state, moment, stage)
    _silence(current, scanned, patience, moment, stage)
    _waiting(rows, found, state, at_point, patience, moment, stage)
    departed = _missed(rows, found, state, moment, stage)
    fate = _fate(rows)
    moment[:, fate >= 0] = NEVER
    return Facts(
        rows["parcel_id"].cast(pa.binary()).to_pylist(),
        _whole(rows["version"]),
        _ms(rows["judged_at"], 0),
        moment,
        stage,
        state,
        scanned,
        at_point,
        departed,
        fate,
        _regions(found, current),
        rows["shown_by"].to_pylist(),
        rows["custodian"].to_pylist(),
        rows["facility_id"].to_pylist(),
    )


def _stages(rows: pa.RecordBatch) -> _Stages:
    lists = rows["stages"]
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    flat = lists.flatten()
    return _Stages(
        np.repeat(np.arange(rows.num_rows), counts), _coded(flat.field("stage"), tuple(STAGE)), flat, rows.num_rows
    )


def _village(found: _Stages, state: Index, moment: Index, stage: Index) -> None:
    number = STAGE["village_delivery"]
    running = state[number] == RUNNING
    due = found.by_stage(_ms(found.column("deadline_at"), NEVER), NEVER)[number]
    risk = found.by_stage(_ms(found.column("risk_at"), NEVER), NEVER)[number]
    moment[VILLAGE_RISK] = np.where(running, risk, NEVER)
    moment[VILLAGE_LATE] = np.where(running & (due < NEVER), due + 1, NEVER)
    stage[[VILLAGE_RISK, VILLAGE_LATE]] = number


def _silence(current: Index, scanned: Index, patience: Patience, moment: Index, stage: Index) -> None:
    borne = np.append(patience.silence, 0)[current]
    moment[SILENT] = np.where(borne > 0, scanned + borne, NEVER)
    moment[LOST] = np.where(borne > 0, scanned + 2 * borne, NEVER)
    stage[[SILENT, LOST]] = np.maximum(current, 0)


def _waiting(  # one rule reads all of it
    rows: pa.RecordBatch,
    found: _Stages,
    state: Index,
    at_point: Marks,
    patience: Patience,
    moment: Index,
    stage: Index,
) -> None:
    number = STAGE["point_dwell"]
    stored = found.by_stage(_ms(found.column("started_at"), NEVER), NEVER)[number]
    coded = rows["custodian"].dictionary_encode()
    free = [patience.free.get(name, patience.free_elsewhere) for name in coded.dictionary.to_pylist()]
    borne = np.array([*free, patience.free_elsewhere])[_positions(coded)]
    waits = (state[number] == RUNNING) & at_point
    moment[WAITING] = np.where(waits, stored + borne, NEVER)
    stage[WAITING] = number


def _missed(rows: pa.RecordBatch, found: _Stages, state: Index, moment: Index, stage: Index) -> Marks:
    """Fills the watch for missed trips; says which parcels left by one."""
    due = found.by_stage(_ms(found.column("deadline_at"), NEVER), NEVER)
    begun = found.by_stage(_ms(found.column("started_at"), NEVER), NEVER)
    by_trip = found.by_stage(_flags(pc.match_substring(found.column("target"), "@")), 0)
    gone = np.zeros(rows.num_rows, np.bool_)
    for name, departure in TRIP_STAGES:
        number = STAGE[name]
        waits = (state[number] == RUNNING) & (by_trip[number] > 0) & (due[number] < NEVER)
        left = _ms(rows[departure], -1) >= begun[number]
        moment[MISSED] = np.where(waits, np.where(left, NEVER, due[number] + 1), moment[MISSED])
        stage[MISSED] = np.where(waits, number, stage[MISSED])
        gone = np.where(waits, left, gone)
    return gone


def _fate(rows: pa.RecordBatch) -> Index:
    status = _coded(rows["status"], STATUSES)
    back = np.isin(status, [STATUSES.index("RETURNING"), STATUSES.index("RETURNED")])
    handed = _flags(rows["handed_at"].is_valid())
    fate = np.where(back, RETURNED, np.where(handed, DELIVERED, -1))
    return np.where(_flags(rows["gone"]), WITHDRAWN, fate)


def _regions(found: _Stages, current: Index) -> Index:
    """[county, township, village] of the way to the village; where that has not begun, of the stage it is in."""
    chosen = np.full(found.count, -1)
    at = np.arange(len(found.stage))
    here = found.stage == current[found.parcel]
    chosen[found.parcel[here]] = at[here]
    village = found.stage == STAGE["village_delivery"]
    chosen[found.parcel[village]] = at[village]
    names = ("county", "township", "village")
    return np.array([np.append(_numbers(found.column(name)), 0)[chosen] for name in names])


def _numbers(column: pa.Array) -> Index:
    coded = column.dictionary_encode()
    return np.array([*map(int, coded.dictionary.to_pylist()), 0])[_positions(coded)]


def _coded(column: pa.Array, words: tuple[str, ...]) -> Index:
    """Position of each word; -1 for null, and for a word a newer version brought."""
    coded = column.dictionary_encode()
    known = {word: number for number, word in enumerate(words)}
    return np.array([*(known.get(word, -1) for word in coded.dictionary.to_pylist()), -1])[_positions(coded)]


def _positions(coded: pa.DictionaryArray) -> Index:
    found: Index = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy(zero_copy_only=False)
    return found


def _ms(column: pa.Array, none: int) -> Index:
    return _whole(pc.fill_null(column.cast(pa.int64()), none))


def _whole(column: pa.Array) -> Index:
    found: Index = column.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _flags(column: pa.Array) -> Marks:
    found: Marks = pc.fill_null(column, fill_value=False).to_numpy(zero_copy_only=False).astype(np.bool_)
    return found
