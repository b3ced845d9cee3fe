"""Prometheus scrapes, evaluates and passes alerts to Alertmanager, which answers."""

import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers.clients import until
from yizhan.servers import Alertmanager, Prometheus
from yizhan.servers.program import DidNotStart
from yizhan.servers.prometheus import amtool, promtool

CONFIG = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: alertmanager
    static_configs: [{{targets: ["{target}"]}}]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["{target}"]}}]}}]
"""
RULES = """
groups:
  - name: always
    rules: [{alert: Seen, expr: 'up{job="alertmanager"} == 1'}]
"""


def test_prometheus_scrapes_and_alertmanager_hears_of_it(tmp_path: Path) -> None:
    """A scraped target raises an alert that arrives."""
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES)
    with (
        Alertmanager(tmp_path / "alerts") as alerts,
        Prometheus(tmp_path / "metrics", CONFIG.format(rules=rules, target=alerts.address)) as metrics,
    ):
        until(lambda: _found(f"{metrics.url}/api/v1/query?query=up")["data"]["result"] != [])
        until(lambda: _found(f"{alerts.url}/api/v2/alerts") != [])

        assert _found(f"{alerts.url}/api/v2/alerts")[0]["labels"]["alertname"] == "Seen"
        checks = [[promtool(), "check", "config"], [amtool(), "check-config"]]
        for check, config in zip(checks, (metrics.config_file, alerts.config_file), strict=True):
            assert subprocess.run([*check, config], capture_output=True, check=False).returncode == 0


def test_a_wrong_configuration_is_told_with_the_programs_own_words(tmp_path: Path) -> None:
    """The end of the log is in the error, and nothing stays behind."""
    wrong = Prometheus(tmp_path, "scrape_config: []")
    with pytest.raises(DidNotStart, match="field scrape_config not found"):
        wrong.start()
    assert not wrong.running


def _found(url: str) -> Any:  # noqa: ANN401  # JSON
    return httpx.get(url).raise_for_status().json()
