-- Rows of every load still kept, a partition each.
-- up
CREATE TABLE IF NOT EXISTS stored_networks (
    load UInt64,
    network String,
    kind String,
    display_name String,
    time_zone String,
    codes Array(String)
)
ENGINE = MergeTree
PARTITION BY load
ORDER BY (network);
-- down
DROP TABLE IF EXISTS stored_networks;
