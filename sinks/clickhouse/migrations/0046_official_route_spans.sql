-- The same rows with the route: county of collection, county of destination.
-- up
CREATE VIEW IF NOT EXISTS official_route_spans AS SELECT
    parcel_id, day, stage, state, length_ms,
    concat(if(origin_county = '', 'UNKNOWN', origin_county), '-', county) AS route
FROM official_spans
ALL LEFT JOIN (SELECT parcel_id, origin_county FROM parcel_origins) AS origins
USING parcel_id;
-- down
DROP TABLE IF EXISTS official_route_spans;
