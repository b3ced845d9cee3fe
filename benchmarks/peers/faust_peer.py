"""faust-streaming as published: an agent over events(), a table in memory with its changelog.

BROKERS TOPIC SCHEMA EVENTS WARM_UP APP_ID FOLDER
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import faust

from benchmarks.peers.life import join
from benchmarks.peers.python_peer import Meter, decoder
from schemas.topics import PARTITIONS


def build(brokers: str, topic: str, schema: str, events: int, warm_up: int, app_id: str, folder: str) -> faust.App:
    """The app; it ends the process once all is flushed and committed."""
    meter, decode = Meter(warm_up), decoder(Path(schema))
    app: Any = faust.App(
        app_id,
        broker=f"kafka://{brokers}",
        datadir=folder,
        store="memory://",
        topic_partitions=PARTITIONS,
        web_enabled=False,
        topic_disable_leader=True,
        broker_commit_livelock_soft_timeout=600,
    )
    raw = {"key_serializer": "raw", "value_serializer": "raw"}
    scans = app.topic(topic, key_type=bytes, value_type=bytes, **raw)
    lives = app.Table("lives", partitions=PARTITIONS, key_type=str)

    async def finish() -> None:
        await app.producer.flush()
        await app.topics.commit(app.consumer.assignment())
        meter.report()
        os._exit(0)

    async def live(stream: Any) -> None:  # noqa: ANN401  # Faust's
        async for event in stream.events():
            meter.count()
            parcel = event.key.decode()
            life, changed = join(lives.get(parcel), decode(event.value))
            if changed:
                lives[parcel] = life
            if meter.seen == events:
                app.ending = asyncio.ensure_future(finish())

    app.agent(scans)(live)
    return app


if __name__ == "__main__":
    brokers, topic, schema, events, warm_up, app_id, folder = sys.argv[1:]
    sys.argv = [*sys.argv[:1], "worker", "-l", "warn", "--without-web"]
    build(brokers, topic, schema, int(events), int(warm_up), app_id, folder).main()
