"""Editions of targets on their way: what to record when a file is loaded, and the records of reference.targets."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import blake2b

from schemas.reference import Reference
from schemas.targets import EVER, Edition, Target
from schemas.wire import Codec


def load(known: tuple[Edition, ...], reference: Reference, now: int, by: str) -> Edition | None:
    """What to record when `by` loads these files at `now` (epoch ms); None if they say what is in force already.

    The first edition holds for all time. A later one holds for stages begun from now on: past verdicts keep
    the targets they had.
    """
    if known and _says(last(known)) == (frozenset(reference.targets), frozenset(reference.holidays)):
        return None
    return Edition(now if known else EVER, now, by, "LOAD", reference.targets, reference.holidays)


def recompute(known: tuple[Edition, ...], since: int, now: int, by: str) -> Edition:
    """What to record so that stages begun at `since` or later are judged by the targets in force now.

    ValueError if nothing is in force, or if `since` is yet to come: a target with a date of its own does that.
    """
    if not known:
        raise ValueError("no targets are in force yet; load them first")
    if since > now:
        raise ValueError("the past is judged anew, not the future: give targets.csv rows with valid_from instead")
    return Edition(since, now, by, "RECOMPUTE", last(known).targets, last(known).holidays)


def last(known: tuple[Edition, ...]) -> Edition:
    """The one recorded last."""
    return max(known, key=lambda edition: edition.recorded_at)


def _says(edition: Edition) -> tuple[frozenset[Target], frozenset[str]]:
    return frozenset(edition.targets), frozenset(edition.holidays)


def publish(edition: Edition, codec: Codec) -> tuple[bytes, bytes]:
    """Key and value of its record; the same edition published twice is one record to a compacted topic."""
    name = name_of(edition)
    (value,) = codec.encode([_row(edition) | {"edition_id": name}])
    return name.encode(), value


def name_of(edition: Edition) -> str:
    """Its edition_id: when it was recorded, and a hash of all it says."""
    content = json.dumps(_row(edition), sort_keys=True).encode()
    return f"{edition.recorded_at}-{blake2b(content, digest_size=8).hexdigest()}"


def _row(edition: Edition) -> dict[str, object]:
    return asdict(edition) | {"since": None if edition.since == EVER else edition.since}


def changes(known: tuple[Edition, ...]) -> dict[bytes, int]:
    """By name, since when (epoch ms) each edition holds for stages that may have been judged by another before.

    The first one, which holds for all time, is not among them.
    """
    return {name_of(edition).encode(): edition.since for edition in known if edition.since != EVER}


def read(values: Iterable[bytes], codec: Codec) -> tuple[Edition, ...]:
    """Editions of records in any order, copies once, by the time they were recorded; raises Refusal."""
    found = {_edition(codec.decode_one(value)) for value in values}
    return tuple(sorted(found, key=lambda edition: (edition.recorded_at, edition.since, edition.recorded_by)))


def as_line(edition: Edition) -> str:
    """One line of JSON, for a file of editions."""
    return json.dumps(asdict(edition), ensure_ascii=False)


def of_lines(lines: Iterable[str]) -> tuple[Edition, ...]:
    """Editions of such lines."""
    return tuple(_edition(json.loads(line)) for line in lines if line.strip())


def _edition(row: dict[str, object]) -> Edition:
    targets = tuple(Target(**target) for target in row["targets"])  # type: ignore[attr-defined]  # checked by the codec
    since = EVER if row["since"] is None else row["since"]
    told = {name: row[name] for name in ("recorded_at", "recorded_by", "reason")}
    return Edition(since=since, **told, targets=targets, holidays=tuple(row["holidays"]))  # type: ignore[arg-type]  # the same
