"""Documents as nobody should send them: real ones with something changed."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from producers.admission import Document
from producers.files import CANONICAL as FORM
from producers.files import lines
from producers.sources import load_sources
from tests.producers.county import CANONICAL, COUNTY, RECEIVED_AT, admission

FORMATS: Final = sorted(source.network for source in load_sources().values())
ODD: Final[list[Any]] = [
    None, True, 0, -1, 1 << 63, 10**30, 1e308, -0.0, "", " ", "\0", "a\0b", "\n", "\u2028", "\ud800", "𠮷", "ſF12345",
    "x" * 300, "7" * 5000, "【" * 2000, [], {}, [[]], {"a": {"b": "\ud800"}}, ["SF1234567"], "0001-01-01 00:00:00",
    "9999-12-31T23:59:59+00:01", "2026-03-05 10:11:12+23:59", "新单号:" * 400, "转邮政 新单号:\u00a0",
]  # fmt: skip
"""Values that have broken readers before, one of them no text that UTF-8 could hold."""
Path = tuple[str | int, ...]


@cache
def plain(form: str) -> list[Document]:
    """Good documents of a format, the shorter ones, each with its own codes and fields."""
    found = lines([CANONICAL if form == FORM else COUNTY])
    some = [Document(d.network, form, d.payload, RECEIVED_AT) for d in found if d.format == form]
    good = [d for d in some if len(d.payload) < 1500 and not admission().admit([d]).letters]
    return good[:: max(1, len(good) // 60)]


def places(value: object, at: Path = ()) -> Iterator[Path]:
    """Where in a JSON value its values stand; itself first."""
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*at, key))


def changed(whole: object, at: Path, new: object, *, remove: bool) -> object:
    """The value with another at a place, or with that one removed."""
    if not at:
        return new
    whole = copy.deepcopy(whole)
    inner: Any = whole
    for key in at[:-1]:
        inner = inner[key]
    if remove:
        del inner[at[-1]]
    else:
        inner[at[-1]] = new
    return whole


def spoilt(whole: Any, data: st.DataObject) -> object:  # noqa: ANN401  # any JSON value
    """A JSON value with one place retyped, removed or wrapped."""
    at = data.draw(st.sampled_from(list(places(whole))))
    inner = whole
    for key in at:
        inner = inner[key]
    new = data.draw(st.sampled_from([*ODD, [inner], {"a": inner}, str(inner)]) | st.text(max_size=20))
    return changed(whole, at, new, remove=data.draw(st.booleans()))


@st.composite
def bytes_changed(draw: st.DrawFn, payload: bytes) -> bytes:
    """A document with a byte flipped, cut, doubled or replaced."""
    at = draw(st.integers(0, len(payload) - 1))
    other = draw(st.binary(max_size=3))
    head, rest = payload[:at], payload[at + 1 :]
    return draw(st.sampled_from([head, head + other + rest, head + payload[at:] * 2, head + other + payload[at:]]))


def written(whole: object, *, plain_text: bool) -> bytes:
    """JSON bytes; lone surrogates as escapes, or as the bytes that no UTF-8 has."""
    return json.dumps(whole, ensure_ascii=not plain_text).encode("utf-8", "surrogatepass")


def document_changed(form: str, data: st.DataObject) -> Document:
    """A good document with one or two of its values spoilt; text that is JSON is spoilt within."""
    good = data.draw(st.sampled_from(plain(form)))
    whole = json.loads(good.payload)
    for _ in range(data.draw(st.integers(1, 2))):
        if isinstance(whole, dict) and isinstance(whole.get("data"), str) and data.draw(st.integers(0, 3)):
            whole["data"] = within(whole["data"], data)
        else:
            whole = spoilt(whole, data)
    payload = written(whole, plain_text=data.draw(st.booleans()))
    return Document(good.network, form, payload, RECEIVED_AT)


def within(text: str, data: st.DataObject) -> str:
    """JSON in a text, spoilt; left alone if it is JSON no longer."""
    try:
        inner = json.loads(text)
    except ValueError:
        return text
    return json.dumps(spoilt(inner, data), ensure_ascii=data.draw(st.booleans()))
