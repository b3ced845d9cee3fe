-- Rows of every load still kept, a partition each.
-- up
CREATE TABLE IF NOT EXISTS stored_facilities (
    load UInt64,
    facility_id String,
    name String,
    tier String,
    region String,
    area_class String,
    host_kind String,
    functions Array(String),
    operators Array(String),
    lat Nullable(Float64),
    lon Nullable(Float64)
)
ENGINE = MergeTree
PARTITION BY load
ORDER BY (facility_id);
-- down
DROP TABLE IF EXISTS stored_facilities;
