-- How many links each network claims between numbers it has nothing to do with.
-- up
CREATE VIEW IF NOT EXISTS link_claims AS SELECT
    source, relation, count() AS claims, max(received_at) AS last_received_at
FROM parcel_links
WHERE state = 'CLAIM'
GROUP BY source, relation;
-- down
DROP TABLE IF EXISTS link_claims;
