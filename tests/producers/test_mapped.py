"""What the mappings of networks do with fields that are there, odd or missing."""

import pytest

from tests.producers.county import refused, take

JOINT = {"id": "J1", "scanType": "DS", "expressCode": "ZTO", "billCode": "77990000000001", "siteCode": "C-520330"}
LOCKER = {"eventId": "b1", "type": "stored", "boxCode": "?", "company": "ZTO", "waybill": "77990000000001"}
AT = "2026-03-05 10:11:12"
MS = 1_772_676_672_000


def joint(**changes: object) -> dict[str, object]:
    """A hand scanner's document."""
    return {**JOINT, "scanTime": AT, **changes}


def test_a_scan_withdraws_by_text_or_by_number() -> None:
    """Ids are text or numbers where scans have them, so also where scans are withdrawn."""
    told = [take("county-joint", joint(scanType="CX", cancelId=told)).scans[0] for told in ("J7", 7)]
    assert [scan["retracts"] for scan in told] == ["J7", "7"]


@pytest.mark.parametrize("cancelled", [None, "", {}, True, "a\0b", "x" * 200])
def test_a_withdrawal_of_what_is_no_id_is_refused(cancelled: object) -> None:
    """A withdrawal that withdraws nothing would be lost without a word."""
    assert refused(take("county-joint", joint(scanType="CX", cancelId=cancelled))) == ("BAD_SHAPE", "cancelId")


def test_letters_name_fields_as_the_network_does() -> None:
    """Whoever reads the letter knows the network's documents, not our schema."""
    assert refused(take("county-joint", joint(goodsType="SLOW"))) == ("BAD_SHAPE", "goodsType")
    assert refused(take("county-joint", joint(scanType="QS"))) == ("BAD_SHAPE", "signerType")
    assert refused(take("county-joint", joint(scanTime=1))) == ("BAD_TIME", "scanTime")
    assert refused(take("county-joint", joint(id=""))) == ("BAD_SHAPE", "id")


def test_a_combined_scan_is_two_events_and_only_the_hand_over_has_the_link() -> None:
    """Both carry time, place and destination."""
    told = joint(scanType="DZ", transferExpressCode="EMS", transferBillCode="9800000000001")
    first, second = take("county-joint", told | {"destAreaCode": "520330111201"}).scans
    assert (first["activity"], second["activity"]) == ("ARRIVED", "HANDED_OVER")
    assert (first["event_id"], second["event_id"]) == ("J1.1", "J1.2")
    assert (first["link"], second["link"]["tracking_number"]) == (None, "9800000000001")
    same = {"occurred_at", "facility_id", "destination_region"}
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


@pytest.mark.parametrize(
    ("told", "ms", "basis"),
    [
        (AT, MS, "ASSUMED"),
        ("2026-03-05T10:11:12+08:00", MS, "GIVEN"),
        ("2026-03-05T02:11:12Z", MS, "GIVEN"),
        ("2026-03-05T02:11:12.001Z", MS + 1, "GIVEN"),
        ("2026-03-05 10:11:12.009", MS + 9, "ASSUMED"),
        ("2026-03-05 10:11:12.999999", MS + 999, "ASSUMED"),
    ],
)
def test_times_are_exact_to_the_millisecond(told: str, ms: int, basis: str) -> None:
    """With a zone or in the network's own; what is finer is cut off."""
    [scan] = take("village-box", {**LOCKER, "time": told}).scans
    assert (scan["occurred_at"], scan["time_basis"]) == (ms, basis)


def test_every_millisecond_of_a_second_is_kept() -> None:
    """Nothing is lost on the way through binary fractions."""
    told = [take("village-box", {**LOCKER, "time": f"{AT}.{ms:03}"}).scans[0]["occurred_at"] for ms in range(1000)]
    assert told == list(range(MS, MS + 1000))


def test_a_place_that_cannot_be_resolved_keeps_its_own_name() -> None:
    """Unless that is no plain text: then the place is not known at all."""
    told = [
        take("county-joint", joint(siteCode="?", siteName=name)).scans[0]["facility_id"]
        for name in ("某地", "a\0b", "x" * 300, 7)
    ]
    assert told == ["某地", "?", "?", "?"]


def test_one_bad_scan_does_not_hold_up_the_others() -> None:
    """Its letter says which of the document's scans it is, and where the document stood."""
    good = {"traceNo": "9800000000001", "opTime": AT, "opCode": "203"}
    admitted = take("china-post", [good, good | {"opCode": ""}, good, 7])  # type: ignore[arg-type]  # a list
    assert len(admitted.scans) == 2
    assert [(letter["position"], letter["field"]) for letter in admitted.letters] == [(1, "opCode"), (3, "")]
    letter = admitted.letters[0]
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("ingress.china-post", 2, 41)


def test_the_same_document_refused_again_is_the_same_letter() -> None:
    """By network, position and bytes."""
    first, again, other = (take(n, b"{}").letters[0]["letter_id"] for n in ("sf", "sf", "zto"))
    assert first == again != other


def test_what_a_locker_measures_must_be_text_or_number() -> None:
    """Anything else is left out; the scan goes through."""
    odd: list[object] = ["A1", 7, {}, ""]
    scans = [take("village-box", {**LOCKER, "time": AT, "compartment": c}).scans[0] for c in odd]
    assert [scan["measures"] for scan in scans] == [{"compartment": "A1"}, {"compartment": "7"}, None, None]
