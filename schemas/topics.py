"""Every topic by name: partitions, key and clean-up. `yizhan topics` and the embedded broker read this list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

PARTITIONS: Final = 4
"""Same for all topics keyed by waybill, else timelines and links would not meet. The embedded broker's own number;
a cluster may choose another once, before its first record."""
KAFKAS_LARGEST: Final = 1_048_588
"""Kafka's own `max.message.bytes`."""
LARGEST_RECORD: Final = 8 << 20
"""Bytes; a document of 1 MiB and more must reach admission, and its dead letter must fit, too."""
LAG_MS: Final = 120_000
"""A compacted topic keeps all records for so long: a worker that lost its partition unawares can still write an older
state over a newer one, and until then recovery sees and joins both."""


@dataclass(frozen=True)
class Topic:
    """One topic; `cleanup` as Kafka's cleanup.policy, `retention_hours` None: keep.

    `stamped`: the broker's clock says when a record came, not the publisher's.
    """

    name: str
    key: Literal["waybill", "parcel", "alert", "edition", "none"]
    cleanup: Literal["delete", "compact"] = "delete"
    retention_hours: int | None = 168
    partitions: int = PARTITIONS
    largest: int = KAFKAS_LARGEST
    stamped: bool = False

    @property
    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka's words."""
        kept = {"retention.ms": str(self.retention_hours * 3_600_000)} if self.retention_hours else {}
        compacted = {"min.compaction.lag.ms": str(LAG_MS)} if self.cleanup == "compact" else {}
        stamp = {"message.timestamp.type": "LogAppendTime"} if self.stamped else {}
        return {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.largest), **kept, **compacted, **stamp}


SCANS: Final = {
    "CARRIER": Topic("scans.carrier", "waybill"),
    "POST": Topic("scans.post", "waybill"),
    "LOCKER": Topic("scans.locker", "waybill"),
}
LINKS: Final = Topic("parcels.links", "waybill")
LIFECYCLE: Final = Topic("parcels.lifecycle", "parcel", "compact", None)
ALERTS: Final = Topic("parcels.alerts", "alert", "delete", 720)
DEAD_LETTER: Final = Topic("scans.dead_letter", "none", "delete", 720, largest=LARGEST_RECORD)
IMPORTS: Final = Topic("ingress.import", "none", largest=LARGEST_RECORD)
"""Documents that an operator brings in from files, for any network: only operators may write here, and so what the
records' headers say of network and time of arrival is believed."""
TARGETS: Final = Topic("reference.targets", "edition", "compact", None, 1)
PROMISES: Final = Topic("yizhan-alerts-alerts-changelog", "parcel", "compact", None)
TIMELINES: Final = Topic("yizhan-timelines-changelog", "waybill", "compact", None)

FIXED: Final = (*SCANS.values(), LINKS, LIFECYCLE, ALERTS, DEAD_LETTER, IMPORTS, TIMELINES, TARGETS, PROMISES)


def ingress(kind: str, network: str) -> Topic:
    """The topic that one network, and it alone, may write."""
    return Topic(f"ingress.{kind.lower()}.{network}", "none", largest=LARGEST_RECORD, stamped=True)


def all_topics(kinds: Mapping[str, str], partitions: int = PARTITIONS) -> list[Topic]:
    """Every topic of a cluster whose networks have these kinds, each with so many partitions."""
    every = (*FIXED, *(ingress(kind, network) for network, kind in kinds.items()))
    return [replace(topic, partitions=partitions) for topic in every]
