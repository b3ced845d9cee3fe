"""The ClickHouse sink, free of Kafka: records in, confirmed rows out.

Guarantee: at least once, and no reader sees it. The order is

1. write rows (idempotent key: a scan's waybill, source and event_id; a parcel's parcel_id; a letter's source
   and letter_id; an alert's alert_id)
2. confirm: every insert has returned
3. commit offsets: the caller's, and only after `write` returned

Stopped anywhere before 3, the same records come again; rows written twice are one row to every view, and a record
that is older than what is stored changes nothing. So the batches may also come in any order.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

import pyarrow as pa

from sinks.clickhouse import rows
from sinks.clickhouse.store import Rows, Store


class Kind(StrEnum):
    """What a topic carries."""

    SCANS = "scans"
    LIFECYCLES = "lifecycles"
    DEAD_LETTERS = "dead_letters"
    ALERTS = "alerts"


TABLES: Final[Mapping[Kind, tuple[str, Callable[[Rows], pa.RecordBatch]]]] = {
    Kind.SCANS: ("stored_scans", rows.scans),
    Kind.LIFECYCLES: ("stored_parcels", rows.lifecycles),
    Kind.DEAD_LETTERS: ("stored_dead_letters", rows.dead_letters),
    Kind.ALERTS: ("stored_alerts", rows.alerts),
}


class Writer:
    """Writes records into a store whose migrations are applied."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, batches: Iterable[tuple[Kind, Rows]]) -> int:
        """Write the batches, one insert per kind; how many rows, all confirmed.

        Raises `BadRows` for records that are not the kind's and `StoreError` if an insert was not confirmed: then
        some kinds may be written and none may be committed.
        """
        whole = list(batches)
        found = [(TABLES[kind], _together(kind, whole)) for kind in Kind]
        ready = [(table, make(records)) for (table, make), records in found if records.num_rows]
        for table, batch in ready:
            self._store.insert(table, batch)
        return sum(batch.num_rows for _, batch in ready)


def _together(kind: Kind, batches: Iterable[tuple[Kind, Rows]]) -> pa.Table:
    tables = [
        pa.Table.from_batches([records]) if isinstance(records, pa.RecordBatch) else records
        for of, records in batches
        if of is kind
    ]
    return pa.concat_tables(tables) if tables else pa.table({})
