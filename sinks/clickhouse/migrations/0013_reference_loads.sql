-- Loads of reference data that are complete; the last one is what the views show.
-- up
CREATE TABLE IF NOT EXISTS reference_loads (
    load UInt64
)
ENGINE = MergeTree
ORDER BY load;
-- down
DROP TABLE IF EXISTS reference_loads;
