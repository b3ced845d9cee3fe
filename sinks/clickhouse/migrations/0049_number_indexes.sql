-- Finds parcels by a number of any issuer, and the scans whose link names a number, without reading all of them.
-- Rows stored before are indexed in the background; until then they are read, as an old server reads them.
-- up
-- since 23.3
ALTER TABLE stored_parcels ADD INDEX IF NOT EXISTS by_number
    splitByChar(':', arrayStringConcat(waybills, ':')) TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_parcels MATERIALIZE INDEX by_number;
ALTER TABLE stored_scans ADD INDEX IF NOT EXISTS by_linked_number
    link_tracking_number TYPE bloom_filter(0.001) GRANULARITY 1;
ALTER TABLE stored_scans MATERIALIZE INDEX by_linked_number;
-- down
-- since 23.3
ALTER TABLE stored_scans DROP INDEX IF EXISTS by_linked_number;
ALTER TABLE stored_parcels DROP INDEX IF EXISTS by_number;
