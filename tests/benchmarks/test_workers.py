"""What several workers did, out of when their batches came."""

from benchmarks.workers import figures


def test_scans_count_from_when_every_worker_has_had_a_batch() -> None:
    early = [(10.0, 400), (12.0, 100), (13.0, 200)]
    late = [(11.5, 300)]
    found = figures([early, late], ended=14.0)
    assert found == {"workers": 2, "events": 600, "per_s": 240, "shares": [300, 300]}
