-- Whose delay: seconds behind the deadline by month of the deadline (county time), stage and operator. What no
-- operator had, and the parts of seconds lost at hand-overs, stands under the empty name, so that each month and
-- stage adds up exactly to its stages' overruns. Those still running count up to their parcel's judged_at.
-- up
CREATE VIEW IF NOT EXISTS overrun_statement AS SELECT
    toStartOfMonth(toDate(due + 28800)) AS month,
    stage,
    operator,
    sum(seconds) AS overrun_seconds,
    uniqExact(parcel_id) AS parcels
FROM (
    SELECT
        parcel_id, stage, due,
        arrayConcat(operators, ['']) AS names,
        arrayConcat(shares, [overrun - toInt64(arraySum(shares))]) AS parts
    FROM (
        SELECT
            parcel_id, stage, operators, shares,
            toInt64(intDiv(ifNull(deadline, 0), 1000)) AS due,
            toInt64(intDiv(ifNull(ended, judged_at) - ifNull(deadline, 0), 1000)) AS overrun
        FROM current_parcels
        ARRAY JOIN
            stages.stage AS stage,
            stages.ended_at AS ended,
            stages.deadline_at AS deadline,
            stages.verdict AS verdict,
            stages.overruns_operator AS operators,
            stages.overruns_seconds AS shares
        WHERE ifNull(verdict, '') IN ('MISSED', 'OVERDUE')
    )
)
ARRAY JOIN names AS operator, parts AS seconds
WHERE seconds > 0
GROUP BY month, stage, operator;
-- down
DROP TABLE IF EXISTS overrun_statement;
