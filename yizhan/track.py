"""`yizhan track`: the parcels that ever travelled under a number, with their links and pieces."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.vocabulary import MILESTONES
from yizhan.desk import Desk, desk
from yizhan.numbers import Numbers
from yizhan.printing import OUT, print_json, print_rows

Row = dict[str, Any]
PARCEL: Final = "parcel_id"


class NotFound(LookupError):
    """What was asked for is not there."""


def track(
    number: str,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the embedded stack.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,  # noqa: FBT002  # a flag
) -> None:
    """Show what ever travelled under NUMBER (with or without `issuer:`), an order's or mother number's pieces, too."""
    with desk(data) as asked:
        found = parcels(asked, number)
    if not found:
        raise NotFound(f"no parcel ever travelled under {number}; is it imported? See: yizhan dead-letters list")
    if as_json:
        print_json(found)
        return
    for parcel in found:
        _show(parcel)


def parcels(asked: Desk, number: str) -> list[Row]:
    """Parcels of all lives of the number, the latest first, then the pieces of the order it is.

    Of one parcel the answer is the same by any of its numbers, so pieces are those of the order that any of them is.
    Each with `stages`, `links` and `piece_of` (null where it was found by a number of its own).
    """
    numbers = Numbers(asked)
    own = numbers.parcels(number)
    known = {parcel[PARCEL] for parcel in own}
    named = [number, *(waybill for parcel in own for waybill in parcel["waybills"])]
    of = {piece: order for piece, order in numbers.pieces(named).items() if piece not in known}
    found = sorted([*own, *numbers.parcels_of([*of])], key=lambda p: (p[PARCEL] in of, -_moment(p), p[PARCEL]))
    stages = numbers.stages([parcel[PARCEL] for parcel in found])
    links = numbers.links(sorted({waybill for parcel in found for waybill in parcel["waybills"]}))
    return [
        parcel
        | {"stages": [s for s in stages if s[PARCEL] == parcel[PARCEL]]}
        | {"links": [link for link in links if {link["waybill"], link["linked_waybill"]} & {*parcel["waybills"]}]}
        | {"piece_of": of.get(parcel[PARCEL])}
        for parcel in found
    ]


def _moment(parcel: Row) -> float:
    """When it was scanned last; times come as datetime, or as ISO text from a running stack."""
    at = parcel["last_scan_at"]
    return 0.0 if at is None else float(at.timestamp()) if hasattr(at, "timestamp") else float(_digits(at))


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text[:19]))


def _show(parcel: Row) -> None:
    holder = parcel["custodian"] or "-"
    OUT.print(f"[b]{parcel['shown_by']}[/]  {parcel['status']}  {parcel['direction']}  with {holder}")
    OUT.print(
        "waybills: " + ", ".join(parcel["waybills"]) + (f"  (id {parcel[PARCEL]})" if "~" in parcel[PARCEL] else "")
    )
    if parcel["piece_of"]:
        OUT.print(f"piece of {parcel['piece_of']}")
    passed = [(name, parcel[f"{name}_at"]) for name in (m.name for m in MILESTONES)]
    print_rows([{"milestone": name, "at (UTC)": at} for name, at in passed if at is not None])
    print_rows([_stage(stage) for stage in parcel["stages"]], "stages")
    if parcel["links"]:
        print_rows([_link(link) for link in parcel["links"]], "links")


def _stage(stage: Row) -> Row:
    hours = None if stage["seconds"] is None else f"{stage['seconds'] / 3600:.1f}"
    shown = {name: stage[name] for name in ("stage", "state", "verdict", "target", "operator")}
    return shown | {"hours": hours}


def _link(link: Row) -> Row:
    return {name: link[name] for name in ("waybill", "relation", "linked_waybill", "state", "source", "evidence")}
