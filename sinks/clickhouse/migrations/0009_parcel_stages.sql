-- One row per parcel and stage that exists. Overruns are as of the parcel's judged_at.
-- up
CREATE VIEW IF NOT EXISTS parcel_stages AS SELECT
    parcel_id,
    stage,
    from_milestone,
    to_milestone,
    instant(started_at) AS started_at,
    instant(ended_at) AS ended_at,
    seconds,
    state,
    clock_skew,
    target,
    target_seconds,
    instant(stage_deadline_at) AS deadline_at,
    instant(risk_at) AS risk_at,
    verdict,
    operator,
    county,
    township,
    village,
    overrun_operators,
    overrun_seconds
FROM judged_stages;
-- down
DROP TABLE IF EXISTS parcel_stages;
