-- Finds a parcel by any of its numbers without reading all parcels.
-- up
-- since 23.3
ALTER TABLE stored_parcels ADD INDEX IF NOT EXISTS by_waybill waybills TYPE bloom_filter(0.001) GRANULARITY 1;
-- down
-- since 23.3
ALTER TABLE stored_parcels DROP INDEX IF EXISTS by_waybill;
