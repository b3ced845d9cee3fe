"""Every topic by name: partitions, key and clean-up. `yizhan topics` and the embedded broker read this list."""

from dataclasses import dataclass
from typing import Final, Literal

PARTITIONS: Final = 4
"""Same for all topics keyed by waybill, else timelines and links would not meet. The embedded broker's own number."""


@dataclass(frozen=True)
class Topic:
    """One topic; `cleanup` as Kafka's cleanup.policy, `retention_hours` None: keep."""

    name: str
    key: Literal["waybill", "parcel", "none"]
    cleanup: Literal["delete", "compact"] = "delete"
    retention_hours: int | None = 168
    partitions: int = PARTITIONS


SCANS: Final = {
    "CARRIER": Topic("scans.carrier", "waybill"),
    "POST": Topic("scans.post", "waybill"),
    "LOCKER": Topic("scans.locker", "waybill"),
}
LINKS: Final = Topic("parcels.links", "waybill")
LIFECYCLE: Final = Topic("parcels.lifecycle", "parcel", "compact", None)
ALERTS: Final = Topic("parcels.alerts", "parcel")
DEAD_LETTER: Final = Topic("scans.dead_letter", "none", "delete", 720)
TIMELINES: Final = Topic("yizhan-timelines-changelog", "waybill", "compact", None)

FIXED: Final = (*SCANS.values(), LINKS, LIFECYCLE, ALERTS, DEAD_LETTER, TIMELINES)


def ingress(kind: str, network: str) -> Topic:
    """The topic that one network, and it alone, may write."""
    return Topic(f"ingress.{kind.lower()}.{network}", "none")
