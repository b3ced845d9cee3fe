-- Rows of every load still kept, a partition each.
-- up
CREATE TABLE IF NOT EXISTS stored_stage_targets (
    load UInt64,
    stage String,
    service String,
    area_class String,
    target String
)
ENGINE = MergeTree
PARTITION BY load
ORDER BY (stage, service, area_class);
-- down
DROP TABLE IF EXISTS stored_stage_targets;
