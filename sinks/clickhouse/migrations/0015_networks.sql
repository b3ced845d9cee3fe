-- The last complete load.
-- up
CREATE VIEW IF NOT EXISTS networks AS SELECT
    network,
    kind,
    display_name,
    time_zone,
    codes
FROM stored_networks
WHERE load = (SELECT max(load) FROM reference_loads);
-- down
DROP TABLE IF EXISTS networks;
