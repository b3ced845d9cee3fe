"""The small cases through Kafka and Faust, all in one run: each under numbers of its own, judged at its own instant."""

import asyncio
from contextlib import AsyncExitStack
from itertools import groupby
from typing import Any, Final

import pytest

from schemas.records import RECORDS
from stream_jobs.engine import running
from tests.chain.test_workers import ORDERS, WORKERS, Run, Scans
from tests.core.samples import ALWAYS, CASES, areas, expected, told
from tests.core.shape import Parcel
from tests.engine.test_apache_kafka import RealBroker
from yizhan.servers import Kafka

EMPTY: Final = dict.fromkeys(RECORDS["ScanEvent"].fields) | ALWAYS | {"consent": "UNKNOWN"}
Judged = tuple[int, Scans]
"""Scans, and the instant (epoch ms) at which all parcels they touch are judged."""


def renamed(case: int, waybill: str) -> str:
    """The same of an id of issuer and number."""
    return waybill.replace(":", f":{case:02d}-")


def numbered(case: int, part: dict[str, Any]) -> dict[str, Any]:
    """A scan, or the far end of its link, under a number that no other case has."""
    return part | {"tracking_number": f"{case:02d}-{part['tracking_number']}"}


def scans_of(case: int) -> Scans:
    """The scans of a case, whole and under its own numbers."""
    some = [numbered(case, EMPTY | scan) for scan in CASES["cases"][case]["scans"]]
    return [scan | {"link": scan["link"] and numbered(case, {"evidence": "x"} | scan["link"])} for scan in some]


def parcels_of(case: int) -> list[Parcel]:
    """The answers of a case, likewise."""
    some = expected(CASES["cases"][case]["parcels"])
    shown = [{"shown_by": renamed(case, parcel["shown_by"])} if "shown_by" in parcel else {} for parcel in some]
    every = zip(some, shown, strict=True)
    return [p | by | {"waybills": [renamed(case, waybill) for waybill in p["waybills"]]} for p, by in every]


def in_turn(order: str) -> list[Judged]:
    """The cases by their instants, those and the scans of each in this order."""
    cases = sorted(range(len(CASES["cases"])), key=lambda case: CASES["cases"][case]["as_of"])
    groups = groupby(cases, lambda case: CASES["cases"][case]["as_of"])
    found = [(now, ORDERS[order]([scan for case in some for scan in scans_of(case)])) for now, some in groups]
    return ORDERS[order](found)


async def work(run: Run, parts: list[Judged], workers: int) -> None:
    """Of three workers two leave in the middle of a group of cases; the one that stays takes their numbers over."""
    middle = len(parts) // 2
    now, scans = parts[middle]
    before = [*parts[:middle], (now, scans[::2])]
    async with AsyncExitStack() as staying:
        async with AsyncExitStack() as leaving:
            for number in range(workers):
                await (leaving if number else staying).enter_async_context(running(run.app()))
            await judge(run, before)
        await judge(run, [(now, scans[1::2]), *parts[middle + 1 :]])


async def judge(run: Run, parts: list[Judged]) -> None:
    """Publish and join one part after the other, each at its instant."""
    for run.now, scans in parts:
        await run.publish(scans)
        await run.settle()


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("order", ORDERS)
def test_workers_give_every_small_case_its_answer(order: str, workers: int, kafka_server: Kafka) -> None:
    """All 52 cases, whose links, bags and withdrawals cross partitions and workers."""
    run = Run(RealBroker(kafka_server.bootstrap), areas(), 0)
    asyncio.run(work(run, in_turn(order), workers))

    run.keep()
    wanted = [parcel for case in range(len(CASES["cases"])) for parcel in parcels_of(case)]
    wanted.sort(key=lambda parcel: str(parcel["waybills"]))
    assert len(CASES["cases"]) == 52  # as many as the sample has
    assert told(run.shown(), wanted) == wanted
