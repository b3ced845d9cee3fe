"""Quix Streams: a stateful update, its state in RocksDB and in a changelog topic.

BROKERS TOPIC SCHEMA EVENTS WARM_UP GROUP FOLDER
"""

import sys
from pathlib import Path
from typing import Any

from quixstreams import Application

from benchmarks.peers.life import join
from benchmarks.peers.python_peer import Meter, decoder

PATIENCE_S = 60.0


def main(brokers: str, topic: str, schema: str, events: int, warm_up: int, group: str, folder: str) -> None:
    """Work through so many scans, commit, report."""
    meter, decode = Meter(warm_up), decoder(Path(schema))
    app = Application(
        broker_address=brokers,
        consumer_group=group,
        auto_offset_reset="earliest",
        state_dir=folder,
        loglevel="WARNING",
    )
    scans = app.dataframe(app.topic(topic, key_deserializer="str", value_deserializer="bytes"))

    def live(value: bytes, state: Any) -> None:  # noqa: ANN401  # Quix's
        meter.count()
        life, changed = join(state.get("life"), decode(value))
        if changed:
            state.set("life", life)

    app.run(scans.update(live, stateful=True), count=events, timeout=PATIENCE_S)
    meter.report()


if __name__ == "__main__":
    brokers, topic, schema, events, warm_up, group, folder = sys.argv[1:]
    main(brokers, topic, schema, int(events), int(warm_up), group, folder)
