-- One row per alert, as its last record says.
-- up
CREATE VIEW IF NOT EXISTS delay_alerts AS SELECT
    alert_id,
    kind,
    parcel_id,
    stage,
    level,
    instant(raised_at) AS raised_at,
    instant(deadline_at) AS deadline_at,
    instant(resolved_at) AS resolved_at,
    custodian,
    county,
    township,
    village,
    state,
    resolution,
    shown_by,
    facility_id,
    incident_id,
    advice,
    version
FROM stored_alerts FINAL;
-- down
DROP TABLE IF EXISTS delay_alerts;
