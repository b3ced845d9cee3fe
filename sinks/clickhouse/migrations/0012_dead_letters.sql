-- Every letter once, with the fields of dead_letter.avsc.
-- up
CREATE VIEW IF NOT EXISTS dead_letters AS SELECT
    letter_id,
    source,
    reason,
    field,
    detail,
    topic,
    partition,
    offset,
    position,
    instant(received_at) AS received_at,
    payload,
    payload_bytes,
    payload_sha256
FROM stored_dead_letters FINAL;
-- down
DROP TABLE IF EXISTS dead_letters;
