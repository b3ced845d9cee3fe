"""Every metric, declared once. Label values come from closed lists: networks, reasons, topics of ours, groups.

`/metrics` of each role shows those it moves. A name ends with its unit; counters end with `_total`.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, that nobody asks for
SECONDS: Final = (0.005, 0.02, 0.1, 0.5, 1, 2, 5, 15, 60, 300, 1800)

ADMITTED: Final = Counter("yizhan_admitted_scans", "Scans admitted and sent on, copies too.", ["network"])
UNMAPPED: Final = Counter("yizhan_unmapped_scans", "Admitted scans whose raw code has no activity.", ["network"])
DEAD_LETTERS: Final = Counter("yizhan_dead_letters", "Documents and scans that were not taken.", ["network", "reason"])
ADMISSION_SECONDS: Final = Histogram(
    "yizhan_admission_batch_seconds", "From a batch of documents read to its scans acknowledged.", buckets=SECONDS
)

JOINED: Final = Counter("yizhan_joined_records", "Records joined into timelines.", ["topic"])
DERIVED: Final = Counter("yizhan_derived_lifecycles", "Lifecycles derived and sent.")
TOLD: Final = Counter("yizhan_link_messages", "Messages between waybills sent.")
CLAIMS: Final = Counter(
    "yizhan_link_claims", "Links that count for nothing so far: their network has to do with neither number."
)
STATES: Final = Counter("yizhan_changelog_states", "States written to the changelog.")
JOIN_SECONDS: Final = Histogram(
    "yizhan_join_batch_seconds", "From a batch read to its outputs handed to the producer.", buckets=SECONDS
)

EDITIONS: Final = Gauge("yizhan_target_editions", "Editions of targets that the worker judges by, beside the first.")
TO_REVIEW: Final = Gauge(
    "yizhan_numbers_to_review",
    "Numbers of the worker's partitions still to be looked at since targets changed, those that left the state, too.",
)
REJUDGED: Final = Counter("yizhan_rejudged_lifecycles", "Lifecycles judged anew and sent because targets changed.")
UNREVIEWED: Final = Counter(
    "yizhan_unreviewed_numbers",
    "Numbers that left the state and keep their verdicts though targets changed: the store lacks scans of them.",
)

SWEPT: Final = Gauge(
    "yizhan_promises_swept_seconds",
    "The clock up to which what came due was looked for and sent, since 1970; 0 without partitions.",
)

WRITTEN: Final = Counter("yizhan_rows_written", "Rows confirmed by ClickHouse, repeats too.", ["kind"])
WRITE_FAILED: Final = Counter("yizhan_write_failures", "Writes that ClickHouse did not confirm; each is tried again.")
WRITE_SECONDS: Final = Histogram("yizhan_write_batch_seconds", "From a batch read to confirmed.", buckets=SECONDS)
SCAN_TO_STORED: Final = Histogram(
    "yizhan_scan_to_stored_seconds", "From the backbone's receipt of a scan to its row confirmed.", buckets=SECONDS
)

LAG: Final = Gauge("yizhan_group_lag_records", "Records that a group has not committed; the watchdog's.", ["group"])
COMMIT_AGE: Final = Gauge(
    "yizhan_commit_age_seconds", "How long a group has a lag and commits nothing; the watchdog's.", ["group"]
)
ROLE_LAG: Final = Gauge(
    "yizhan_role_lag_records", "Records of a role's own partitions that it has not committed.", ["role"]
)
ROLE_READY: Final = Gauge(
    "yizhan_role_ready", "1 while it has its partitions, its state and a lag in bounds.", ["role"]
)
