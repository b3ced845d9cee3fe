-- Alerts of one kind, stage, level, custodian and place that began in one window: a blocked road is one row.
-- up
CREATE VIEW IF NOT EXISTS delay_incidents AS SELECT
    incident_id,
    kind,
    stage,
    level,
    custodian,
    county,
    if(townships = 1, some_township, NULL) AS township,
    if(places = 1, some_place, NULL) AS facility_id,
    parcels,
    parcels_open,
    instant(first_ms) AS first_raised_at,
    instant(last_ms) AS last_raised_at,
    advice
FROM (
    SELECT
        incident_id,
        any(kind) AS kind,
        any(stage) AS stage,
        any(level) AS level,
        any(custodian) AS custodian,
        any(county) AS county,
        uniqExact(township) AS townships,
        any(township) AS some_township,
        uniqExact(facility_id) AS places,
        any(facility_id) AS some_place,
        uniqExact(parcel_id) AS parcels,
        countIf(state = 'RAISED') AS parcels_open,
        min(raised_at) AS first_ms,
        max(raised_at) AS last_ms,
        any(advice) AS advice
    FROM stored_alerts FINAL
    GROUP BY incident_id
);
-- down
DROP TABLE IF EXISTS delay_incidents;
