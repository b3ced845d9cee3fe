-- Every scan once, with the fields of scan_event.avsc; a scan without measures has an empty map.
-- up
CREATE VIEW IF NOT EXISTS scan_events AS SELECT
    event_id,
    source,
    source_kind,
    issuer,
    tracking_number,
    activity,
    reason,
    instant(occurred_at) AS occurred_at,
    time_basis,
    instant(received_at) AS received_at,
    facility_id,
    tier,
    region,
    destination_region,
    service,
    operator,
    vehicle,
    worker,
    link_issuer,
    link_tracking_number,
    link_relation,
    link_evidence,
    retracts,
    consent,
-- since 23.3
    CAST((measures.key, measures.value), 'Map(String, String)') AS measures,
-- before 23.3
    arrayMap((k, v) -> (k, v), measures.key, measures.value) AS measures,
-- always
    raw_code
FROM stored_scans FINAL;
-- down
DROP TABLE IF EXISTS scan_events;
