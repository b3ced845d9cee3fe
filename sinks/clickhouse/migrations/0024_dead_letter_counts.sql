-- Letters by source, reason and UTC day.
-- up
CREATE VIEW IF NOT EXISTS dead_letter_counts AS SELECT
    source, reason, toDate(instant(received_at)) AS day, count() AS letters
FROM stored_dead_letters FINAL
GROUP BY source, reason, day;
-- down
DROP TABLE IF EXISTS dead_letter_counts;
