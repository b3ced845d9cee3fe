"""Avro values read in bulk: two walks over the bytes, the first to check and to count, the second to fill columns.

A value is only taken if it is what our writer writes for its row: every number in its shortest form, lists in one
block, nothing left over. Whatever else it is, the reference settles it (`schemas.single`).

A schema becomes a program, one step a line: read this into that column, step over what is null, again for each item.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.blobs import Blobs, Bytes, Longs, Span
from schemas.columns import ITEMS
from schemas.compiled import compiled, place
from schemas.records import BadSchema, Schema
from schemas.varint import BROKEN, MORE, read

BOOLEAN, FLOAT, DOUBLE, RECORD, NEXT, LONG, INT, OPTIONAL, TEXT, LIST = range(10)
"""What a step reads. NEXT ends an item of a list. From LONG on, all begin with a number."""
PLAIN: Final = {
    "string": TEXT, "bytes": TEXT, "long": LONG, "int": INT, "boolean": BOOLEAN, "float": FLOAT, "double": DOUBLE,
}  # fmt: skip
STEP, COLUMN, JUMP, NULL_AT, BEHIND = range(5)
"""Of a line: JUMP of OPTIONAL and LIST leads behind all they hold, of NEXT back to the item's first step.
NULL_AT, BEHIND: of OPTIONAL, which branch is null, and the column behind those of what it holds."""
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
DEEPEST: Final = 16
"""So many lists can be in each other."""

Lines = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Into = tuple[Longs, Longs, Longs, Bytes, npt.NDArray[np.int32], Bytes, Longs, Longs, Longs]
"""Of each column the entries, and the bytes or items, so far; all numbers, marks, ends and text; where each column
begins among entries and among text; the list around each."""

ASCII: Final = 0x7F


class Skim:
    """Reads values of one schema, each behind `frame` bytes of its own, into columns of an Arrow schema for it."""

    def __init__(self, schema: dict[str, Any], columns: pa.Schema, frame: int) -> None:
        self._schema, self._columns, self._frame = schema, columns, frame
        self._around: list[int] = []
        lines: list[list[int]] = []
        self._lay(lines, schema, -1)
        if sum(line[STEP] == NEXT for line in lines) > DEEPEST:
            raise BadSchema(f"{schema['name']} has more than {DEEPEST} lists")
        self._lines = np.array(lines, np.int64)

    def _lay(self, lines: list[list[int]], schema: Schema, around: int) -> None:
        """Write the steps of a type. `around`: the column of the list it is in."""
        kind, parts, null_at = _shape(schema)
        column = len(self._around)  # of an optional type: that of what it holds
        line = [kind, column, 0, null_at, -1]
        lines.append(line)
        if kind != OPTIONAL:
            self._around.append(around)
        begin = len(lines)
        for part in parts:
            self._lay(lines, part, column if kind == LIST else around)
        if kind == LIST:
            lines.append([NEXT, column, begin, -1, -1])
        line[JUMP], line[BEHIND] = len(lines), len(self._around)

    def read(self, values: Blobs) -> tuple[pa.RecordBatch, Marks]:
        """Rows of the values that are taken, and which those are; ArrowInvalid if text in them is none."""
        taken, totals = np.zeros(len(values), np.bool_), np.zeros(len(self._around), np.int64)
        _measure_all(self._lines, values.span, self._frame, taken, totals)
        count = int(taken.sum())
        entries = np.array([count if around < 0 else totals[around] for around in self._around], np.int64)
        into = _room(entries, totals, np.array(self._around, np.int64))
        _fill_all(self._lines, values.span, self._frame, taken, into)
        rows, _ = _column(self._schema, pa.struct(list(self._columns)), 0, into, nullable=False)
        return pa.RecordBatch.from_struct_array(rows), taken


def _shape(schema: Schema) -> tuple[int, list[Any], int]:
    """A type's step and parts, and where null stands if it is optional."""
    if isinstance(schema, list):
        return OPTIONAL, [branch for branch in schema if branch != "null"], schema.index("null")
    if isinstance(schema, str):
        return PLAIN[schema], [], -1
    if schema["type"] == "record":
        return RECORD, [field["type"] for field in schema["fields"]], -1
    if schema["type"] == "map":
        return LIST, [{"type": "record", "fields": [{"type": "string"}, {"type": schema["values"]}]}], -1
    return (LIST, [schema["items"]], -1) if schema["type"] in ITEMS else _shape(schema["type"])


def _room(entries: Longs, totals: Longs, around: Longs) -> Into:
    """Room for so many entries of each column, and so many bytes of text or items."""
    at, text_at = (np.append(0, np.cumsum(sizes)) for sizes in (entries, totals))
    numbers, marks, text = np.empty(at[-1], np.int64), np.zeros(at[-1], np.uint8), np.empty(text_at[-1], np.uint8)
    ends, (places, filled) = np.zeros(at[-1] + len(entries), np.int32), np.zeros((2, len(entries)), np.int64)
    return places, filled, numbers, marks, ends, text, at, text_at, around


def _column(schema: Schema, kind: pa.DataType, column: int, into: Into, *, nullable: bool) -> tuple[pa.Array, int]:
    """The array of a type, and the column behind its own."""
    step, parts, _ = _shape(schema)
    if step == OPTIONAL:
        return _column(parts[0], kind, column, into, nullable=True)
    places, _, numbers, marks, ends, text, at, text_at, _ = into
    begin, size = int(at[column]), int(places[column])
    there = marks[begin : begin + size]
    mask = pa.py_buffer(np.packbits(there, bitorder="little")) if nullable and not there.all() else None
    if step in {TEXT, LIST}:
        buffers = [mask, pa.py_buffer(ends[begin + column : begin + column + size + 1])]
        if step == TEXT:
            return _text(kind, size, buffers, text[int(text_at[column]) : int(text_at[column + 1])]), column + 1
        item, behind = _column(parts[0], _item(kind), column + 1, into, nullable=False)
        return pa.Array.from_buffers(kind, size, buffers, children=[item]), behind
    if step != RECORD:
        return pa.Array.from_buffers(kind, size, [mask, _numbers(step, numbers[begin : begin + size])]), column + 1
    children, behind = [], column + 1
    for field, part in zip(kind, parts, strict=True):
        child, behind = _column(part, field.type, behind, into, nullable=field.nullable)
        children.append(child)
    return pa.Array.from_buffers(kind, size, [mask], children=children), behind


def _text(kind: pa.DataType, size: int, buffers: list[pa.Buffer | None], data: Bytes) -> pa.Array:
    """Few columns have more than ASCII; of those alone Arrow looks at each letter."""
    column = pa.Array.from_buffers(kind, size, [*buffers, pa.py_buffer(data)])
    if np.bitwise_or.reduce(data) > ASCII:
        column.validate(full=True)
    return column


def _item(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return kind.value_type
    return pa.struct([pa.field("key", kind.key_type, nullable=False), kind.item_field])


def _numbers(step: int, values: Longs) -> pa.Buffer:
    if step == BOOLEAN:
        return pa.py_buffer(np.packbits(values.astype(np.bool_), bitorder="little"))
    return pa.py_buffer(values if step in {LONG, DOUBLE} else values.astype(np.uint32))


@compiled
def _size(step: int) -> int:
    """Bytes of what is not a number and no text."""
    return 1 if step == BOOLEAN else (4 if step == FLOAT else 8)


@compiled
def _behind(step: int, number: int, at: int, end: int) -> int:
    """Where it goes on after a number; BROKEN if a step of this kind has none such."""
    if step == LONG:
        return at
    if step == INT:
        return at if INT_MIN <= number <= INT_MAX else BROKEN
    if step == OPTIONAL:
        return at if 0 <= number <= 1 else BROKEN
    if number < 0 or number > end - at:
        return BROKEN
    return at + number if step == TEXT else at


@compiled
def _measure_all(lines: Lines, values: Span, frame: int, taken: Marks, totals: Longs) -> None:
    """Find the values that can be taken, and how much text and how many items each column has of them."""
    data, starts, sizes = values
    left = np.empty(DEEPEST, np.int64)
    for row in range(len(taken)):
        at, end = starts[row] + frame, starts[row] + sizes[row]
        taken[row] = sizes[row] >= frame and _measure(lines, data, at, end, totals, left) == end


@compiled
def _measure(  # one loop without calls that take arrays: each would count references, ten times the cost
    lines: Lines, data: Bytes, at: int, end: int, totals: Longs, left: Longs
) -> int:
    """The position behind a value, or BROKEN; `totals` may count more than what was whole. `left`: items to come."""
    line = depth = 0
    while line < len(lines) and at != BROKEN:
        step, ahead = lines[line, STEP], line + 1
        if step < RECORD:
            known = at + _size(step) <= end and (step != BOOLEAN or data[at] <= 1)
            at = at + _size(step) if known else BROKEN
        elif step == NEXT:
            left[depth - 1] -= 1
            if left[depth - 1] > 0:
                ahead = lines[line, JUMP]
            else:
                depth -= 1
                at = at + 1 if at < end and data[at] == 0 else BROKEN
        elif step > NEXT:
            if at < end and data[at] < MORE:  # nearly all; each call of `read` counts references
                number, behind = np.int64(data[at] >> 1) ^ -np.int64(data[at] & 1), at + 1
            else:
                number, behind = read(data, at, end)  # type: ignore[assignment]  # one to numba
            shortest = behind - at == 1 or (behind != BROKEN and data[behind - 1] != 0)
            at = _behind(step, number, behind, end) if shortest else BROKEN  # type: ignore[arg-type]  # one to numba
            if step >= TEXT and at != BROKEN:
                totals[lines[line, COLUMN]] += number
            if (step == OPTIONAL and number == lines[line, NULL_AT]) or (step == LIST and number == 0):
                ahead = lines[line, JUMP]
            elif step == LIST:
                left[depth] = number
                depth += 1
        line = ahead
    return at


@compiled
def _fill_all(  # noqa: C901, PLR0912  # as _measure
    lines: Lines, values: Span, frame: int, taken: Marks, into: Into
) -> None:
    """Put the values that were taken into their columns."""
    (data, starts, _), left = values, np.empty(DEEPEST, np.int64)
    places, filled, numbers, marks, ends, text, begin, text_begin, around = into
    for row in range(len(taken)):
        at, line, depth = starts[row] + frame, 0, 0
        while taken[row] and line < len(lines):
            step, column, ahead, number = lines[line, STEP], lines[line, COLUMN], line + 1, 0
            if step > NEXT and data[at] < MORE:
                number, at = np.int64(data[at] >> 1) ^ -np.int64(data[at] & 1), at + 1  # type: ignore[assignment]  # one to numba
            elif step > NEXT:
                number, at = read(data, at, len(data))
            elif step < RECORD:
                for byte in range(_size(step)):
                    number |= int(data[at + byte]) << (8 * byte)
                at += _size(step)
            if step == NEXT:
                left[depth - 1] -= 1
                if left[depth - 1] > 0:
                    ahead = lines[line, JUMP]
                else:
                    depth, at = depth - 1, at + 1
            elif step == OPTIONAL:
                if number == lines[line, NULL_AT]:
                    ahead = lines[line, JUMP]
                    for empty in range(column, lines[line, BEHIND]):
                        if around[empty] == around[column]:  # items of lists there are none
                            numbers[begin[empty] + places[empty]] = 0
                            ends[begin[empty] + places[empty] + empty + 1] = filled[empty]
                            places[empty] += 1
            else:
                spot = begin[column] + places[column]
                places[column] += 1
                marks[spot], numbers[spot] = 1, number
                if step == TEXT:
                    place(text, text_begin[column] + filled[column], data, at, number)  # type: ignore[call-arg]  # the typing context
                    at += number
                elif step == LIST and number == 0:
                    ahead = lines[line, JUMP]
                elif step == LIST:
                    left[depth], depth = number, depth + 1
                if step >= TEXT:
                    filled[column] += number
                    ends[spot + column + 1] = filled[column]
            line = ahead
