-- Where each parcel was collected: the county of the scan its collection is known by.
-- up
CREATE VIEW IF NOT EXISTS parcel_origins AS SELECT
    parcel_id,
    argMin(scan_county, collected_by) AS origin_county
FROM (
    SELECT parcel_id, waybill, ifNull(collected_at, 0) AS at
    FROM current_parcels
    ARRAY JOIN waybills AS waybill
    WHERE isNotNull(collected_at)
) AS held
ALL INNER JOIN (
    SELECT
        concat(issuer, ':', tracking_number) AS waybill,
        occurred_at AS at,
        concat(substring(ifNull(region, ''), 1, 6), '000000') AS scan_county,
        indexOf(['COLLECTED', 'ACCEPTED', 'WAREHOUSED', 'ARRIVED', 'DEPARTED'], activity) AS collected_by
    FROM stored_scans FINAL
    WHERE isNotNull(region) AND collected_by > 0
        AND (source, issuer, tracking_number, event_id) NOT IN (
            SELECT source, issuer, tracking_number, ifNull(retracts, '')
            FROM stored_scans
            WHERE isNotNull(retracts))
) AS scans
USING waybill, at
GROUP BY parcel_id;
-- down
DROP TABLE IF EXISTS parcel_origins;
