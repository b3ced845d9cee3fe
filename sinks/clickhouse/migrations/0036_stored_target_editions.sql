-- The rows of each edition of targets, of every load still kept.
-- up
CREATE TABLE IF NOT EXISTS stored_target_editions (
    load UInt64,
    since Int64,
    recorded_at Int64,
    recorded_by String,
    reason String,
    holidays Array(String),
    stage String,
    service String,
    area_class String,
    target String,
    operator String,
    valid_from String
)
ENGINE = MergeTree
PARTITION BY load
ORDER BY (recorded_at, stage, service, area_class);
-- down
DROP TABLE IF EXISTS stored_target_editions;
