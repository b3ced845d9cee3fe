"""ScanEvents as documents, and who may publish what by which way."""

from typing import Any

import orjson
import pytest

from tests.producers.county import CANONICAL, RECEIVED_AT, Scan, documents, refused, take


def event(**changes: object) -> Scan:
    """The county's first ScanEvent, of kuaidi100, with some fields changed."""
    told: Scan = orjson.loads(documents(CANONICAL)[0].payload)
    return told | changes


def answer(network: str = "kuaidi100", **changes: object) -> tuple[str, str]:
    """Reason and field of the letter for a changed ScanEvent."""
    return refused(take(network, event(**changes), "canonical"))


def test_a_scan_event_is_admitted_as_told_but_for_its_arrival() -> None:
    """The backbone itself says when it took it."""
    [scan] = take("kuaidi100", event(received_at=7), "canonical").scans
    assert scan == event(received_at=RECEIVED_AT)


def test_a_scan_event_of_another_network_is_refused() -> None:
    """Nobody speaks for another: the source must be the network by whose way it came."""
    assert answer("zto") == ("SOURCE_MISMATCH", "source")
    assert answer(source="sf") == ("SOURCE_MISMATCH", "source")
    assert answer(source=None) == ("SOURCE_MISMATCH", "source")


def test_a_source_that_is_no_network_is_refused() -> None:
    """A name that networks.csv has not is nobody, whichever way it came."""
    assert answer("nobody", source="nobody") == ("SOURCE_MISMATCH", "source")


def test_a_networks_format_published_by_another_network_is_refused() -> None:
    """Even where the document itself is good."""
    good = b'{"billCode":"77990000000001","scanType":"x","scanDate":"2026-03-05 10:11:12"}'
    assert len(take("zto", good).scans) == 1
    admitted = take("sf", good, "zto")
    assert refused(admitted) == ("SOURCE_MISMATCH", "")
    assert admitted.letters[0]["source"] == "sf"
    assert "sf" in admitted.letters[0]["detail"]


@pytest.mark.parametrize("form", ["yto", "nobody", "canonica", ""])
def test_a_format_that_no_folder_reads_is_refused(form: str) -> None:
    """A network may be known and yet have no mapping of its own."""
    admitted = take("yto", b"{}", form or "\0")
    assert refused(admitted) == ("SOURCE_MISMATCH", "")
    assert "no source reads" in admitted.letters[0]["detail"]


@pytest.mark.parametrize("operator", ["nobody", 7, ["zto"], ""])
def test_an_operator_that_is_no_network_is_refused(operator: object) -> None:
    """Custody is counted by operator."""
    assert answer(operator=operator) == ("UNKNOWN_ISSUER", "operator")


def test_an_issuer_that_is_no_network_is_refused() -> None:
    """A number belongs to somebody."""
    assert answer(issuer="nobody") == ("UNKNOWN_ISSUER", "issuer")
    assert answer(link={"issuer": "x", "tracking_number": "SF1234", "relation": "RETURN"}) == (
        "UNKNOWN_ISSUER",
        "link.issuer",
    )


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("activity", ["DELIVERD", None, 4, ["DELIVERED"]]),
        ("tier", ["village", None, {}]),
        ("time_basis", ["GUESSED", None]),
        ("service", ["SLOW", 1]),
        ("consent", ["Y", True]),
        ("region", ["52033010100", "5203301010001", "52033010100x", "５２０３３０１０１０００", 520330101000]),
        ("destination_region", ["", "CN520330101000", []]),
        ("measures", [[], "kg", {"a": {}}, {"a": None}, {"a": True}, {"\0": "1"}, {"a": "x" * 300}]),
        ("measures", [{str(n): n for n in range(33)}]),
        ("facility_id", ["a\0b", "x" * 300, 7, "a\u2028b"]),
        ("reason", ["a\nb", 1]),
        ("event_id", ["", None, True, 1.5, "x" * 200, "a\0b"]),
        ("retracts", ["", False, "a\x7fb"]),
        ("raw_code", ["", None, 101, "x" * 300, "a\tb"]),
        ("link", [[], "x", {}, {"relation": "SIBLING"}, {"relation": ["RETURN"]}]),
        ("colour", ["red", None]),
    ],
)
def test_a_bad_field_is_refused_by_its_name(field: str, bad: list[object]) -> None:
    """Types, closed lists and lengths; a field that no ScanEvent has is bad, too."""
    assert [refused(take("kuaidi100", event() | {field: value}, "canonical")) for value in bad] == [
        ("BAD_SHAPE", field)
    ] * len(bad)


@pytest.mark.parametrize("number", ["", "SF1", "SF 1", "x" * 41, "ſF12345", "SF_12345", 12345, None])
def test_a_bad_number_is_refused(number: object) -> None:
    """Also letters of other alphabets whose upper case is Latin, and numbers that are no text."""
    assert answer(tracking_number=number) == ("BAD_WAYBILL", "tracking_number")


@pytest.mark.parametrize("at", [None, True, "2026-03-05 10:11:12", 1.5, 0, -1, 1_577_836_799_999, RECEIVED_AT * 2])
def test_a_bad_time_is_refused(at: object) -> None:
    """Whole epoch milliseconds from 2020 on are expected."""
    assert answer(occurred_at=at) == ("BAD_TIME", "occurred_at")


def test_a_scan_may_claim_to_happen_up_to_a_day_after_receipt() -> None:
    """Clocks are wrong now and then; a millisecond more is refused."""
    day = RECEIVED_AT + 86_400_000
    assert len(take("kuaidi100", event(occurred_at=day), "canonical").scans) == 1
    assert answer(occurred_at=day + 1) == ("BAD_TIME", "occurred_at")


def test_measures_are_kept_as_text() -> None:
    """Numbers too; none at all is null."""
    told: list[Any] = [{"weight_kg": 1.5, "compartment": "A21", "temperature_c": -4}, {}]
    kept = [take("kuaidi100", event(measures=some), "canonical").scans[0]["measures"] for some in told]
    assert kept == [{"weight_kg": "1.5", "compartment": "A21", "temperature_c": "-4"}, None]


def test_the_evidence_of_a_link_is_a_code_and_no_words() -> None:
    """Words could hold a name or a phone number, which must never enter."""
    link = {"issuer": "sf", "tracking_number": "sf 1234", "relation": "RETURN", "evidence": "sf:648"}
    [scan] = take("kuaidi100", event(link=link), "canonical").scans
    assert scan["link"] == link | {"tracking_number": "SF1234"}

    for words in ("call Mr Li 13800000000", "a\0b", "x" * 65, 7):
        [letter] = take("kuaidi100", event(link=link | {"evidence": words}), "canonical").letters
        assert (letter["reason"], letter["field"]) == ("BAD_SHAPE", "link.evidence")


def test_a_withdrawal_names_what_it_withdraws() -> None:
    """A RETRACTED without an id withdraws nothing and is refused."""
    [letter] = take("kuaidi100", event(activity="RETRACTED", retracts=None), "canonical").letters
    assert (letter["reason"], letter["field"]) == ("BAD_SHAPE", "retracts")
