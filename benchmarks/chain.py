"""The whole chain, from an ingress topic to rows in ClickHouse: `python -m benchmarks.chain [--json FILE]`.

Kafka, admission, worker and sink share the cores named. Throughput: scans in Avro are laid into a network's topic
while admission is held up; the clock runs from its release until all roles have committed all there is. Delay: scans
published at a steady rate, until they, and their parcels with them, can be read in ClickHouse (chdb).
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep, time
from typing import Any, Final

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaException, Producer
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from benchmarks.chain_role import settings
from benchmarks.growth import scans
from benchmarks.job_process import SOURCE, spoken
from benchmarks.stream import stream
from schemas.topics import LIFECYCLE, LINKS, SCANS, all_topics, ingress
from yizhan.cluster.access import role_access
from yizhan.cluster.clients import librdkafka
from yizhan.cluster.lag import Onlooker
from yizhan.cluster.roles import reference_of
from yizhan.cluster.topics import Topics
from yizhan.servers import Kafka

INGRESS: Final = ingress("CARRIER", "sf").name
TRACKS: Final = [topic.name for topic in SCANS.values()]
STAGES: Final = (
    ("admission", [INGRESS]),
    ("worker", [*TRACKS, LINKS.name]),
    ("sink", [*TRACKS, LIFECYCLE.name]),
)
"""In this order: what one has committed is what the next has to do."""
RATES: Final = (1_000, 5_000, 20_000)
WARM_UP: Final = 20_000
PIECE: Final = 20_000
"""Messages laid into the topic at once."""
LOOK_S: Final = 0.2
TICK_S: Final = 0.02
PATIENCE_S: Final = 600.0
PARCELS: Final = 50_000
Figures = dict[str, Any]


class Chain:
    """The roles as processes over running brokers."""

    def __init__(self, brokers: str, folder: Path, cores: Sequence[str]) -> None:
        self.told = settings(brokers)
        self._words = [brokers, str(folder), "--cores", *cores]
        self._onlooker = Onlooker(librdkafka(self.told))
        self._kinds = {n.network: n.kind for n in reference_of(self.told).networks.values()}
        self._groups = {stage: role_access(self._kinds)[f"yizhan-{stage}"].group for stage, _ in STAGES}
        self.roles: dict[str, subprocess.Popen[bytes]] = {}
        self.producer = Producer({"bootstrap.servers": brokers, "linger.ms": 5, "batch.size": 900_000})

    def create(self) -> None:
        """All topics of the county's networks."""
        Topics(librdkafka(self.told), 1).create(all_topics(self._kinds))

    @contextmanager
    def running(self) -> Iterator[None]:
        """The roles at work; stopped in good order, so that the sink tells what it saw."""
        command = [sys.executable, "-m", "benchmarks.chain_role"]
        self.roles = {stage: subprocess.Popen([*command, stage, *self._words]) for stage, _ in STAGES}  # noqa: S603  # ourselves
        try:
            yield
        finally:
            for role in self.roles.values():
                role.send_signal(signal.SIGCONT)
                role.terminate()
            for role in self.roles.values():
                role.wait(PATIENCE_S)

    def publish(self, values: Sequence[bytes]) -> None:
        """Lay messages into the network's topic, as librdkafka deals them out."""
        for at in range(0, len(values), PIECE):
            told: list[dict[str, Any]] = [{"value": value} for value in values[at : at + PIECE]]
            if self.producer.produce_batch(INGRESS, told) != len(told):
                raise BufferError("the producer's queue is full")
            self.producer.flush(PATIENCE_S)

    def settle(self) -> None:
        """Wait until each role has committed all there is for it."""
        end = monotonic() + PATIENCE_S
        for stage, topics in STAGES:
            while self._lag(stage, topics):
                self._check(end)
                sleep(LOOK_S)

    @retry(retry=retry_if_exception_type(KafkaException), wait=wait_fixed(0.5), stop=stop_after_delay(30), reraise=True)
    def _lag(self, stage: str, topics: Sequence[str]) -> int:
        """Asked again while a broker that has just started loads its groups."""
        return self._onlooker.standing(self._groups[stage], self._onlooker.places(topics)).lag

    def _check(self, end: float) -> None:
        if dead := [stage for stage, role in self.roles.items() if role.poll() is not None]:
            raise RuntimeError(f"{dead[0]} ended")
        if monotonic() > end:
            raise TimeoutError(f"not settled within {PATIENCE_S} s")

    def processes(self) -> dict[str, psutil.Process]:
        """Roles, and the broker that this process has started."""
        found = {stage: psutil.Process(role.pid) for stage, role in self.roles.items()}
        brokers = [process for process in psutil.Process().children() if process.name().startswith("java")]
        return found | dict(zip(["broker"], brokers, strict=False))


def pin(cores: Sequence[str]) -> None:
    """Keep what was started so far, the broker, to these cores."""
    for process in psutil.Process().children(recursive=True):
        for thread in process.threads():
            os.sched_setaffinity(thread.id, map(int, cores))


def seconds(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU of each so far."""
    return {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}


def throughput(chain: Chain, events: int, warm_up: int) -> Figures:
    """All there is, as fast as it goes; CPU microseconds an event by process."""
    found = spoken().scans[SOURCE].encode_arrow(sf_alone(stream(events, "plain")))
    chain.publish(found[:warm_up])
    chain.settle()
    chain.roles["admission"].send_signal(signal.SIGSTOP)
    chain.publish(found[warm_up:])
    processes = chain.processes()
    begun, before = monotonic(), seconds(processes)
    chain.roles["admission"].send_signal(signal.SIGCONT)
    chain.settle()
    wall, after, many = monotonic() - begun, seconds(processes), len(found) - warm_up
    cost = {name: round((after[name] - before[name]) / many * 1e6, 2) for name in processes}
    return {
        "events": many,
        "events_per_s": round(many / wall),
        "cpu_us": cost,
        "cpu_us_in_all": round(sum(cost.values()), 2),
        "rss_mb": {name: process.memory_info().rss >> 20 for name, process in processes.items()},
    }


def sf_alone(found: pa.RecordBatch) -> pa.RecordBatch:
    """The scans as one network's, which speaks for itself alone, with numbers as a careful publisher writes them."""
    told = {"source": pa.repeat("sf", len(found)), "tracking_number": pc.utf8_upper(found["tracking_number"])}
    return pa.RecordBatch.from_arrays([told.get(n, found[n]) for n in found.schema.names], schema=found.schema)


def steady(chain: Chain, rate: int, duration: float) -> Figures:
    """Publish so many scans a second, each of which occurs when it is published."""
    codec, sent, begun = spoken().scans[SOURCE], 0, monotonic()
    processes, before = chain.processes(), seconds(chain.processes())
    while (since := monotonic() - begun) < duration:
        if due := int(since * rate) - sent:
            for value in codec.encode_arrow(now(sent, due)):
                chain.producer.produce(INGRESS, value)
            chain.producer.poll(0)
            sent += due
        sleep(TICK_S)
    chain.producer.flush(PATIENCE_S)
    after = seconds(processes)
    busy = sum(after.values()) - sum(before.values())
    return {"rate": rate, "published": sent, "cores_busy": round(busy / (monotonic() - begun), 2)}


def now(first: int, many: int) -> pa.RecordBatch:
    """Scans of this moment, each parcel's a hundredth of a run apart."""
    numbers = np.arange(first, first + many)
    batch = scans(numbers % PARCELS, 0)
    at = pa.array(np.full(many, int(time() * 1000))).cast(batch.schema.field("occurred_at").type)
    told = {"occurred_at": at, "event_id": pc.cast(pa.array(numbers), pa.string())}
    return pa.RecordBatch.from_arrays([told.get(n, batch[n]) for n in batch.schema.names], schema=batch.schema)


def delays(brokers: str, folder: Path, rate: int, args: argparse.Namespace) -> Figures:
    """Milliseconds from publishing to reading, at a steady rate, by kind of rows."""
    folder.mkdir()
    chain = Chain(brokers, folder, args.cores)
    with chain.running():
        # Other parcels than those of the run: to these a scan of today would be their number's next life.
        chain.publish(spoken().scans[SOURCE].encode_arrow(scans(PARCELS + np.arange(args.warm_up), 0)))
        chain.settle()
        found = steady(chain, rate, args.seconds)
        chain.settle()
    return found | json.loads((folder / "delays.json").read_text("utf-8"))


def measure(folder: Path, args: argparse.Namespace) -> Figures:
    """Throughput once, delays at each rate, over one broker."""
    with ExitStack() as stack:
        brokers = args.brokers or stack.enter_context(Kafka(folder / "kafka")).bootstrap
        pin(args.cores)
        chain = Chain(brokers, folder, args.cores)
        chain.create()
        found: Figures = {"cores": len(args.cores)}
        if args.events:
            with chain.running():
                found |= throughput(chain, args.events, args.warm_up)
            found |= json.loads((folder / "delays.json").read_text("utf-8"))["found"]
            show(found)
        found["delays"] = []
        for rate in args.rates:
            found["delays"].append(delays(brokers, folder / f"at-{rate}", rate, args))
            print(json.dumps(found["delays"][-1]))
    return found


def show(found: Figures) -> None:
    """The throughput."""
    parts = ", ".join(f"{name} {us}" for name, us in found["cpu_us"].items())
    print(f"{found['events']:,} events: {found['events_per_s']:,}/s; CPU us an event {found['cpu_us_in_all']}: {parts}")


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--brokers", help="host:port of running ones, with nothing in them; else one is started")
    asked.add_argument("--events", type=int, default=500_000, help="0: no throughput")
    asked.add_argument("--rates", type=int, nargs="*", default=list(RATES), help="scans a second to publish steadily")
    asked.add_argument("--seconds", type=float, default=20.0, help="how long at each rate")
    asked.add_argument("--warm-up", type=int, default=WARM_UP, help="scans before any that count")
    asked.add_argument("--cores", nargs="+", default=["0", "1"], help="that broker and roles share")
    asked.add_argument("--json", type=Path)
    args = asked.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), args)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
