-- One row per parcel and record, with its stages as parallel arrays: both change in one insert or not at all.
-- up
CREATE TABLE IF NOT EXISTS stored_parcels (
    parcel_id String,
    version Int64,
    judged_at Int64,
    gone UInt8,
    waybills Array(String),
    shown_by String,
    status String,
    direction String,
    service String,
    destination_region Nullable(String),
    destination_village Nullable(String),
    collected_inferred UInt8,
    created_at Nullable(Int64),
    collected_at Nullable(Int64),
    village_out_at Nullable(Int64),
    township_up_out_at Nullable(Int64),
    county_up_in_at Nullable(Int64),
    county_up_out_at Nullable(Int64),
    origin_out_at Nullable(Int64),
    dest_in_at Nullable(Int64),
    county_in_at Nullable(Int64),
    county_out_at Nullable(Int64),
    township_in_at Nullable(Int64),
    township_out_at Nullable(Int64),
    village_in_at Nullable(Int64),
    out_for_delivery_at Nullable(Int64),
    at_point_at Nullable(Int64),
    handed_at Nullable(Int64),
    returned_at Nullable(Int64),
    current_stage Nullable(String),
    custodian Nullable(String),
    custodians Array(String),
    deadline_at Nullable(Int64),
    scans Int32,
    first_scan_at Int64,
    last_scan_at Int64,
    `stages.stage` Array(String),
    `stages.from_milestone` Array(String),
    `stages.to_milestone` Array(Nullable(String)),
    `stages.started_at` Array(Int64),
    `stages.ended_at` Array(Nullable(Int64)),
    `stages.seconds` Array(Nullable(Int64)),
    `stages.state` Array(String),
    `stages.clock_skew` Array(UInt8),
    `stages.target` Array(Nullable(String)),
    `stages.target_seconds` Array(Nullable(Int64)),
    `stages.deadline_at` Array(Nullable(Int64)),
    `stages.risk_at` Array(Nullable(Int64)),
    `stages.verdict` Array(Nullable(String)),
    `stages.operator` Array(Nullable(String)),
    `stages.county` Array(Nullable(String)),
    `stages.township` Array(Nullable(String)),
    `stages.village` Array(Nullable(String)),
    `stages.overruns_operator` Array(Array(String)),
    `stages.overruns_seconds` Array(Array(Int64)),
-- since 23.3
    -- The higher version wins, of equal ones the later judged: 64 bits for each.
    precedence UInt128 MATERIALIZED bitOr(bitShiftLeft(toUInt128(version), 64), toUInt128(judged_at))
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY parcel_id
-- before 23.3
    -- No 128 bits here: the last judged row of each version is kept, and current_parcels chooses.
    precedence UInt64 MATERIALIZED toUInt64(judged_at)
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (parcel_id, version)
-- always
SETTINGS index_granularity = 256
-- since 23.3
    , fsync_after_insert = 1, fsync_part_directory = 1
-- always
;
-- down
DROP TABLE IF EXISTS stored_parcels;
