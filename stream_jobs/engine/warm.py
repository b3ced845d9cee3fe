"""Compile all loops now: `python -m stream_jobs.engine.warm`, for images, whose first worker should not wait.

What is compiled is kept beside its source, or in NUMBA_CACHE_DIR where that cannot be written to.
"""

import json
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from schemas.blobs import Blobs, Records
from schemas.log.build import built
from schemas.log.partitions import partitions_of
from schemas.log.stretches import batch_of
from schemas.log.whole import WholeBatch
from schemas.records import RECORDS
from schemas.wire import Codec
from stream_jobs.timeline.record import SCAN, read
from stream_jobs.timeline.union import content, union

ID: Final = 1
NOTHING: Final[dict[str, Any]] = {"string": "", "long": 0, "int": 0, "boolean": False, "double": 0.0, "bytes": b""}


def warm_up() -> int:
    """Build, read and decode a record of each kind, and join scans; gives the number of kinds."""
    for record in RECORDS.values():
        codec = Codec(record, ID)
        rows = codec.decode(codec.encode([_emptiest(record.schema)])).rows
        values = codec.encode_blobs(rows)
        for pairs in (Records.of([(b"key", None)]), Records(Blobs.of([b"key"]), values)):
            partitions_of(pairs.keys, 1)
            for made in built(pairs):
                codec.decode(_read(made._build()))  # noqa: SLF001  # as aiokafka's sender asks for it
    for rows in (np.zeros(1, SCAN), read(bytes(SCAN.itemsize))):  # as made here, and as read out of bytes
        content(union(rows, np.zeros(1, np.int64))[0])
        content(rows)
    return len(RECORDS)


def _read(data: memoryview) -> Blobs:
    record: Any = SimpleNamespace(value=WholeBatch(data), topic="", partition=0)
    return Blobs.of(batch_of([record], 0, 1).values)


def _emptiest(schema: Any) -> Any:  # noqa: ANN401  # the JSON of a schema, and a value of it
    if isinstance(schema, list):
        return None
    if isinstance(schema, str):
        return NOTHING[schema]
    if schema["type"] == "record":
        return {field["name"]: _emptiest(field["type"]) for field in schema["fields"]}
    return {**NOTHING, "array": [], "map": {}}[schema["type"]]


if __name__ == "__main__":
    print(json.dumps({"records": warm_up()}))  # noqa: T201  # the command's answer
