-- Messages that a webhook did not take in the time it has; noted again, they stand here once.
-- up
CREATE TABLE IF NOT EXISTS stored_undelivered_alerts (
    endpoint String,
    message_id String,
    alert_id String,
    kind String,
    level String,
    state String,
    attempts Int64,
    said String,
    queued_at Int64,
    given_up_at Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (endpoint, message_id)
-- since 23.3
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
-- always
;
-- down
DROP TABLE IF EXISTS stored_undelivered_alerts;
