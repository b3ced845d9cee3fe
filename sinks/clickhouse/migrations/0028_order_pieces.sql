-- The pieces of each order or mother number, with the parcel that each is; a mother number that was scanned itself
-- is a piece, too. A number that was used again counts with the life the piece was named in.
-- up
CREATE VIEW IF NOT EXISTS order_pieces AS SELECT
    order_number, waybill AS piece, parcel_id, status, direction,
    instant(first_ms) AS first_scan_at,
    instant(last_ms) AS last_scan_at,
    instant(handed_ms) AS handed_at
FROM (
    SELECT
        linked_waybill AS order_number,
        arrayJoin([waybill, linked_waybill]) AS waybill,
        toInt64(toUnixTimestamp(min(occurred_at))) * 1000 AS named_ms
    FROM parcel_links
    WHERE relation = 'PIECE_OF' AND state = 'STANDING'
    GROUP BY order_number, waybill
) AS named
ALL INNER JOIN (
    SELECT
        arrayJoin(waybills) AS waybill, parcel_id, status, direction,
        first_scan_at AS first_ms, last_scan_at AS last_ms, handed_at AS handed_ms
    FROM current_parcels
) AS parcel
USING waybill
WHERE first_ms - 2592000000 < named_ms AND last_ms + 2592000000 > named_ms
GROUP BY order_number, piece, parcel_id, status, direction, first_ms, last_ms, handed_ms;
-- down
DROP TABLE IF EXISTS order_pieces;
