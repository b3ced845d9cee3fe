"""Random worlds: a few tangled waybills and containers, scans that repeat, disagree, withdraw each other."""

from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from schemas.reference import Target
from schemas.vocabulary import ACTIVITIES, SERVICES
from stream_jobs.lifecycle.output import Names
from stream_jobs.lifecycle.targets import plan
from stream_jobs.timeline.hashing import hash_words
from tests.core.oracle_stages import STAGES, Standard
from tests.core.world import Areas, Delivery, Setting

Scan = dict[str, Any]

BEGIN: Final = 1_772_380_800_000
"""A Sunday, 16:00 UTC: Monday begins in the county."""
STEP: Final = 1_800_000
WAYBILLS: Final = [("zto", "1"), ("sf", "2"), ("china-post", "3"), ("zto", "4"), ("yunda", "5"), ("sf", "6")]
LABELS: Final = [("county-joint", "BAG1"), ("county-joint", "TRIP2"), ("county-joint", "BAG0")]
NEVER_SCANNED: Final = [("aa", "0"), ("zz", "9")]
VILLAGES: Final = {"520330101201": "REMOTE", "520330102201": "NEAR", "520330103201": "FAR"}
REGIONS: Final = [None, *VILLAGES, "520330101000", "330782000000", "520330000000"]
PLACES: Final[dict[str, list[tuple[str | None, str | None]]]] = {
    "UNKNOWN": [(None, None), ("o", "330782000000")],
    "ORIGIN_WAREHOUSE": [("w", "520330104000")],
    "HUB": [("h1", "330782000000"), ("h2", "520300000000"), (None, None)],
    "COUNTY": [("c", "520330000000")],
    "TOWNSHIP": [("t1", "520330101000"), ("t2", "520330102000")],
    "VILLAGE": [("v1", "520330101201"), ("v2", "520330102201"), (None, None)],
    "LOCKER": [("l3", "520330103201"), ("l9", "520330999999")],
    "DOOR": [(None, "520330101201")],
}
OPERATORS: Final = [None, "zto", "county-joint", "china-post", "village-box"]
SOURCES: Final = ["zto", "county-joint"]
USUAL: Final = [
    "COLLECTED",
    "ACCEPTED",
    "ARRIVED",
    "DEPARTED",
    "ARRIVED",
    "DEPARTED",
    "BAGGED",
    "UNBAGGED",
    "STORED_AT_POINT",
    "OUT_FOR_DELIVERY",
    "DELIVERED",
]
ORDINARY: Final = [a for a in ACTIVITIES if a != "RETRACTED"]
TARGETS: Final = [
    *(Target(stage, "STANDARD", "ANY", "24") for stage in STAGES if stage != "transport"),
    *(Target(stage, "STANDARD", "REMOTE", "MO,WE,FR@20:00") for stage in ("county", "village_delivery", "first_mile")),
    *(Target(stage, "EXPRESS", "NEAR", "6") for stage in STAGES),
    Target("township", "FRESH", "FAR", "SU@00:00"),
    Target("whole", "FRESH", "ANY", "72"),
]


class World(NamedTuple):
    """Scans in order of arrival, how they are delivered, and the instant they are judged at."""

    scans: list[Scan]
    how: Delivery
    now: int

    def setting(self) -> Setting:
        """For the code under test."""
        return Setting(plan(Areas(TARGETS, VILLAGES)), Names(hash_words([*filter(None, OPERATORS)])), self.now)

    def standard(self) -> Standard:
        """For the oracle."""
        targets = {(t.stage, t.service, t.area_class): t.target for t in TARGETS}
        return Standard(targets, VILLAGES, self.now)


INSTANTS: Final = st.builds(
    lambda step, ms: BEGIN + step * STEP + ms, st.integers(0, 200), st.sampled_from([0, 0, 0, 0, 1, 999])
)


@st.composite
def links(draw: st.DrawFn, activity: str) -> Scan | None:
    """Mostly what the activity calls for: bagging names a container, others now and then a waybill."""
    if activity in {"BAGGED", "UNBAGGED"}:
        named = draw(st.sampled_from([None, *LABELS, *LABELS]))
        return _link(named, "IN_CONTAINER") if named else None
    kind = draw(st.integers(0, 40))
    if kind > 8:  # one in five
        return None
    if kind == 0:
        return _link(draw(st.sampled_from([*LABELS, *WAYBILLS[:3]])), "IN_CONTAINER")
    relation = draw(st.sampled_from(["HANDED_OVER", "RELABELLED", "HANDED_OVER", "RETURN"]))
    return _link(draw(st.sampled_from([*WAYBILLS, *WAYBILLS, *NEVER_SCANNED, LABELS[0]])), relation)


def _link(named: tuple[str, str], relation: str) -> Scan:
    return {"issuer": named[0], "tracking_number": named[1], "relation": relation, "evidence": "e"}


@st.composite
def contents(draw: st.DrawFn) -> Scan:
    """All of a scan that its copies may disagree on."""
    activity = draw(st.sampled_from(ORDINARY) | st.sampled_from(USUAL))
    tier = draw(st.sampled_from(sorted(PLACES)))
    facility, region = draw(st.sampled_from(PLACES[tier]))
    return {
        "activity": activity,
        "reason": draw(st.sampled_from([None, None, "RETURN"])) if activity == "REFUSED" else None,
        "occurred_at": draw(INSTANTS),
        "tier": tier,
        "facility_id": facility,
        "region": region,
        "destination_region": draw(st.none() | st.none() | st.sampled_from(REGIONS)),
        "service": draw(st.none() | st.none() | st.sampled_from(SERVICES)),
        "operator": draw(st.sampled_from(OPERATORS)),
        "link": draw(links(activity)),
        "retracts": None,
    }


@st.composite
def scan_lists(draw: st.DrawFn) -> list[Scan]:
    """First copies, copies that disagree, retractions; received at different instants."""
    numbers = [*WAYBILLS[: draw(st.integers(3, 6))], *LABELS[: draw(st.integers(1, 3))]]
    scans = [
        {
            "event_id": f"e{n // 2}.{1 + n % 2}" if n < 4 else f"e{n}",  # two combined scans
            "source": draw(st.sampled_from(SOURCES)),
            **_numbered(draw(st.sampled_from(numbers))),
            **draw(contents()),
        }
        for n in range(draw(st.integers(5, 30)))
    ]
    scans += [draw(copies(scans)) for _ in range(draw(st.integers(0, 5)))]
    scans += [_retraction(n, draw(st.sampled_from(scans)), draw(INSTANTS)) for n in range(draw(st.integers(0, 5)))]
    received = draw(st.permutations(range(len(scans))))
    return [ALWAYS | scan | {"received_at": BEGIN + n} for scan, n in zip(scans, received, strict=True)]


ALWAYS: Final = {"source_kind": "CARRIER", "time_basis": "GIVEN", "raw_code": "x"}


def _numbered(number: tuple[str, str]) -> Scan:
    return {"issuer": number[0], "tracking_number": number[1]}


@st.composite
def copies(draw: st.DrawFn, scans: list[Scan]) -> Scan:
    """The same scan, told otherwise."""
    return draw(st.sampled_from(scans)) | draw(contents())


def _retraction(number: int, named: Scan, at: int) -> Scan:
    """Withdraws a scan; every fourth tries another network's; of halves every second withdraws both."""
    event, source = named["event_id"], named["source"]
    whole = event.rpartition(".")[0] if number % 2 and "." in event else event
    other = SOURCES[1 - SOURCES.index(source)] if number % 4 == 3 else source  # the fourth
    told = {"event_id": f"r{number}", "source": other, "activity": "RETRACTED", "retracts": whole}
    return named | told | {"link": None, "occurred_at": at, "reason": None}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Scans in any order, some delivered twice, cut and spread in any way."""
    scans = draw(scan_lists())
    again = draw(st.lists(st.sampled_from(scans), max_size=6))
    arrived = draw(st.permutations([*scans, *again]))
    batch = draw(st.sampled_from([1, 2, 3, 5, 8, 13, 100]))
    how = Delivery(batch, draw(st.integers(1, 3)), draw(st.integers(0, 99)), draw(st.booleans()), draw(st.booleans()))
    return World(arrived, how, draw(INSTANTS))
