-- Every number of every parcel. By one number, has(waybills, number) on parcels is quicker: it has an index.
-- up
CREATE VIEW IF NOT EXISTS parcel_waybills AS SELECT waybill, parcel_id
FROM current_parcels
ARRAY JOIN waybills AS waybill;
-- down
DROP TABLE IF EXISTS parcel_waybills;
