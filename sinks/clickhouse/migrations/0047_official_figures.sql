-- The Bureau's figures and, what they lack, the same by county, township and village. Of all time; by period:
-- yizhan figures. docs/figures.md says what counts.
-- up
CREATE VIEW IF NOT EXISTS official_figures AS SELECT
    tupleElement(place, 1) AS dimension,
    tupleElement(place, 2) AS key,
    stage,
    count() AS parcels,
    countIf(state = 'done') AS done,
    countIf(state = 'stopped') AS stopped,
    if(done = 0, NULL, sumIf(length_ms, state = 'done') / done / 1000) AS mean_seconds,
    if(done = 0, NULL, quantileExactIf(0.5)(length_ms, state = 'done') / 1000) AS p50_seconds,
    if(done = 0, NULL, quantileExactIf(0.9)(length_ms, state = 'done') / 1000) AS p90_seconds,
    if(done = 0, NULL, quantileExactIf(0.95)(length_ms, state = 'done') / 1000) AS p95_seconds,
    countIf(state = 'done' AND length_ms <= 172800000) AS within_48h,
    countIf(state = 'done' AND length_ms <= 259200000) AS within_72h,
    if(done = 0, NULL, within_48h / done) AS rate_48h,
    if(done = 0, NULL, within_72h / done) AS rate_72h,
    countIf(state = 'running' AND length_ms > 172800000) AS open_past_48h,
    countIf(state = 'running' AND length_ms > 259200000) AS open_past_72h
FROM official_spans
ARRAY JOIN [
    ('day', toString(day)),
    ('operator', operator),
    ('county', county),
    ('township', township),
    ('village', village)
] AS place
GROUP BY dimension, key, stage;
-- down
DROP TABLE IF EXISTS official_figures;
