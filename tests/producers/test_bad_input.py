"""Each kind of broken document gets the answer that docs/bad-input.md promises."""

from pathlib import Path
from typing import Any, Final

import pytest

from schemas.dead_letter import Reason
from tests.producers.bad_input import TABLE, document, rows
from tests.producers.county import COUNTY, admission, truth

DOC: Final = Path(__file__).parents[2] / "docs" / "bad-input.md"


def answer(kind: str) -> dict[str, Any]:
    """The only thing that comes of the document: its letter."""
    admitted = admission().admit([document(kind)])
    assert admitted.scans == []
    [letter] = admitted.letters
    return letter


def test_the_table_has_every_kind_of_the_truth() -> None:
    """22 kinds, and as many letters of each reason as the truth counts."""
    assert set(TABLE) == set(truth()["dead_letters_per_kind"])
    reasons = [bad.reason for bad in TABLE.values()]
    assert {r: reasons.count(r) for r in reasons} == truth()["dead_letters_per_category"]
    assert len({document(kind).payload for kind in TABLE}) == len(TABLE) == 22


@pytest.mark.parametrize("kind", TABLE)
def test_a_broken_document_is_refused_by_reason_field_and_cause(kind: str) -> None:
    """The letter says which field is at fault and why."""
    letter, bad = answer(kind), TABLE[kind]
    assert (letter["source"], letter["reason"], letter["field"]) == (bad.network, bad.reason, bad.field)
    assert bad.detail in letter["detail"]
    assert letter["reason"] in {reason.value for reason in Reason}


@pytest.mark.parametrize("kind", TABLE)
def test_a_letter_keeps_the_documents_bytes(kind: str) -> None:
    """Whoever repairs it needs all of it."""
    letter, given = answer(kind), document(kind)
    assert letter["payload"] == given.payload
    assert letter["payload_bytes"] == len(given.payload)
    assert letter["received_at"] == given.received_at


def test_the_page_for_readers_says_what_admission_does() -> None:
    """docs/bad-input.md has exactly the table's rows, with today's answers."""
    told = [line for line in DOC.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert told[1:] == rows({kind: answer(kind) for kind in TABLE})
    assert COUNTY.joinpath("truth.json").is_file()
