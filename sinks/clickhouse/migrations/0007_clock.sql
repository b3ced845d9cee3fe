-- One row: now, by the held clock, else by the server's, in whole seconds.
-- up
CREATE VIEW IF NOT EXISTS clock AS SELECT
    if(held = 0, toInt64(toUnixTimestamp(now())) * 1000, held) AS now_ms,
    instant(now_ms) AS as_of
FROM (SELECT argMax(as_of, turn) AS held FROM stored_clock);
-- down
DROP TABLE IF EXISTS clock;
