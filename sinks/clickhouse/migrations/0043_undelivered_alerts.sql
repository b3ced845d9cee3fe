-- Every message given up, once.
-- up
CREATE VIEW IF NOT EXISTS undelivered_alerts AS SELECT
    endpoint,
    message_id,
    alert_id,
    kind,
    level,
    state,
    attempts,
    said,
    instant(queued_at) AS queued_at,
    instant(given_up_at) AS given_up_at
FROM stored_undelivered_alerts FINAL;
-- down
DROP TABLE IF EXISTS undelivered_alerts;
