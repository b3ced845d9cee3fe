-- Parcels whose collection is known, a row for each of the State Post Bureau's stages and for the whole way.
-- `day`: of collection, in China; `seconds` since it began where it runs; place: of destination.
-- up
CREATE VIEW IF NOT EXISTS official_spans AS SELECT
    parcel_id,
    toDate(instant(collected_ms), 'Asia/Shanghai') AS day,
    stage,
    state,
    greatest(ifNull(ended_at, (SELECT now_ms FROM clock)) - started_at, 0) AS length_ms,
    ifNull(operator, 'UNKNOWN') AS operator,
    ifNull(county, 'UNKNOWN') AS county,
    ifNull(township, 'UNKNOWN') AS township,
    ifNull(village, 'UNKNOWN') AS village
FROM (
    SELECT
        parcel_id,
        ifNull(collected_at, 0) AS collected_ms,
        stage, state, started_at, ended_at, operator, county, township, village
    FROM current_parcels
    ARRAY JOIN
        stages.stage AS stage,
        stages.state AS state,
        stages.started_at AS started_at,
        stages.ended_at AS ended_at,
        stages.operator AS operator,
        stages.county AS county,
        stages.township AS township,
        stages.village AS village
    WHERE isNotNull(collected_at)
        AND stage IN ('whole', 'origin_processing', 'transport', 'destination_processing', 'delivery')
);
-- down
DROP TABLE IF EXISTS official_spans;
