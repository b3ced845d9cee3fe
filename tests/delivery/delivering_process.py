"""A process that delivers until it is killed: words are the folder, the receiver's port, Alertmanager's URL.

It reads alerts in batches as the role does, from the first on, as one that has committed nothing; after each batch
that is safe it prints how many were taken.
"""

import sys
from pathlib import Path

from sinks.alerts.alert import Alert
from sinks.clickhouse import migrate
from sinks.clickhouse.embedded import ChdbStore
from tests.delivery.alerts import alert, resolved
from tests.delivery.delivering import delivering
from tests.delivery.receiver import Receiver

BATCH = 5
COUNT = 60
OVER = 10
"""Parcels of the first incident, which all move in the end."""


def history() -> list[Alert]:
    """Incidents of ten parcels each; the first one ends."""
    words = [{"alert_id": f"a{n}", "parcel_id": f"sf:SF{n}", "incident_id": f"i{n // OVER}"} for n in range(COUNT)]
    return [*(alert(**some) for some in words), *(resolved(**some) for some in words[:OVER])]


def main(folder: Path, port: int, alertmanager: str) -> None:
    """Take and deliver; goes on waiting once all is taken."""
    store = ChdbStore(folder / "data")
    migrate.apply(store)
    alerts, told = history(), {"url": alertmanager, "resend_seconds": 1}
    webhook = Receiver(port=port).settings(first_wait_seconds=0.01)
    with delivering(folder, store, webhook, alertmanager=told) as desk:
        for start in range(0, len(alerts), BATCH):
            desk.tell(alerts[start : start + BATCH])
            print(f"taken {start + BATCH}", flush=True)  # noqa: T201  # its parent listens
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
