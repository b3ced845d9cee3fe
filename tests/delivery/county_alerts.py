"""A few alerts beside the county's parcels, and the instant they are looked at."""

from typing import Final

from tests.delivery.alerts import alert, resolved

NOW_MS: Final = 1_773_576_000_000
VILLAGE: Final = "520330110202"
ALERTS: Final = [
    alert(deadline_at=NOW_MS - 5_400_000),
    alert(
        alert_id="a2",
        incident_id="i2",
        level="AT_RISK",
        parcel_id="zto:Z1",
        shown_by="zto:Z1",
        deadline_at=NOW_MS + 7_200_000,
        township="520330110000",
        village=VILLAGE,
    ),
    alert(
        alert_id="a3",
        incident_id="i3",
        kind="MISSED_TRIP",
        parcel_id="",
        shown_by="",
        deadline_at=NOW_MS - 60_000,
        custodian=None,
        village=None,
        parcels=12,
    ),
    alert(alert_id="a4", parcel_id="sf:SF4", shown_by="sf:SF4", deadline_at=NOW_MS - 60_000),
    alert(alert_id="over"),
    resolved(alert_id="over"),
]
