-- Who put which targets in force, when, and for stages begun from when on; 1970 stands for "ever".
-- up
CREATE VIEW IF NOT EXISTS target_editions AS SELECT
    instant(since) AS since,
    instant(recorded_at) AS recorded_at,
    recorded_by,
    reason,
    holidays,
    stage,
    service,
    area_class,
    target,
    operator,
    valid_from
FROM stored_target_editions
WHERE load = (SELECT max(load) FROM reference_loads);
-- down
DROP TABLE IF EXISTS target_editions;
