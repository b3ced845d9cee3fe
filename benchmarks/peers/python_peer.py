"""What the Python peers share: the decoder, the clocks, the line they print. Needs fastavro and Python itself."""

import json
import os
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import fastavro

FRAME: Final = 5
STDOUT: Final = 1


def decoder(schema: Path) -> Callable[[bytes], dict[str, Any]]:
    """Reads a framed ScanEvent; times stay numbers, no datetime is built."""
    told = json.loads(schema.read_text("utf-8"))
    for field in told["fields"]:
        if isinstance(field["type"], dict):
            field["type"].pop("logicalType", None)
    parsed = fastavro.parse_schema(told)

    def decode(value: bytes) -> dict[str, Any]:
        found: Any = fastavro.schemaless_reader(BytesIO(value[FRAME:]), parsed, None)
        return dict(found)

    return decode


def peak_mb() -> int:
    """Of this process's memory; getrusage would give the peak of whoever started it, if that was higher."""
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text("utf-8"))
    return int(found[1]) >> 10 if found else 0


class Meter:
    """Wall and CPU time of this process from the first scan after the warm-up on."""

    def __init__(self, warm_up: int) -> None:
        self.seen = 0
        self._warm_up = warm_up
        self._begun = (0.0, 0.0)
        self._before = -1

    def count(self, many: int = 1) -> None:
        """So many scans are about to be worked on."""
        if self._before < 0 and self.seen >= self._warm_up:
            self._before, self._begun = self.seen, (perf_counter(), process_time())
        self.seen += many

    def figures(self) -> dict[str, Any]:
        """So far."""
        wall, cpu = (now - then for now, then in zip((perf_counter(), process_time()), self._begun, strict=True))
        if self._before < 0:
            raise ValueError(f"{self.seen} scans came, all within the warm-up: too few to measure")
        return {
            "events": self.seen - self._before,
            "wall_s": round(wall, 3),
            "cpu_s": round(cpu, 3),
            "rss_mb": peak_mb(),
        }

    def report(self) -> None:
        """One line of JSON on standard output."""
        os.write(STDOUT, f"{json.dumps(self.figures())}\n".encode())  # Faust turns what is printed into log lines
