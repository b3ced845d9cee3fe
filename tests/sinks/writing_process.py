"""A process that writes batch after batch and says each that was confirmed, until it is killed."""

import sys
from pathlib import Path

from sinks.clickhouse import migrate
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.writer import Kind, Writer
from tests.sinks.records import scan, table

ROWS = 20_000


def main() -> None:
    """Write to the folder given, with event_id as the batch's number and the tracking number as the row's."""
    store = ChdbStore(Path(sys.argv[1]))
    migrate.apply(store)
    writer, number = Writer(store), int(sys.argv[2])
    rows = [scan(tracking_number=f"N{n}") for n in range(ROWS)]
    while True:
        batch = table("scan_event", [row | {"event_id": f"b{number}"} for row in rows])
        sys.stdout.write(f"begin {number}\n")
        sys.stdout.flush()
        writer.write([(Kind.SCANS, batch)])
        sys.stdout.write(f"done {number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main()
