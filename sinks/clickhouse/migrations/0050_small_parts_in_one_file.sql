-- An insert writes one file instead of one or more for each of 70 columns: nearly half of what it cost. What merges
-- make beyond 128 MiB has a file a column, as questions about few columns like it. Parts of before stay as they are.
-- up
-- since 23.3
ALTER TABLE stored_scans MODIFY SETTING min_bytes_for_wide_part = 134217728;
ALTER TABLE stored_parcels MODIFY SETTING min_bytes_for_wide_part = 134217728;
-- down
-- since 23.3
ALTER TABLE stored_parcels RESET SETTING min_bytes_for_wide_part;
ALTER TABLE stored_scans RESET SETTING min_bytes_for_wide_part;
