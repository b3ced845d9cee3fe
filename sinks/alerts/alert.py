"""An alert as its record says, one object each: alerts are few, scans are many."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson
import pyarrow as pa

RAISED: Final = "RAISED"
RESOLVED: Final = "RESOLVED"
_INSTANTS: Final = ("raised_at", "deadline_at", "resolved_at")


@dataclass(frozen=True)
class Alert:
    """A row of parcel_alert.avsc; times in epoch ms. `parcel_id` is empty where a place is meant."""

    alert_id: str
    kind: str
    level: str
    state: str
    parcel_id: str
    shown_by: str
    stage: str
    raised_at: int
    deadline_at: int | None
    resolved_at: int | None
    resolution: str | None
    custodian: str | None
    facility_id: str | None
    county: str | None
    township: str | None
    village: str | None
    parcels: int
    incident_id: str
    advice: str
    version: int

    def message_id(self, turn: int = 1) -> str:
        """The same for every copy of what is told: receivers drop repeats by it. `turn`: which of its times it is."""
        return f"{self.alert_id}/{self.level}/{self.state}" + (f"/{turn}" if turn > 1 else "")

    def told(self) -> dict[str, Any]:
        """As programs read it: times as ISO text in UTC, the version left out."""
        words = {name: value for name, value in asdict(self).items() if name != "version"}
        return words | {name: _iso(words[name]) for name in _INSTANTS}

    def text(self) -> str:
        """One line that `read` understands."""
        return orjson.dumps(asdict(self)).decode()


KEPT_READ: Final = 20_000
FIELDS: Final = tuple(field.name for field in fields(Alert))


@lru_cache(maxsize=KEPT_READ)
def read(text: str) -> Alert:
    """An alert from its one line; those that stand open are asked for again and again."""
    return Alert(**orjson.loads(text))


def alerts(rows: pa.RecordBatch | pa.Table) -> list[Alert]:
    """Alerts of decoded records, in order."""
    table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
    for name in _INSTANTS:
        at = table.column(name).cast(pa.timestamp("ms", table.schema.field(name).type.tz)).cast(pa.int64())
        table = table.set_column(table.schema.get_field_index(name), name, at)
    return [Alert(**row) for row in table.select(list(FIELDS)).to_pylist()]


def _iso(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
