"""What this machine and folder lack, if anything."""

import importlib.metadata as packages
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any, Final

NEEDED: Final = ("faust-streaming", "aiokafka", "confluent-kafka", "chdb", "pyarrow", "polars", "numpy", "pyruhvro")
FREE_BYTES: Final = 1 << 30
MEMORY_BYTES: Final = 2 << 30


def findings(data: Path) -> list[dict[str, Any]]:
    """One row per check: {check, ok, found, do}; `do` says what to do where it is not ok."""
    python = sys.version_info >= (3, 11)
    folder = data if data.exists() else data.absolute().parent
    free = shutil.disk_usage(folder).free
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        _row("python", platform.python_version(), "install Python 3.11 or later", ok=python),
        *(_package(name) for name in NEEDED),
        _row("folder", str(folder), "choose another --data DIR", ok=os.access(folder, os.W_OK)),
        _row("disk", f"{free >> 20} MiB free", "free some space", ok=free >= FREE_BYTES),
        _row("memory", f"{memory >> 20} MiB", "2 GiB are needed", ok=memory >= MEMORY_BYTES),
    ]


def _row(check: str, found: str, do: str, *, ok: bool) -> dict[str, Any]:
    return {"check": check, "ok": ok, "found": found, "do": "" if ok else do}


def _package(name: str) -> dict[str, Any]:
    try:
        return _row(name, packages.version(name), "", ok=True)
    except packages.PackageNotFoundError:
        return _row(name, "missing", f"pip install {name}", ok=False)
