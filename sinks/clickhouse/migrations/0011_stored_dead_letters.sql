-- What was refused; the same letter refused again is kept as first received.
-- up
CREATE TABLE IF NOT EXISTS stored_dead_letters (
    letter_id String,
    source String,
    reason String,
    field String,
    detail String,
    topic String,
    partition Int32,
    offset Int64,
    position Int32,
    received_at Int64,
    payload String,
    payload_bytes Int64,
    payload_sha256 String,
    -- Engines keep the greatest: 42 bits of earliness (milliseconds, to the year 2109), then content.
    precedence UInt64 MATERIALIZED bitOr(
        bitShiftLeft(toUInt64(4398046511103 - received_at), 22),
        bitShiftRight(sipHash64(
            reason, field, detail, topic, partition, offset, position, payload, payload_bytes,
            payload_sha256), 42))
)
ENGINE = ReplacingMergeTree(precedence)
ORDER BY (source, letter_id)
SETTINGS index_granularity = 1024
-- since 23.3
    , fsync_after_insert = 1, fsync_part_directory = 1
-- always
;
-- down
DROP TABLE IF EXISTS stored_dead_letters;
