"""From the names of ClickHouse types to Arrow."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

_PLAIN: Final[Mapping[str, pa.DataType]] = {
    "String": pa.binary(),
    "Date": pa.date32(),
    "Bool": pa.bool_(),
    "Float32": pa.float32(),
    "Float64": pa.float64(),
    "Nothing": pa.null(),
    **{f"Int{bits}": getattr(pa, f"int{bits}")() for bits in (8, 16, 32, 64)},
    **{f"UInt{bits}": getattr(pa, f"uint{bits}")() for bits in (8, 16, 32, 64)},
}
_WRAPPED: Final = re.compile(r"^(\w+)\((.*)\)$", re.DOTALL)


def column(values: Sequence[Any], kind: str) -> pa.Array:
    """Values of one column as the driver gives them, as Arrow; strings are still bytes or UTF-8 text.

    A type that is not in the list (decimals, addresses) takes what Arrow infers from the values.
    """
    found = _type(kind)
    if found == pa.binary() or found is None:
        return _text(pa.array(list(values), found))
    if isinstance(found, pa.MapType):
        values = [list(v.items()) for v in values]
    return _text(pa.array(list(values), found))


def _text(values: pa.Array) -> pa.Array:
    """Binary as string where all of it is UTF-8, at any depth."""
    try:
        return values.cast(_as_text(values.type))
    except pa.ArrowInvalid:
        return values


def _as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_binary(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_as_text(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_as_text(kind.key_type), _as_text(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _as_text(field.type)) for field in kind])
    return kind


def _type(kind: str) -> pa.DataType | None:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind.startswith("DateTime"):
        return pa.timestamp("ms" if kind.startswith("DateTime64") else "s", "UTC")
    wrapped = _WRAPPED.match(kind)
    return _of(wrapped[1], wrapped[2]) if wrapped else None


def _of(outer: str, inner: str) -> pa.DataType | None:
    if outer in {"Nullable", "LowCardinality"}:
        return _type(inner)
    parts = [_type(part) for part in _split(inner)]
    if any(part is None for part in parts):
        return None
    if outer == "Array":
        return pa.list_(parts[0])
    if outer == "Map":
        return pa.map_(*parts)
    if outer == "Tuple":
        return pa.struct([(str(i + 1), part) for i, part in enumerate(parts)])
    return None


def _split(text: str) -> list[str]:
    """The parts between the commas of the outermost level."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
