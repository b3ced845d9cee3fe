"""ScanEvents in Avro are admitted as the same ones in JSON: the same scans, the same refusals, whatever is in them."""

import json
from typing import Any

import numpy as np
import orjson
import pytest

from producers.admission import Admitted, AvroBatch
from producers.whole import SPELLED, counts, dicts
from schemas.contracts import Contracts, contracts
from schemas.dead_letter import Reason
from schemas.records import SCAN_EVENT
from schemas.registry import register_all, registry
from tests.producers.county import CANONICAL, RECEIVED_AT, Scan, admission, documents, take

NETWORK = "kuaidi100"
TOPIC = "ingress.carrier.kuaidi100"
CHANGES: list[dict[str, Any]] = [
    {},
    {"source": "zto"},
    {"source": "nobody"},
    {"issuer": "nobody"},
    {"operator": "nobody"},
    {"operator": "sf"},
    {"operator": None},
    {"tracking_number": "abc 12345"},
    {"tracking_number": "ABC"},
    {"tracking_number": "A" * 41},
    {"tracking_number": "运单12345"},
    {"event_id": ""},
    {"event_id": "x" * 129},
    {"event_id": "编号-1"},
    {"event_id": "a\x00b"},
    {"raw_code": ""},
    {"raw_code": "到件"},
    {"raw_code": "\x85"},
    {"raw_code": "\u2028"},
    {"raw_code": "— · é"},
    {"raw_code": "\U0001f69a"},
    {"raw_code": "件" * 256},
    {"raw_code": "件" * 257},
    {"facility_id": "a\x7fb"},
    {"raw_code": "x" * 257},
    {"activity": "FLOWN"},
    {"activity": "UNMAPPED"},
    {"activity": "RETRACTED", "retracts": None},
    {"activity": "RETRACTED", "retracts": "e-1"},
    {"tier": "MOON"},
    {"time_basis": "FELT"},
    {"service": "SLOW"},
    {"service": None},
    {"consent": "PERHAPS"},
    {"region": "51"},
    {"region": "51140200100x"},
    {"destination_region": "511402001001"},
    {"reason": "x" * 257},
    {"reason": ""},
    {"facility_id": "镇站"},
    {"facility_id": "a\tb"},
    {"vehicle": "v-1", "worker": "w-1"},
    {"occurred_at": 0},
    {"occurred_at": RECEIVED_AT + 86_400_000},
    {"occurred_at": RECEIVED_AT + 86_400_001},
    {"measures": {"weight_kg": "1.5"}},
    {"measures": {"weight_kg": "1.5", "volume_m3": "0.1", "格口": "甲 7"}},
    {"measures": {}},
    {"measures": {"": "1"}},
    {"measures": {"weight_kg": ""}},
    {"measures": {"weight_kg": "1\t5"}},
    {"measures": {"weight_kg": "1.5", "a\x00": "1"}},
    {"measures": {"weight_kg": "x" * 256}},
    {"measures": {"weight_kg": "x" * 257}},
    {"measures": {"x" * 257: "1"}},
    {"measures": {"": "x" * 300}},
    {"measures": {str(n): "1" for n in range(32)}},
    {"measures": {str(n): "1" for n in range(33)}},
    {"link": {"issuer": "sf", "tracking_number": "SF 123456", "relation": "HANDED_OVER", "evidence": "code:9"}},
    {"link": {"issuer": "nobody", "tracking_number": "SF123456", "relation": "HANDED_OVER", "evidence": ""}},
    {"link": {"issuer": "sf", "tracking_number": "SF123456", "relation": "FRIEND", "evidence": ""}},
]


@pytest.fixture(scope="module")
def spoken() -> Contracts:
    known = registry("mock://whole")
    register_all(known)
    return contracts(known)


def event(**changes: object) -> Scan:
    told: Scan = dict.fromkeys(SCAN_EVENT.fields) | orjson.loads(documents(CANONICAL)[0].payload)
    return told | changes


def avro(values: list[bytes], spoken: Contracts, network: str = NETWORK) -> Admitted:
    """Admit messages of one topic, all of the same time."""
    many = len(values)
    batch = AvroBatch(network, TOPIC, values, np.full(many, RECEIVED_AT), lambda at: (2, 41 + at))
    admitted = Admitted()
    admission().admit_avro(batch, spoken.scans["scans.carrier"], admitted)
    return admitted


def scans(admitted: Admitted) -> list[Scan]:
    """All scans, those that went through as columns like those that did not."""
    rows = [row for batch in admitted.rows for row in dicts(batch)]
    return sorted([*admitted.scans, *rows], key=lambda scan: json.dumps(scan, sort_keys=True))


def written(told: list[Scan], spoken: Contracts) -> list[bytes]:
    return spoken.scans["scans.carrier"].encode(told)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_a_scan_in_avro_is_admitted_or_refused_as_in_json(changes: dict[str, Any], spoken: Contracts) -> None:
    told = event(**changes)
    as_json, as_avro = take(NETWORK, told, "canonical"), avro(written([told], spoken), spoken)
    assert scans(as_avro) == scans(as_json)
    answers = [[(letter["reason"], letter["field"]) for letter in found.letters] for found in (as_avro, as_json)]
    assert answers[0] == answers[1]


def test_all_of_a_batch_is_admitted_and_what_is_plain_goes_through_as_columns(spoken: Contracts) -> None:
    told = [event(event_id=f"e{n}", **changes) for n, changes in enumerate(CHANGES) if "event_id" not in changes]
    whole = avro(written(told, spoken), spoken)
    each = [take(NETWORK, scan, "canonical") for scan in told]
    assert scans(whole) == sorted(
        (scan for one in each for scan in one.scans), key=lambda scan: json.dumps(scan, sort_keys=True)
    )
    assert len(whole.letters) == sum(len(one.letters) for one in each)
    assert sum(map(len, whole.rows)) > 5
    assert sum(counts(whole.rows[0]).values()) == len(whole.rows[0])


def test_measures_go_through_as_columns(spoken: Contracts) -> None:
    """Unless a name comes twice, which JSON reads as its last."""
    twice = written([event(measures={"a": "1", "b": "2"})], spoken)[0].replace(b"\x02b\x022", b"\x02a\x022")
    some = [event(), event(measures={"a": "1"}), event(measures={"a": "1", "b": "1"}), event(measures={"a": "2"})]
    admitted = avro([*written(some, spoken), twice], spoken)
    measures = [row["measures"] for row in dicts(admitted.rows[0])]
    assert measures == [None, {"a": "1"}, {"a": "1", "b": "1"}, {"a": "2"}]
    assert [scan["measures"] for scan in admitted.scans] == [{"a": "2"}]


def test_a_dead_letter_keeps_the_message_and_names_its_place(spoken: Contracts) -> None:
    good, bad = written([event(), event(tier="MOON")], spoken)
    torn = good[:-3]
    unknown = b"\0" + (999).to_bytes(4, "big") + good[5:]
    admitted = avro([good, torn, bad, unknown, b"\0"], spoken)
    found = {letter["offset"]: letter for letter in admitted.letters}
    assert {offset: letter["reason"] for offset, letter in found.items()} == {
        42: Reason.UNREADABLE, 43: Reason.BAD_SHAPE, 44: Reason.UNKNOWN_SCHEMA, 45: Reason.UNREADABLE,
    }  # fmt: skip
    assert [found[at]["payload"] for at in (42, 43)] == [torn, bad]
    assert (found[43]["topic"], found[43]["partition"], found[43]["field"]) == (TOPIC, 2, "tier")
    assert len(scans(admitted)) == 1


def test_whoever_is_no_network_gets_nothing_through(spoken: Contracts) -> None:
    """Not even under the name it gives itself."""
    admitted = avro(written([event(source="nobody")], spoken), spoken, "nobody")
    assert (scans(admitted), [letter["reason"] for letter in admitted.letters]) == ([], [Reason.SOURCE_MISMATCH])


def test_every_text_of_a_scan_is_looked_at() -> None:
    """A text that is added to the record must be bounded here, or be rare, or be from a closed list."""
    looked_at = {*SPELLED, "source", "issuer", "operator", "source_kind", "retracts"}
    closed = {"activity", "tier", "time_basis", "service", "consent"}
    texts = {f["name"] for f in SCAN_EVENT.schema["fields"] if f["type"] in ("string", ["null", "string"])}
    assert texts == looked_at | closed
