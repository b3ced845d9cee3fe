"""Deliveries are killed at any moment and begun again: nothing is lost, and a repeat has the id of its first."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.delivery.delivering_process import history
from tests.delivery.receiver import Answer, Receiver, receiving
from yizhan.servers.prometheus import Alertmanager

KILLS = 10
IDS = [alert.message_id() for alert in history()]


class Trap:
    """Answers every message, one in 13 with an error, but leaves the `at`th without its answer until the kill."""

    def __init__(self) -> None:
        self.at, self.killed = 0, threading.Event()

    def set(self, at: int) -> None:
        """Spring at this message."""
        self.at = at
        self.killed.clear()

    def answer(self, receiver: Receiver, _body: dict[str, Any]) -> Answer:
        """Asked by the receiver's thread."""
        if len(receiver.ids) == self.at:
            assert self.killed.wait(60)
        return (500, {}) if len(receiver.ids) % 13 == 0 else (204, {})


@contextmanager
def process(receiver: Receiver, folder: Path, alertmanager: str) -> Iterator[None]:
    """Deliver for as long as the block runs; then be killed."""
    command = [sys.executable, "-m", "tests.delivery.delivering_process", str(folder), str(receiver.port), alertmanager]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        yield
        running.kill()


def burning(running: Alertmanager) -> dict[str, str]:
    found = httpx.get(f"{running.url}/api/v2/alerts").raise_for_status().json()
    return {alert["labels"]["incident"]: alert["annotations"]["summary"] for alert in found}


def test_killed_deliveries_lose_nothing_and_repeat_under_the_same_id(tmp_path: Path) -> None:
    """Ten kills, each after a message came in and before its answer: the worst moment. Order holds throughout.

    Alertmanager, told by all of them, knows what burns in the end, and not what is over.
    """
    chance, trap = random.Random(7), Trap()  # chance: only when to kill

    with receiving(Receiver(answer=trap.answer)) as receiver, Alertmanager(tmp_path / "am") as running:
        for _ in range(KILLS):
            trap.set(len(receiver.ids) + chance.randint(1, 6))
            with process(receiver, tmp_path, running.url):
                receiver.wait(trap.at)
            trap.killed.set()
        with process(receiver, tmp_path, running.url):
            heard = receiver.wait_for(IDS[-1])
            until = time.monotonic() + 30
            while "i0" in (found := burning(running)) or len(found) < 5:
                assert time.monotonic() < until, found

    assert list(dict.fromkeys(heard)) == IDS
    assert heard == sorted(heard, key=IDS.index)
    assert KILLS <= len(heard) - len(IDS) <= KILLS + len(heard) // 13
    assert found == {f"i{n}": "10 parcels: delivery to the village is late" for n in range(1, 6)}
