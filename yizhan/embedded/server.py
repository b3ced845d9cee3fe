"""What the running stack answers on loopback: SQL, imports, and a page with the account."""

import html
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from sinks.alerts.marks import Mark
from yizhan.account import Account

PAGE = """<!doctype html><meta charset="utf-8"><title>Yizhan 驿站</title>
<style>body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2a33}}
table{{border-collapse:collapse;margin:.5rem 2rem 1.5rem 0;float:left}}caption{{text-align:left;font-weight:600}}
td,th{{border-bottom:1px solid #d7dee2;padding:.15rem .8rem .15rem 0;text-align:left}}
td:last-child{{text-align:right}}h1{{font-size:1.4rem}}code{{background:#eef2f4;padding:.1rem .3rem}}</style>
<h1>Yizhan 驿站</h1>
<p>accepted {accepted} = stored {stored} + dead-lettered {dead_lettered} + refused {refused}; missing {missing}</p>
<p>Ask more: <code>yizhan sql --data {data} 'SELECT * FROM parcels'</code></p>{tables}"""


class Sql(BaseModel):
    """One read-only query."""

    query: str = Field(min_length=1)


class Import(BaseModel):
    """Files or folders on this machine."""

    paths: list[Path] = Field(min_length=1)
    source: str | None = None


class Said(BaseModel):
    """What people said of alerts."""

    marks: list[Mark] = Field(min_length=1)


def app(
    key: str,
    data: Path,
    query: Callable[[str], pa.Table],
    take_in: Callable[[list[Path], str | None], int],
    account: Callable[[], Account],
    mark: Callable[[list[Mark]], None],
) -> FastAPI:
    """The door's routes. All but the sign of life ask for the key."""
    doorman = _doorman(key)
    routes = FastAPI(title="yizhan", docs_url=None, redoc_url=None, openapi_url=None)

    @routes.get("/livez")
    def livez() -> dict[str, bool]:
        return {"alive": True}

    @routes.post("/sql", dependencies=[doorman])
    def sql(asked: Sql) -> dict[str, Any]:
        return {"rows": _answered(lambda: query(asked.query).to_pylist())}

    @routes.post("/import", dependencies=[doorman])
    def take(asked: Import) -> dict[str, Any]:
        return {"documents": _answered(lambda: take_in(asked.paths, asked.source))}

    @routes.post("/alerts/marks", dependencies=[doorman])
    def note(said: Said) -> dict[str, Any]:
        return {"marks": _answered(lambda: mark(said.marks)), "count": len(said.marks)}

    @routes.post("/account", dependencies=[doorman])
    def reckon() -> dict[str, Any]:
        return account().as_json()

    @routes.get("/", dependencies=[doorman], response_class=HTMLResponse)
    def page() -> str:
        return _page(account(), data)

    return routes


def _doorman(key: str) -> Any:  # noqa: ANN401  # fastapi's dependency type is Any
    """The key comes in the header, or in the address that the command line prints for a browser."""

    def check(request: Request, given: Annotated[str, Query(alias="key")] = "") -> None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest((bearer or given).encode(), key.encode()):
            raise HTTPException(401, "the key is missing or wrong; it stands in stack.json of the data folder")

    return Depends(check)


def _answered(work: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever the work gives
    try:
        return work()
    except Exception as cause:  # the asker must see the cause, whatever it is
        raise HTTPException(400, str(cause)) from cause


def _page(found: Account, data: Path) -> str:
    fields = found.as_json()
    counts = [(name, value) for name, value in fields.items() if isinstance(value, dict)]
    tables = "".join(_table(name.replace("_", " "), list(value.items())) for name, value in counts)
    heads = [tuple(name.replace("_", " ") for name in row) for row in found.slowest_stages[:1]]
    slow = _table("slowest stages", [*heads, *(tuple(row.values()) for row in found.slowest_stages)])
    words = {k: html.escape(str(v)) for k, v in fields.items()}
    return PAGE.format(tables=tables + slow, data=html.escape(str(data)), **words)


def _table(caption: str, rows: list[tuple[Any, ...]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape('-' if c is None else str(c))}</td>" for c in row) + "</tr>" for row in rows
    )
    return f"<table><caption>{html.escape(caption)}</caption>{body}</table>"
