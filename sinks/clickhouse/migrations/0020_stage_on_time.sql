-- On-time rate and lengths by stage and place; OVERDUE counts as late though it still runs.
-- up
CREATE VIEW IF NOT EXISTS stage_on_time AS SELECT
    stage, county, township, village,
    count() AS stages,
    countIf(ifNull(verdict, '') IN ('MET', 'MISSED', 'OVERDUE')) AS judged,
    countIf(ifNull(verdict, '') = 'MET') AS met,
    if(judged = 0, NULL, met / judged) AS on_time_rate,
    countIf(state = 'done') AS done,
    if(done = 0, NULL, quantileIf(0.5)(assumeNotNull(seconds), state = 'done')) AS seconds_p50,
    if(done = 0, NULL, quantileIf(0.9)(assumeNotNull(seconds), state = 'done')) AS seconds_p90
FROM judged_stages
GROUP BY stage, county, township, village;
-- down
DROP TABLE IF EXISTS stage_on_time;
