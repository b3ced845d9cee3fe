"""What `yizhan sla recompute` does in a cluster: real servers, parcels at rest, a worker that dies again and again."""

import json
import sys
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.topics import PARTITIONS, TIMELINES
from schemas.vocabulary import SERVICES
from stream_jobs.identity.farewell import farewell
from tests.chain.running import COUNTY
from tests.cluster.deployment import AS_OF_MS, Deployment
from tests.cluster.mortal import DEATHS
from tests.faults.feed import Published, copy_of, parcels_of
from tests.faults.ledger import Publisher
from tests.faults.processes import Role, until
from tests.shown import shown_parcels

ROLES: Final = ("admission", "sink")
MORTAL: Final = (sys.executable, "-m", "tests.cluster.mortal")
HOUR: Final = 3_600_000
LONG_AFTER: Final = AS_OF_MS + 800 * 24 * HOUR
STAGES: Final = "SELECT parcel_id, stage, state, started_at, ended_at, target, verdict FROM judged_stages"
STRICT: Final = "stage,service,area_class,target\n" + "".join(f"county,{service},ANY,1\n" for service in SERVICES)
KILLED: Final = -9
MOST: Final = 150
Row = dict[str, Any]


def stages(deployed: Deployment) -> list[Row]:
    """Every stage of every parcel, as users see it."""
    with deployed.store() as store:
        return store.query(STAGES).to_pylist()


def strictly(row: Row) -> tuple[str | None, str | None]:
    """Target and verdict of a stage where only the county's time has a target, of one hour."""
    if row["stage"] != "county":
        return None, None
    due = row["started_at"] + HOUR
    if row["state"] == "running":
        soon = "AT_RISK" if due - HOUR // 4 <= AS_OF_MS else "RUNNING"
        return "1", "OVERDUE" if due < AS_OF_MS else soon
    if row["state"] != "done":
        return "1", None
    return "1", "MET" if row["ended_at"] <= due else "MISSED"


def one_more(document: Published, turn: int) -> Published:
    """Another scan of the same parcel, which changes nothing of its way."""
    scan = json.loads(document.payload)
    told = {"activity": "SENSOR_READING", "link": None, "retracts": None, "event_id": f"{turn}-{scan['event_id']}"}
    return replace(document, payload=json.dumps(scan | told).encode())


def left(deployed: Deployment) -> int:
    """How many numbers have said farewell to the state, and not come back."""
    last: dict[bytes, bytes] = {}
    consumer = Consumer({"bootstrap.servers": deployed.kafka.bootstrap, "group.id": "onlooker", "log_level": 0})
    for number in range(PARTITIONS):
        place = TopicPartition(TIMELINES.name, number, OFFSET_BEGINNING)
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        while end and (message := consumer.poll(10)) is not None:
            if b"\0" not in (message.key() or b""):
                last[message.key() or b""] = message.value() or b""
            if (message.offset() or 0) >= end - 1:
                break
    consumer.close()
    return sum(farewell(value) is not None for value in last.values())


def settled(deployed: Deployment) -> bool:
    """Whether all parcels are as the truth says."""
    with deployed.store() as store:
        try:
            return shown_parcels(store).parcels == dict(parcels_of(0))
        except KeyError:  # it asks twice, and more parcels came in between
            return False


def rest(deployed: Deployment, publisher: Publisher, documents: list[Published], clock: Path) -> None:
    """Time passes and a few more scans come, until most of what is over has left the state."""
    turns = count()

    def most_have_left() -> bool:
        turn = next(turns)
        clock.write_text(str(LONG_AFTER + turn * 2 * HOUR))
        publisher.publish([one_more(document, turn) for document in documents[:-4:60]])
        return left(deployed) > MOST

    until(most_have_left, lambda: str(left(deployed)))


def test_a_recompute_judges_all_parcels_anew_though_the_worker_dies_amid_it(tmp_path: Path) -> None:
    """Those at rest and those that left the state; nobody starts a worker for it, or scans a parcel."""
    documents, clock, harm = copy_of(0), tmp_path / "clock", tmp_path / "harm"
    clock.write_text(str(AS_OF_MS))
    (tmp_path / "strict").mkdir()
    (tmp_path / "strict" / "targets.csv").write_text(STRICT)
    with Deployment(tmp_path, secure=False, clock=clock) as deployed, ExitStack() as opened:
        deployed.command("sla", "load", str(COUNTY))
        for name in ROLES:
            opened.enter_context(Role(name, tmp_path, deployed.settings(name)))
        told = deployed.settings("worker") | {"YIZHAN_HARM": str(harm)}
        worker = opened.enter_context(Role("worker", tmp_path, told, command=MORTAL))
        publisher = Publisher(deployed)
        publisher.publish(documents)
        until(lambda: settled(deployed), "the county is not stored")
        rest(deployed, publisher, documents, clock)

        deployed.command("sla", "load", str(tmp_path / "strict"))
        told = json.loads(deployed.command("sla", "recompute", "--from", "2026-01-01", "--by", "li", "--json"))
        assert told["parcels"] == len({row["parcel_id"] for row in stages(deployed)}) > MOST
        assert "delivered ones" in told["takes effect"]
        until(
            lambda: all((row["target"], row["verdict"]) == strictly(row) for row in stages(deployed)),
            lambda: str([row for row in stages(deployed) if (row["target"], row["verdict"]) != strictly(row)][:3]),
        )
        until(lambda: "yizhan_numbers_to_review 0.0" in worker.metrics(), worker.metrics)
        assert worker.stop() == 0
    assert harm.stat().st_size == max(DEATHS.values()) == worker.codes[KILLED]
    assert len(dict(parcels_of(0))) > 250
