"""Settings: documented, checked as they are read, secret where they must be."""

import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from yizhan.cli import main
from yizhan.cluster.roles import clock
from yizhan.cluster.settings import BadSettings, ClusterSettings, read_settings, shown

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs/settings.md"
LEAST: Final = {"YIZHAN_KAFKA_BROKERS": "kafka:9093", "YIZHAN_REGISTRY_URL": "mock://x"}
SECRET: Final = "correct-horse-battery"  # noqa: S105  # what must not be seen
Given = dict[str, str]


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Given:
    """The least there has to be, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("YIZHAN_"):
            monkeypatch.delenv(name)
    return dict(LEAST)


def _say(given: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    """Run `yizhan settings`: its code and what it says, without blanks, since lines are broken where they fit."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in given.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["yizhan", "settings", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0), _close(out.getvalue()), _close(err.getvalue())


def _close(text: str) -> str:
    return "".join(text.split())


def _row(name: str) -> str:
    field = ClusterSettings.model_fields[name]
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    told = "needed" if default is PydanticUndefined else "" if default in {None, ""} else f"`{default}`"
    return f"| `YIZHAN_{name.upper()}` | {told} | {field.description} |"


def test_the_page_lists_every_setting_with_its_default_and_meaning() -> None:
    rows = [
        line
        for line in DOCS.read_text("utf-8").splitlines()
        if line.startswith("| `YIZHAN_") and "folder of sec" not in line
    ]
    assert rows[-len(ClusterSettings.model_fields) :] == [_row(name) for name in ClusterSettings.model_fields]


def test_every_password_is_a_secret() -> None:
    named = {n for n in ClusterSettings.model_fields if re.search("password|secret|token", n)}
    assert {n for n in named if ClusterSettings.model_fields[n].annotation is SecretStr} == named != set()


def test_a_secret_is_never_shown(given: Given) -> None:
    with_secrets = given | {
        f"YIZHAN_{name.upper()}": SECRET for name in ClusterSettings.model_fields if name.endswith("_password")
    }
    for words in ((), ("--json",)):
        code, out, err = _say(with_secrets, *words)
        assert code == 0, err
        assert SECRET not in out + err
    rows = {row["setting"]: row["value"] for row in json.loads(_say(with_secrets, "--json")[1])}
    assert {rows["YIZHAN_KAFKA_PASSWORD"], rows["YIZHAN_CLICKHOUSE_PASSWORD"]} == {"(set)"}
    found = read_settings(kafka_brokers="k:1", registry_url="mock://x", kafka_password=SecretStr(SECRET))
    assert SECRET not in repr(found) + str(found) + str(shown(found))
    assert found.kafka_password.get_secret_value() == SECRET, "the twin: it is there to be shown"


def test_an_error_beside_a_secret_does_not_repeat_it(given: Given) -> None:
    code, out, err = _say(given | {"YIZHAN_KAFKA_PASSWORD": SECRET, "YIZHAN_PARTITIONS": "many"})
    assert (code, "YIZHAN_PARTITIONS" in err, SECRET in out + err) == (1, True, False)
    Path("yizhan.toml").write_text(f'kafka_password = "{SECRET}"\nkafka_pasword = "{SECRET}"\n')
    code, out, err = _say(given)
    assert (code, "kafka_paswordisnosetting" in err, SECRET in out + err) == (1, True, False)
    Path("yizhan.toml").write_text(f"kafka_password = {SECRET}\n")
    code, out, err = _say(given)
    assert (code, "yizhan.toml" in err, SECRET in out + err) == (1, True, False)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"YIZHAN_HEALTH_PORT": "99999"}, "YIZHAN_HEALTH_PORT"),
        ({"YIZHAN_KAFKA_SECURITY": "ssl"}, "YIZHAN_KAFKA_SECURITY"),
        ({"YIZHAN_KAFKA_BROKERS": ""}, "YIZHAN_KAFKA_BROKERS"),
        ({"YIZHAN_CLICKHOUSE_SECURE": "maybe"}, "YIZHAN_CLICKHOUSE_SECURE"),
        ({"YIZHAN_KAFKA_BROKER": "kafka:9093"}, "is YIZHAN_KAFKA_BROKERS meant"),
        ({"YIZHAN_CLICKHOUSE_PASWORD": SECRET}, "is YIZHAN_CLICKHOUSE_PASSWORD meant"),
        ({"YIZHAN_CONFIG": "missing.toml"}, "which is no file"),
        ({"YIZHAN_SECRETS": "missing"}, "which is no folder"),
        ({"YIZHAN_KAFKA_SECURITY": "sasl_ssl"}, "needs YIZHAN_KAFKA_USER and YIZHAN_KAFKA_PASSWORD"),
        ({"YIZHAN_KAFKA_SECURITY": "sasl_ssl", "YIZHAN_KAFKA_USER": "sf"}, "YIZHAN_KAFKA_PASSWORD"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_named_and_ends_the_command(changed: Given, told: str, given: Given) -> None:
    code, out, err = _say(given | changed)
    assert code == 1
    assert _close(told) in err
    assert "Traceback" not in err
    assert SECRET not in out + err


def test_a_setting_that_is_missing_is_named(given: Given) -> None:
    del given["YIZHAN_REGISTRY_URL"]
    code, _, err = _say(given)
    assert code == 1
    assert "YIZHAN_REGISTRY_URL:Fieldrequired" in err


def test_names_of_others_are_let_be(given: Given) -> None:
    """Kubernetes sets such names for a service called yizhan."""
    others = {"YIZHAN_SERVICE_HOST": "10.0.0.1", "YIZHAN_PORT": "tcp://10.0.0.1:80", "YIZHAN_CACHE": "/tmp"}  # noqa: S108  # read by nobody here
    assert _say(given | others)[0] == 0


def test_the_environment_comes_before_secret_files_and_those_before_the_file(given: Given) -> None:
    here = Path()
    (here / "secrets").mkdir()
    (here / "secrets" / "yizhan_kafka_user").write_text("of-secrets\n")
    (here / "secrets" / "yizhan_log_format").write_text("json")
    (here / "secrets" / "ca.pem").write_text("no setting, and no harm")
    (here / "mine.toml").write_text('kafka_user = "of-toml"\nlog_format = "text"\nready_lag = 7\npartitions = 8\n')
    told = given | {"YIZHAN_CONFIG": "mine.toml", "YIZHAN_SECRETS": "secrets", "YIZHAN_PARTITIONS": "16"}
    rows = {row["setting"]: row["value"] for row in json.loads(_say(told, "--json")[1])}
    assert rows["YIZHAN_PARTITIONS"] == "16"
    assert (rows["YIZHAN_KAFKA_USER"], rows["YIZHAN_LOG_FORMAT"]) == ("of-secrets", "json")
    assert rows["YIZHAN_READY_LAG"] == "7"
    (here / "secrets" / "yizhan_kafka_pass").write_text(SECRET)
    code, _, err = _say(told)
    assert (code, "yizhan_kafka_passisnosetting" in err) == (1, True)


def test_bad_settings_are_told_apart_from_other_errors() -> None:
    with pytest.raises(BadSettings, match="YIZHAN_KAFKA_USER"):
        read_settings(kafka_brokers="k:1", registry_url="mock://x", kafka_security="sasl_ssl")


def test_a_clock_file_is_read_whenever_the_time_is_asked_for(tmp_path: Path) -> None:
    """For simulations; one that holds no time is named before a role begins."""
    file = tmp_path / "clock"
    settings = read_settings(kafka_brokers="k:1", registry_url="mock://x", clock_file=file)
    with pytest.raises(BadSettings, match="YIZHAN_CLOCK_FILE"):
        clock(settings)
    file.write_text("1772380800000")
    now = clock(settings)
    assert now() == 1_772_380_800_000
    file.write_text("1772380800001\n")
    assert now() == 1_772_380_800_001


def test_two_clocks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="two clocks"):
        read_settings(kafka_brokers="k:1", registry_url="mock://x", as_of=1, clock_file=tmp_path / "clock")
