-- A row per parcel and stage, in milliseconds; a running stage with a deadline is judged by the clock.
-- up
CREATE VIEW IF NOT EXISTS judged_stages AS SELECT
    parcel_id, shown_by, status, custodian,
    stage, from_milestone, to_milestone, started_at, ended_at, seconds, state, clock_skew,
    target, target_seconds, stage_deadline_at, risk_at, operator, county, township, village,
    overrun_operators, overrun_seconds,
    (SELECT now_ms FROM clock) AS now_ms,
    if(state = 'running' AND isNotNull(stage_deadline_at),
        multiIf(
            now_ms > ifNull(stage_deadline_at, 0), 'OVERDUE',
            isNotNull(risk_at) AND now_ms >= ifNull(risk_at, 0), 'AT_RISK',
            'RUNNING'),
        stored_verdict) AS verdict
FROM current_parcels
ARRAY JOIN
    stages.stage AS stage,
    stages.from_milestone AS from_milestone,
    stages.to_milestone AS to_milestone,
    stages.started_at AS started_at,
    stages.ended_at AS ended_at,
    stages.seconds AS seconds,
    stages.state AS state,
    stages.clock_skew AS clock_skew,
    stages.target AS target,
    stages.target_seconds AS target_seconds,
    stages.deadline_at AS stage_deadline_at,
    stages.risk_at AS risk_at,
    stages.verdict AS stored_verdict,
    stages.operator AS operator,
    stages.county AS county,
    stages.township AS township,
    stages.village AS village,
    stages.overruns_operator AS overrun_operators,
    stages.overruns_seconds AS overrun_seconds;
-- down
DROP TABLE IF EXISTS judged_stages;
