"""The machine that figures are from: a figure without it says nothing."""

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from yizhan.servers import fetch
from yizhan.servers.broker import VERSION as KAFKA

LOAD: Final = "load of the last minutes"
PACKAGES: Final = (
    "aiokafka",
    "confluent-kafka",
    "fastavro",
    "faust-streaming",
    "numba",
    "numpy",
    "pyarrow",
    "pyruhvro",
)


def machine() -> dict[str, str]:
    """What it is, what ran on it, and how busy it was just now."""
    said = subprocess.run([fetch.java(17), "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603  # a Java of this machine
    kibibytes = int(_first(r"MemTotal:\s*(\d+)", "/proc/meminfo"))
    return {
        "cpu": _first(r"model name\s*: (.+)", "/proc/cpuinfo"),
        "cores": str(os.cpu_count()),
        "memory": f"{kibibytes / (1 << 20):.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        LOAD: " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "Kafka": KAFKA,
        "Java": said.splitlines()[0],
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def _first(pattern: str, file: str) -> str:
    found = re.search(pattern, Path(file).read_text("utf-8"))
    return found[1].strip() if found else "unknown"
