"""Small worlds of scans for the peers' job: few parcels, few instants, so that ties and repeats are common."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
from hypothesis import strategies as st

from benchmarks.peers.life import MILESTONES
from benchmarks.stream import SCHEMA

Scan = dict[str, Any]
FACILITIES: Final = [None, "A", "AB", "B"]
REGIONS: Final = [None, "511402001001", "511402001002"]
SAME: Final = {
    "source": "sf", "source_kind": "CARRIER", "issuer": "sf", "time_basis": "GIVEN", "received_at": 0, "raw_code": "x",
}  # fmt: skip


def scan(
    parcel: int, milestone: tuple[str, str], at: int, facility: str | None, region: str | None, number: int
) -> Scan:
    """One ScanEvent."""
    activity, tier = milestone
    told = {"tracking_number": f"N{parcel:04d}", "activity": activity, "tier": tier, "occurred_at": at}
    return SAME | told | {"facility_id": facility, "region": region, "event_id": f"id-{number}"}


scans: Final = st.lists(
    st.builds(
        scan,
        st.integers(0, 2),
        st.sampled_from([*MILESTONES, ("SORTED", "COUNTY")]),
        st.integers(0, 3),
        st.sampled_from(FACILITIES),
        st.sampled_from(REGIONS),
        st.integers(0, 40),
    ),
    max_size=120,
)


def columns(some: Sequence[Scan]) -> pa.RecordBatch:
    """As decoded."""
    return pa.RecordBatch.from_pylist(list(some), schema=SCHEMA)
