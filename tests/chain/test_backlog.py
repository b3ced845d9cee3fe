"""The in-process broker drops what it can't hold: imports wait, readers notice."""

import threading
from pathlib import Path
from typing import Final

import orjson
import pytest

from schemas.kafka import Outgoing, Sender
from schemas.log.batch import RecordBatch, RecordsLost
from schemas.reader import Reader
from schemas.topics import PARTITIONS
from tests.chain import running
from yizhan.embedded.broker import Broker

KEPT: Final = 4 << 20
"""Bytes of a partition that the broker keeps, about."""
TIMES: Final = 20
PADDING: Final = 16 << 10
SCANS: Final = TIMES * KEPT * PARTITIONS // PADDING


def test_an_import_of_twenty_times_what_the_broker_keeps_loses_nothing(tmp_path: Path) -> None:
    """320 MiB of documents pass through a broker that keeps 16 MiB of their topic."""
    line = orjson.loads(running.canonical_lines()[0])
    lines = [orjson.dumps(line | {"tracking_number": f"T{number:09d}"}).ljust(PADDING) for number in range(SCANS)]
    folder = running.folder(tmp_path / "in", lines)
    found = running.up(tmp_path / "data", folder)

    assert sum(map(len, lines)) >= TIMES * KEPT * PARTITIONS
    assert (found["accepted"], found["stored"], found["missing"]) == (SCANS, SCANS, 0)


def test_a_reader_that_was_too_slow_says_so() -> None:
    """Records that went unread are an error, not a silence."""
    broker = Broker()
    address = {"bootstrap.servers": broker.address, "log_level": 0}
    broker.create(["scans"])
    sender, stop = Sender(address), threading.Event()
    reader = Reader(address, "slow", ["scans"])
    taken: list[int] = []

    def take(batches: list[RecordBatch]) -> None:
        taken.append(sum(map(len, batches)))
        for _ in range(8):
            sender.send(Outgoing("scans", b"one", bytes(1 << 20)) for _ in range(4))

    sender.send([Outgoing("scans", b"one", b"first")])
    with pytest.raises(RecordsLost, match="expected offset"):
        reader.run(take, stop)
    assert taken
