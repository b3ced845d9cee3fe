-- The last complete load.
-- up
CREATE VIEW IF NOT EXISTS stage_targets AS SELECT
    stage,
    service,
    area_class,
    target
FROM stored_stage_targets
WHERE load = (SELECT max(load) FROM reference_loads);
-- down
DROP TABLE IF EXISTS stage_targets;
