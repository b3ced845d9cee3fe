-- The instant verdicts of running stages are judged at, if somebody holds it; 0 lets it run.
-- up
CREATE TABLE IF NOT EXISTS stored_clock (
    turn UInt64,
    as_of Int64
)
ENGINE = MergeTree
ORDER BY turn;
-- down
DROP TABLE IF EXISTS stored_clock;
