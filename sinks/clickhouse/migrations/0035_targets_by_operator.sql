-- Targets may be one operator's, and valid from a day on.
-- An old server can't be asked whether the column is there: a run cut short in between is finished by hand.
-- up
-- since 23.3
ALTER TABLE stored_stage_targets ADD COLUMN IF NOT EXISTS operator String AFTER target;
ALTER TABLE stored_stage_targets ADD COLUMN IF NOT EXISTS valid_from String AFTER operator;
-- before 23.3
ALTER TABLE stored_stage_targets ADD COLUMN operator String AFTER target;
ALTER TABLE stored_stage_targets ADD COLUMN valid_from String AFTER operator;
-- always
DROP TABLE IF EXISTS stage_targets;
CREATE VIEW IF NOT EXISTS stage_targets AS SELECT
    stage,
    service,
    area_class,
    target,
    operator,
    valid_from
FROM stored_stage_targets
WHERE load = (SELECT max(load) FROM reference_loads);
-- down
DROP TABLE IF EXISTS stage_targets;
-- since 23.3
ALTER TABLE stored_stage_targets DROP COLUMN IF EXISTS valid_from;
ALTER TABLE stored_stage_targets DROP COLUMN IF EXISTS operator;
-- before 23.3
ALTER TABLE stored_stage_targets DROP COLUMN valid_from;
ALTER TABLE stored_stage_targets DROP COLUMN operator;
-- always
CREATE VIEW IF NOT EXISTS stage_targets AS SELECT
    stage,
    service,
    area_class,
    target
FROM stored_stage_targets
WHERE load = (SELECT max(load) FROM reference_loads);
