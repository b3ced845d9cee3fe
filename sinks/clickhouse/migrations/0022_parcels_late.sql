-- Running stages that are late or about to be; seconds_left is negative once late.
-- up
CREATE VIEW IF NOT EXISTS parcels_late AS SELECT
    parcel_id, shown_by, status, custodian, stage, verdict,
    instant(stage_deadline_at) AS deadline_at,
    intDiv(ifNull(stage_deadline_at, 0) - now_ms, 1000) AS seconds_left,
    operator, county, township, village
FROM judged_stages
WHERE state = 'running' AND ifNull(verdict, '') IN ('AT_RISK', 'OVERDUE');
-- down
DROP TABLE IF EXISTS parcels_late;
