"""The official figures of a period: as the State Post Bureau counts them, by its dimensions and by smaller places."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final

from rich.table import Table

from yizhan.desk import Desk
from yizhan.operations.telling import Row, table

FIGURES: Final = """    count() AS parcels,
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
    countIf(state = 'running' AND length_ms > 259200000) AS open_past_72h"""
"""The columns of the views official_figures and official_routes, compared with theirs in a test: a period is chosen
before percentiles are taken, so a view of all time cannot answer for one."""
WHOLE: Final = "whole"
STAGES: Final = ("origin_processing", "transport", "destination_processing", "delivery")
MEANS: Final = dict(zip(STAGES, ("origin", "transport", "destination", "last leg"), strict=True))
"""The Bureau's four stages, short: mean hours of each."""
HEADS: Final = ("parcels", "delivered", "whole", "p50", "p90", "p95", "48 h", "72 h", "open > 72 h", *MEANS.values())


class By(StrEnum):
    """What figures are told apart by."""

    DAY = "day"
    ROUTE = "route"
    OPERATOR = "operator"
    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"


class NoPeriod(ValueError):
    """Days that are no period."""


def official(desk: Desk, by: By, since: date | None, until: date | None) -> list[Row]:
    """A row for each day, route, ... with the figures of each stage; days of collection, both included, in China."""
    if since and until and since > until:
        raise NoPeriod(f"--from {since} is later than --to {until}")
    spans = "official_route_spans" if by is By.ROUTE else "official_spans"
    days = [f"day >= '{since}'"] if since else []
    days += [f"day <= '{until}'"] if until else []
    where = f"WHERE {' AND '.join(days)}" if days else ""
    key = "toString(day)" if by is By.DAY else by.value
    sql = f"SELECT {key} AS key, stage,\n{FIGURES}\nFROM {spans} {where} GROUP BY key, stage"
    found: dict[str, Row] = {}
    for row in desk.rows(sql):
        found.setdefault(row.pop("key"), {})[row.pop("stage")] = row
    return [{by.value: name} | found[name] for name in sorted(found)]


def shown(by: By, rows: Sequence[Row], names: dict[str, str]) -> Table:
    """For a terminal: the whole way, then the mean of each stage; hours."""
    title = "official figures by day of collection: hours (mean, percentiles, mean of each stage) and shares"
    return table(title, (by.value, *HEADS), [_cells(by, row, names) for row in rows], HEADS)


def _cells(by: By, row: Row, names: dict[str, str]) -> tuple[str, ...]:
    whole: dict[str, Any] = row.get(WHOLE, {})
    hours = [_hours(whole.get(f"{name}_seconds")) for name in ("mean", "p50", "p90", "p95")]
    rates = [_share(whole.get(f"rate_{limit}h")) for limit in (48, 72)]
    counts = [str(whole.get(name, 0)) for name in ("parcels", "done")]
    means = [_hours(row.get(stage, {}).get("mean_seconds")) for stage in STAGES]
    code: str = row[by.value]
    key = code.replace("000000", "") if by is By.ROUTE else names.get(code, code)
    return (key, *counts, *hours, *rates, str(whole.get("open_past_72h", 0)), *means)


def _hours(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 3600:.1f}"


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"
