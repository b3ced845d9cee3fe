"""A role of the chain as a process of its own, as `yizhan run` starts it: `benchmarks.chain` does.

Admission and worker are the cluster's own, word for word. The sink is, too, but for its store: chdb in a folder. Told
to stop, it says how long after its publishing each scan, and the parcel with it, could be read.
"""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"

import argparse
import json
import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from time import time
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog

from benchmarks.stream import COUNTY
from schemas.registry import register_all, registry
from sinks.clickhouse import migrate
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.store import Rows
from sinks.clickhouse.writer import Kind, Writer
from sinks.role import SinkRole
from yizhan.cluster.roles import access, read, reference_of, run_admission, run_worker, spoken
from yizhan.cluster.settings import ClusterSettings, read_settings

REGISTRY: Final = "mock://benchmark"
PUBLISHED: Final = {Kind.SCANS: "occurred_at", Kind.LIFECYCLES: "last_scan_at"}
"""In a run that asks for delays a scan occurs when it is published."""


class TimedWriter(Writer):
    """The sink's writer, noting how old rows are once ClickHouse has confirmed them."""

    def __init__(self, store: ChdbStore) -> None:
        super().__init__(store)
        self.delays: dict[str, list[npt.NDArray[np.float64]]] = defaultdict(list)

    def write(self, batches: Iterable[tuple[Kind, Rows]]) -> int:
        """The writer's own, then a look at the clock."""
        whole = list(batches)
        written = super().write(whole)
        now = time() * 1000
        for kind, rows in whole:
            if kind in PUBLISHED and rows.num_rows:
                self.delays[kind.value].append(now - np.asarray(rows[PUBLISHED[kind]].cast(pa.int64())))
        return written

    def told(self, longest: float) -> dict[str, dict[str, float]]:
        """Milliseconds by kind of rows, of those published by this run: no older than `longest` ms."""
        found = {}
        for kind, parts in self.delays.items():
            delays = np.concatenate(parts)
            delays = delays[delays < longest]
            marks = np.percentile(delays, (50, 99, 100)) if len(delays) else [0.0] * 3
            found[kind] = {"rows": len(delays)} | dict(zip(("p50", "p99", "most"), map(round, marks), strict=True))
        return found


def settings(brokers: str) -> ClusterSettings:
    """Of every role."""
    return read_settings(kafka_brokers=brokers, registry_url=REGISTRY, reference=COUNTY, health_port=0)


def run_sink(told: ClusterSettings, folder: Path) -> None:
    """The sink role over chdb; writes delays.json in the folder when it is stopped."""
    kept = ChdbStore(folder / "clickhouse")
    migrate.apply(kept)
    writer = TimedWriter(kept)
    role = SinkRole(writer, spoken(told), patience=told.patience_seconds)
    try:
        read("sink", access(reference_of(told), "yizhan-sink"), role.take, told)
    finally:
        counted = {v: kept.query(f"SELECT count() AS n FROM {v}")["n"][0].as_py() for v in ("scan_events", "parcels")}  # noqa: S608  # our own names
        kept.close()
        (folder / "delays.json").write_text(json.dumps({"delays": writer.told(3e6), "found": counted}), "utf-8")


def main() -> None:
    """Run a role until told to stop."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("role", choices=["admission", "worker", "sink"])
    asked.add_argument("brokers")
    asked.add_argument("folder", type=Path)
    asked.add_argument("--cores", type=int, nargs="+", required=True)
    args = asked.parse_args()
    os.sched_setaffinity(0, args.cores)
    pa.set_cpu_count(len(args.cores))
    register_all(registry(REGISTRY))
    told = settings(args.brokers)
    logging.basicConfig(level=logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if args.role == "sink":
        run_sink(told, args.folder)
    else:
        {"admission": run_admission, "worker": run_worker}[args.role](told)


if __name__ == "__main__":
    main()
