-- Parcels that wait at each station and locker, by the last deposit that stands; age of the oldest.
-- up
CREATE VIEW IF NOT EXISTS point_stock AS SELECT
    facility_id,
    count() AS waiting,
    intDiv((SELECT now_ms FROM clock) - min(stored_at), 1000) AS oldest_seconds
FROM (
    SELECT parcel_id, argMax(place, deposited_at) AS facility_id, max(deposited_at) AS stored_at
    FROM (
        SELECT parcel_id, waybill
        FROM current_parcels
        ARRAY JOIN waybills AS waybill
        WHERE status = 'AT_POINT'
    ) AS held
    ALL INNER JOIN (
        SELECT
            concat(issuer, ':', tracking_number) AS waybill,
            ifNull(facility_id, '') AS place,
            occurred_at AS deposited_at
        FROM stored_scans FINAL
        WHERE activity = 'STORED_AT_POINT'
            AND (source, issuer, tracking_number, event_id) NOT IN (
                SELECT source, issuer, tracking_number, ifNull(retracts, '')
                FROM stored_scans
                WHERE isNotNull(retracts))
    ) AS deposits
    USING waybill
    GROUP BY parcel_id
)
GROUP BY facility_id;
-- down
DROP TABLE IF EXISTS point_stock;
