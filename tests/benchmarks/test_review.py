"""The benchmark of reviews counts what it says."""

from benchmarks.review import SINCE, measure


def test_every_parcel_is_sent_once_if_it_was_scanned_since_and_none_if_it_was_not() -> None:
    """Three of five are two numbers."""
    found = measure(300, 60)
    assert [found[name]["lifecycles"] for name in SINCE] == [300, 0]
    assert found["numbers"] > 400
