"""A worker process whose agent fails at a record `poison`. Arguments: broker address, job name."""

import logging
import sys

from faust.types import StreamT

from stream_jobs.engine import RecordBatch, build_app, run_worker
from tests.engine.broker import PARTITIONS


def main(address: str, name: str) -> None:
    app = build_app(
        name, address, partitions=PARTITIONS, commit_interval=0.2, broker_session_timeout=4.0, standby_replicas=0
    )

    @app.agent(app.batches(f"{name}.left", f"{name}.right"), name="join")
    async def join(stream: StreamT[RecordBatch]) -> None:
        async for batch in stream:
            if b"poison" in batch.values:
                raise LookupError("poison")

    logging.basicConfig(level=logging.WARNING)
    run_worker(app)


if __name__ == "__main__":
    main(*sys.argv[1:])
