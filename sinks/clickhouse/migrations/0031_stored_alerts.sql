-- The records of each alert; the highest version holds.
-- up
CREATE TABLE IF NOT EXISTS stored_alerts (
    alert_id String,
    kind String,
    level String,
    state String,
    parcel_id String,
    shown_by String,
    stage String,
    raised_at Int64,
    deadline_at Nullable(Int64),
    resolved_at Nullable(Int64),
    resolution Nullable(String),
    custodian Nullable(String),
    facility_id Nullable(String),
    county Nullable(String),
    township Nullable(String),
    village Nullable(String),
    parcels Int32,
    incident_id String,
    advice String,
    version Int64,
    precedence UInt64 MATERIALIZED toUInt64(version)
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY alert_id
SETTINGS index_granularity = 256
-- since 23.3
    , fsync_after_insert = 1, fsync_part_directory = 1
-- always
;
-- down
DROP TABLE IF EXISTS stored_alerts;
