-- The record that holds for each parcel, as stored (milliseconds, arrays); ids that are gone left out.
-- up
CREATE VIEW IF NOT EXISTS current_parcels AS SELECT *
-- since 23.3
FROM stored_parcels FINAL
-- before 23.3
FROM (SELECT * FROM stored_parcels FINAL ORDER BY parcel_id, version DESC LIMIT 1 BY parcel_id)
-- always
WHERE gone = 0;
-- down
DROP TABLE IF EXISTS current_parcels;
