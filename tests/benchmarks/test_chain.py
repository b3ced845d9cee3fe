"""The chain's benchmark on a real broker: everything arrives, each role's cost and each row's delay are told."""

import json
from pathlib import Path

from benchmarks import chain


def test_the_chain_is_run_from_ingress_to_rows_and_measured(tmp_path: Path) -> None:
    out = tmp_path / "chain.json"
    chain.main(["--events", "22000", "--rates", "200", "--seconds", "2", "--warm-up", "2000", "--json", str(out)])
    found = json.loads(out.read_text("utf-8"))
    assert set(found["cpu_us"]) == {"admission", "worker", "sink", "broker"}
    assert found["events"] >= 20_000
    assert found["scan_events"] > 0.9 * found["events"]
    [steady] = found["delays"]
    assert steady["published"] > 200
    assert steady["delays"]["scans"]["rows"] == steady["published"]
    assert 0 < steady["delays"]["lifecycles"]["p50"] <= steady["delays"]["lifecycles"]["p99"]
