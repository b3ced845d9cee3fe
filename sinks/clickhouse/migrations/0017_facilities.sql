-- The last complete load.
-- up
CREATE VIEW IF NOT EXISTS facilities AS SELECT
    facility_id,
    name,
    tier,
    region,
    area_class,
    host_kind,
    functions,
    operators,
    lat,
    lon
FROM stored_facilities
WHERE load = (SELECT max(load) FROM reference_loads);
-- down
DROP TABLE IF EXISTS facilities;
