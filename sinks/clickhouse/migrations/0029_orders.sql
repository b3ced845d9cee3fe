-- One row per order of several pieces: how many there are and how many have arrived.
-- up
CREATE VIEW IF NOT EXISTS orders AS SELECT
    order_number,
    count() AS pieces,
    countIf(status = 'DELIVERED') AS delivered,
    countIf(status IN ('RETURNING', 'RETURNED')) AS returned,
    countIf(status IN ('LOST', 'DAMAGED')) AS troubled,
    groupArray(piece) AS waybills,
    min(first_scan_at) AS first_scan_at,
    max(last_scan_at) AS last_scan_at
FROM (SELECT * FROM order_pieces ORDER BY order_number, piece)
GROUP BY order_number;
-- down
DROP TABLE IF EXISTS orders;
