-- The same by stage, operator and the UTC day the stage began.
-- up
CREATE VIEW IF NOT EXISTS stage_on_time_daily AS SELECT
    toDate(instant(started_at)) AS day, stage, operator,
    count() AS stages,
    countIf(ifNull(verdict, '') IN ('MET', 'MISSED', 'OVERDUE')) AS judged,
    countIf(ifNull(verdict, '') = 'MET') AS met,
    if(judged = 0, NULL, met / judged) AS on_time_rate,
    countIf(state = 'done') AS done,
    if(done = 0, NULL, quantileIf(0.5)(assumeNotNull(seconds), state = 'done')) AS seconds_p50,
    if(done = 0, NULL, quantileIf(0.9)(assumeNotNull(seconds), state = 'done')) AS seconds_p90
FROM judged_stages
GROUP BY day, stage, operator;
-- down
DROP TABLE IF EXISTS stage_on_time_daily;
