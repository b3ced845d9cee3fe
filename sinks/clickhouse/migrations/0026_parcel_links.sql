-- Every link as first received, with its evidence. STANDING joins or contains; WITHDRAWN was retracted; a CLAIM
-- counts for nothing: its network issued neither number, and no other standing scan of it names one of them.
-- up
CREATE VIEW IF NOT EXISTS parcel_links AS SELECT
    waybill, relation, linked_waybill,
    multiIf(withdrawn, 'WITHDRAWN', issued OR scanned OR (source, linked_waybill) IN (
        SELECT source, concat(issuer, ':', tracking_number)
        FROM stored_scans FINAL
        WHERE activity != 'RETRACTED' AND (source, issuer, tracking_number, event_id) NOT IN (
            SELECT source, issuer, tracking_number,
                arrayJoin([retracted, concat(retracted, '.1'), concat(retracted, '.2')])
            FROM (SELECT source, issuer, tracking_number, ifNull(retracts, '') AS retracted
                FROM stored_scans FINAL WHERE activity = 'RETRACTED'))
    ), 'STANDING', 'CLAIM') AS state,
    source, evidence, event_id,
    instant(occurred_ms) AS occurred_at,
    instant(received_ms) AS received_at
FROM (
    SELECT
        concat(issuer, ':', tracking_number) AS waybill,
        concat(ifNull(link_issuer, ''), ':', ifNull(link_tracking_number, '')) AS linked_waybill,
        ifNull(link_relation, '') AS relation,
        ifNull(link_evidence, '') AS evidence,
        source, event_id, occurred_at AS occurred_ms, received_at AS received_ms,
        source = issuer OR source = ifNull(link_issuer, '') AS issued,
        (source, issuer, tracking_number, event_id) IN (
            SELECT source, issuer, tracking_number,
                arrayJoin([retracted, concat(retracted, '.1'), concat(retracted, '.2')])
            FROM (SELECT source, issuer, tracking_number, ifNull(retracts, '') AS retracted
                FROM stored_scans FINAL WHERE activity = 'RETRACTED')) AS withdrawn,
        (source, issuer, tracking_number) IN (
            SELECT source, issuer, tracking_number
            FROM stored_scans FINAL
            WHERE activity != 'RETRACTED' AND (source, issuer, tracking_number, event_id) NOT IN (
                SELECT source, issuer, tracking_number,
                    arrayJoin([retracted, concat(retracted, '.1'), concat(retracted, '.2')])
                FROM (SELECT source, issuer, tracking_number, ifNull(retracts, '') AS retracted
                    FROM stored_scans FINAL WHERE activity = 'RETRACTED'))
            GROUP BY source, issuer, tracking_number
            HAVING count() > 1) AS scanned
    FROM stored_scans FINAL
    WHERE isNotNull(link_relation) AND activity != 'RETRACTED'
);
-- down
DROP TABLE IF EXISTS parcel_links;
