-- Where a parcel was last seen. A view keeps the columns it was made with, so those over the table are made again.
-- An old server can't be asked whether the column is there: a run cut short in between is finished by hand.
-- up
-- since 23.3
ALTER TABLE stored_parcels ADD COLUMN IF NOT EXISTS facility_id Nullable(String) AFTER last_scan_at;
-- before 23.3
ALTER TABLE stored_parcels ADD COLUMN facility_id Nullable(String) AFTER last_scan_at;
-- always
DROP TABLE IF EXISTS current_parcels;
CREATE VIEW IF NOT EXISTS current_parcels AS SELECT *
-- since 23.3
FROM stored_parcels FINAL
-- before 23.3
FROM (SELECT * FROM stored_parcels FINAL ORDER BY parcel_id, version DESC LIMIT 1 BY parcel_id)
-- always
WHERE gone = 0;
DROP TABLE IF EXISTS parcels;
CREATE VIEW IF NOT EXISTS parcels AS SELECT
    parcel_id,
    waybills,
    shown_by,
    status,
    direction,
    service,
    destination_region,
    destination_village,
    collected_inferred,
    instant(created_at) AS created_at,
    instant(collected_at) AS collected_at,
    instant(village_out_at) AS village_out_at,
    instant(township_up_out_at) AS township_up_out_at,
    instant(county_up_in_at) AS county_up_in_at,
    instant(county_up_out_at) AS county_up_out_at,
    instant(origin_out_at) AS origin_out_at,
    instant(dest_in_at) AS dest_in_at,
    instant(county_in_at) AS county_in_at,
    instant(county_out_at) AS county_out_at,
    instant(township_in_at) AS township_in_at,
    instant(township_out_at) AS township_out_at,
    instant(village_in_at) AS village_in_at,
    instant(out_for_delivery_at) AS out_for_delivery_at,
    instant(at_point_at) AS at_point_at,
    instant(handed_at) AS handed_at,
    instant(returned_at) AS returned_at,
    current_stage,
    custodian,
    custodians,
    instant(deadline_at) AS deadline_at,
    scans,
    instant(first_scan_at) AS first_scan_at,
    instant(last_scan_at) AS last_scan_at,
    facility_id,
    version,
    instant(judged_at) AS judged_at
FROM current_parcels;
-- down
DROP TABLE IF EXISTS parcels;
DROP TABLE IF EXISTS current_parcels;
-- since 23.3
ALTER TABLE stored_parcels DROP COLUMN IF EXISTS facility_id;
-- before 23.3
ALTER TABLE stored_parcels DROP COLUMN facility_id;
-- always
CREATE VIEW IF NOT EXISTS current_parcels AS SELECT *
-- since 23.3
FROM stored_parcels FINAL
-- before 23.3
FROM (SELECT * FROM stored_parcels FINAL ORDER BY parcel_id, version DESC LIMIT 1 BY parcel_id)
-- always
WHERE gone = 0;
CREATE VIEW IF NOT EXISTS parcels AS SELECT
    parcel_id,
    waybills,
    shown_by,
    status,
    direction,
    service,
    destination_region,
    destination_village,
    collected_inferred,
    instant(created_at) AS created_at,
    instant(collected_at) AS collected_at,
    instant(village_out_at) AS village_out_at,
    instant(township_up_out_at) AS township_up_out_at,
    instant(county_up_in_at) AS county_up_in_at,
    instant(county_up_out_at) AS county_up_out_at,
    instant(origin_out_at) AS origin_out_at,
    instant(dest_in_at) AS dest_in_at,
    instant(county_in_at) AS county_in_at,
    instant(county_out_at) AS county_out_at,
    instant(township_in_at) AS township_in_at,
    instant(township_out_at) AS township_out_at,
    instant(village_in_at) AS village_in_at,
    instant(out_for_delivery_at) AS out_for_delivery_at,
    instant(at_point_at) AS at_point_at,
    instant(handed_at) AS handed_at,
    instant(returned_at) AS returned_at,
    current_stage,
    custodian,
    custodians,
    instant(deadline_at) AS deadline_at,
    scans,
    instant(first_scan_at) AS first_scan_at,
    instant(last_scan_at) AS last_scan_at,
    version,
    instant(judged_at) AS judged_at
FROM current_parcels;
