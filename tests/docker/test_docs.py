"""docs/cluster.md, docs/metrics.md and the systemd unit say what the code does."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from prometheus_client.metrics import MetricWrapperBase

from schemas import metrics
from sinks.clickhouse.access import MAY, MAY_ADD
from tests.docker import stack as s
from yizhan.cluster.access import Access, network_access, role_access
from yizhan.cluster.settings import PREFIX, ClusterSettings
from yizhan.cluster.vitals import RESTART

CLUSTER: Final = s.ROOT / "docs/cluster.md"
METRICS: Final = s.ROOT / "docs/metrics.md"
UNIT: Final = s.ROOT / "docs/systemd/yizhan@.service"
ENDS: Final = {"counter": "_total", "histogram": "", "gauge": ""}


def metric_row(made: MetricWrapperBase) -> str:
    name = f"{made._name}{ENDS[str(made._type)]}"  # noqa: SLF001  # no public way
    labels = ", ".join(f"`{label}`" for label in made._labelnames)  # noqa: SLF001  # the same
    return f"| `{name}` | {made._type} | {labels} | {made._documentation} |"  # noqa: SLF001  # the same


def access_row(user: str, told: Access) -> str:
    reads, writes = (
        ", ".join(f"`{topic}`" for topic in topics) for topics in (told.reads + told.recovers, told.writes)
    )
    sees = "looks at all topics and groups" if told.sees else ""
    return f"| `{user}` | {reads} | {writes} | {f'`{told.group}`' if told.group else sees} |"


def access_rows() -> list[str]:
    known = role_access({"NETWORK": "KIND"}) | {"NETWORK": network_access("KIND", "NETWORK")}
    return [access_row(user, told) for user, told in known.items()]


def store_rows() -> list[str]:
    more = {duty: f"; INSERT into {table}" for duty, table in MAY_ADD.items()}
    return [f"| {duty.value} | {rights}{more.get(duty, '')} |" for duty, rights in MAY.items()]


def _rows(file: Path, begin: str) -> list[str]:
    return [line for line in file.read_text("utf-8").splitlines() if line.startswith(begin)]


def test_the_page_of_metrics_lists_each_as_it_is_declared() -> None:
    declared = [made for made in vars(metrics).values() if isinstance(made, MetricWrapperBase)]
    assert len(declared) > 10
    assert _rows(METRICS, "| `yizhan_") == [metric_row(made) for made in declared]


def test_the_page_says_what_each_user_may_do() -> None:
    text = CLUSTER.read_text("utf-8")
    wanted = access_rows() + store_rows()
    assert [row for row in wanted if row not in text] == []
    assert len(_rows(CLUSTER, "| `yizhan-")) == len(role_access({}))


def test_a_grant_that_the_page_does_not_know_would_be_seen() -> None:
    assert access_row("yizhan-sink", Access(("scans.carrier",), ("scans.post",))) not in CLUSTER.read_text("utf-8")


def test_exit_codes_are_those_of_the_commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    codes = [int(code) for code in re.findall(r"^\| (\d+) \| ", CLUSTER.read_text("utf-8"), re.MULTILINE)]
    assert codes == [0, 1, 2, RESTART]
    monkeypatch.chdir(tmp_path)
    for name in ClusterSettings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(s.ROOT))
    assert _code("settings") == 1
    assert _code("setings") == 2
    assert _code("--help") == 0
    _reference(tmp_path)
    monkeypatch.setenv("YIZHAN_KAFKA_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("YIZHAN_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("YIZHAN_HEALTH_PORT", "0")
    monkeypatch.setenv("YIZHAN_PATIENCE_SECONDS", "0.5")
    assert _code("worker") == RESTART
    monkeypatch.setenv("YIZHAN_REFERENCE", str(tmp_path / "nowhere"))
    assert _code("watchdog") == 1


def _reference(folder: Path) -> None:
    (folder / "reference").mkdir()
    for name in ("networks.csv", "facilities.csv", "targets.csv"):
        shutil.copy(s.ROOT / "tests/data/county" / name, folder / "reference")


def _code(*words: str) -> int:
    return subprocess.run([sys.executable, "-m", "yizhan.cli", *words], capture_output=True, check=False).returncode


def strange_commands(text: str) -> list[str]:
    """Commands of ours in a page's blocks that do not exist."""
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    told = [shlex.split(line, comments=True) for line in lines]
    told = [words[words.index("yizhan") + 1 :] for words in told if "yizhan" in words[:4]]
    told += [
        words[words.index("--rm") + 2 :]
        for line in lines
        if "run --rm" in line
        for words in [shlex.split(line, comments=True)]
    ]
    return [" ".join(words) for words in told if not s.is_command(words)]


@pytest.mark.parametrize("page", ["cluster.md", "settings.md", "metrics.md", "servers.md"])
def test_every_command_of_a_page_exists(page: str) -> None:
    assert strange_commands((s.ROOT / "docs" / page).read_text("utf-8")) == []


def test_a_command_that_does_not_exist_is_seen() -> None:
    page = "```sh\nyizhan topics make\nyizhan lag --jsn\ndocker compose run --rm operator laag\n```"
    assert strange_commands(page) == ["topics make", "lag --jsn", "laag"]


def test_every_setting_the_page_names_exists() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in ClusterSettings.model_fields} | {"YIZHAN_CONFIG", "YIZHAN_SECRETS"}
    pages = (CLUSTER, METRICS, UNIT)
    assert {name for page in pages for name in re.findall(r"YIZHAN_[A-Z_]+", page.read_text("utf-8"))} <= known


def unit_faults(text: str, folder: Path) -> list[str]:
    """What systemd says of the unit, where it is there; and whether it starts, and starts again, what there is."""
    wanted = ["Restart=on-failure", f"RestartPreventExitStatus={1} {2}", "NoNewPrivileges=yes", "ProtectSystem=strict"]
    faults = [line for line in wanted if f"{line}\n" not in text]
    [start] = re.findall(r"^ExecStart=(\S+) %i$", text, re.MULTILINE) or [""]
    if start != "/opt/yizhan/.venv/bin/yizhan":
        faults.append(f"ExecStart={start}")
    if analyze := shutil.which("systemd-analyze"):
        file = folder / "yizhan@worker.service"
        file.write_text(text.replace(start or "\0", str(Path(sys.executable).with_name("yizhan"))))
        said = subprocess.run([analyze, "verify", "--man=no", str(file)], capture_output=True, text=True, check=False)
        faults += [line for line in said.stderr.splitlines() if file.name in line]
    return faults


def test_the_unit_is_one_systemd_takes(tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8")
    assert unit_faults(text, tmp_path) == []
    assert unit_faults(text.replace("Restart=on-failure", "Restart=sometimes"), tmp_path) != []
    assert unit_faults(text.replace("bin/yizhan %i", "bin/yizan %i"), tmp_path) != []
