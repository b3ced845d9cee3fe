-- Every copy of every scan that was admitted; of copies merges keep the one received first.
-- up
CREATE TABLE IF NOT EXISTS stored_scans (
    event_id String,
    source String,
    source_kind String,
    issuer String,
    tracking_number String,
    activity String,
    reason Nullable(String),
    occurred_at Int64,
    time_basis String,
    received_at Int64,
    facility_id Nullable(String),
    tier String,
    region Nullable(String),
    destination_region Nullable(String),
    service Nullable(String),
    operator Nullable(String),
    vehicle Nullable(String),
    worker Nullable(String),
    link_issuer Nullable(String),
    link_tracking_number Nullable(String),
    link_relation Nullable(String),
    link_evidence Nullable(String),
    retracts Nullable(String),
    consent Nullable(String),
    `measures.key` Array(String),
    `measures.value` Array(String),
    raw_code String,
    -- Engines keep the greatest: 42 bits of earliness (milliseconds, to the year 2109), then content.
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(4398046511103 - received_at), 22),
        bitShiftRight(sipHash64(
            source_kind, activity, ifNull(reason, '\0'), occurred_at, time_basis,
            ifNull(facility_id, '\0'), tier, ifNull(region, '\0'), ifNull(destination_region, '\0'),
            ifNull(service, '\0'), ifNull(operator, '\0'), ifNull(vehicle, '\0'),
            ifNull(worker, '\0'), ifNull(link_issuer, '\0'), ifNull(link_tracking_number, '\0'),
            ifNull(link_relation, '\0'), ifNull(link_evidence, '\0'), ifNull(retracts, '\0'),
            ifNull(consent, '\0'), toString(`measures.key`), toString(`measures.value`), raw_code), 42))
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (issuer, tracking_number, source, event_id)
SETTINGS index_granularity = 1024
-- since 23.3
    , fsync_after_insert = 1, fsync_part_directory = 1
-- always
;
-- down
DROP TABLE IF EXISTS stored_scans;
