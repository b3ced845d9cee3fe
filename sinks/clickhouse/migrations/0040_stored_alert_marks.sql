-- What people said about an alert or an incident: each word is kept, the last one holds. Times in epoch ms of the wall.
-- up
CREATE TABLE IF NOT EXISTS stored_alert_marks (
    about String,
    mark String,
    until_at Int64,
    marked_by String,
    note String,
    marked_at Int64
)
ENGINE = MergeTree
ORDER BY (about, mark, marked_at)
-- since 23.3
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
-- always
;
-- down
DROP TABLE IF EXISTS stored_alert_marks;
