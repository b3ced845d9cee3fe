-- The word that holds for each alert or incident: ACKNOWLEDGED or SNOOZED, until when, who said it and why.
-- up
CREATE VIEW IF NOT EXISTS current_alert_marks AS SELECT
    about,
    mark,
    argMax(until_at, marked_at) AS until_ms,
    argMax(marked_by, marked_at) AS by,
    argMax(note, marked_at) AS note_of_it
FROM stored_alert_marks
GROUP BY about, mark;
-- down
DROP TABLE IF EXISTS current_alert_marks;
