"""`yizhan servers` as a user runs it."""

import io
import json
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from schemas.registry import register_all
from sinks.clickhouse.server import ServerSettings
from tests.servers.clients import refusal
from tests.servers.test_clickhouse import ask
from yizhan.cli import main
from yizhan.servers.stack import NAMES, Stack

ALL = {"Kafka broker 0", "registry", "ClickHouse", "Prometheus", "Alertmanager"}


def process(*words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of a command in a process of its own."""
    command = [sys.executable, "-m", "yizhan.cli", "servers", *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def yizhan(*words: str) -> tuple[int, str, str]:
    """The same in ours: quicker."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["yizhan", "servers", *words]),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        main()
    code = left.value.code
    return code if isinstance(code, int) else 1, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A secured stack that one command started and left running."""
    at = tmp_path_factory.mktemp("servers")
    code, out, err = process("up", "--dir", str(at), "--secure")
    try:
        assert code == 0, err
        (at / "said.txt").write_text(out + err)
        yield at
    finally:
        _, out, _ = process("down", "--dir", str(at), "--json")
    rows = json.loads(out)
    assert {row["server"] for row in rows} == ALL
    assert not any(row["runs"] for row in rows)


def settings(folder: Path) -> dict[str, str]:
    """What a shell would take from the file."""
    lines = (folder / "servers.env").read_text().splitlines()
    return {name: shlex.split(value)[0] for name, _, value in (line.partition("=") for line in lines)}


def test_up_leaves_all_of_them_running(folder: Path) -> None:
    """Each answers; addresses are printed, and an `up` again changes nothing."""
    code, out, _ = yizhan("status", "--dir", str(folder), "--json")
    rows: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    assert {row["server"] for row in rows if row["answers"]} == ALL
    said = (folder / "said.txt").read_text()
    assert all(row["address"] in said for row in rows)

    code, out, _ = yizhan("up", "--dir", str(folder), "--json")
    assert code == 0
    assert json.loads(out)["servers"] == rows


def test_the_settings_lead_to_each_server(folder: Path) -> None:
    """What a role reads from servers.env lets it into Kafka, the registry and ClickHouse, over TLS."""
    found = settings(folder)
    kafka = {
        "bootstrap.servers": found["YIZHAN_KAFKA_BROKERS"],
        "security.protocol": found["YIZHAN_KAFKA_SECURITY"].upper(),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": found["YIZHAN_KAFKA_USER"],
        "sasl.password": found["YIZHAN_KAFKA_PASSWORD"],
        "ssl.ca.location": found["YIZHAN_KAFKA_CA"],
    }
    store = ServerSettings(
        host=found["YIZHAN_CLICKHOUSE_HOST"],
        port=int(found["YIZHAN_CLICKHOUSE_PORT"]),
        user=found["YIZHAN_CLICKHOUSE_USER"],
        password=found["YIZHAN_CLICKHOUSE_PASSWORD"],
        secure=found["YIZHAN_CLICKHOUSE_SECURE"] == "true",
        ca_certs=Path(found["YIZHAN_CLICKHOUSE_CA"]),
    )

    assert refusal(kafka) is None
    assert ask(store, "SELECT toUInt8(1) AS n") == [1]
    with Stack.found(folder).registry.client(url=found["YIZHAN_REGISTRY_URL"]) as client:
        assert register_all(client)


def test_passwords_are_in_private_files_and_never_printed(folder: Path) -> None:
    """Nobody else can read them, and no output has one."""
    found = settings(folder)
    passwords = {value for name, value in found.items() if name.endswith("PASSWORD")}
    said = (folder / "said.txt").read_text() + yizhan("up", "--dir", str(folder), "--json")[1]
    files = [Path(path) for path in re.findall(r"(?:CA|password of \w+): (\S+)", said)]

    assert len(passwords) == 2
    assert not any(password in said for password in passwords)
    assert len(files) == 3
    secret = [folder / "servers.env", *files, *folder.rglob("*.key"), *folder.rglob("server.properties")]
    assert len(secret) > 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    words = " ".join(path.read_text("utf-8", "replace") for path in Path("/proc").glob("[0-9]*/cmdline"))
    assert not any(password in words for password in passwords)


def test_a_server_that_does_not_answer_fails_the_status(folder: Path) -> None:
    """Exit 1 for scripts; `up` starts what is missing."""
    alerts = Stack.found(folder).alertmanager
    alerts.kill()

    code, out, _ = yizhan("status", "--dir", str(folder))
    assert code == 1
    assert re.search(rf"Alertmanager.*{alerts.url}.*False.*False", out)

    assert process("up", "--dir", str(folder))[0] == 0
    assert alerts.answers()


def test_another_shape_is_refused(folder: Path) -> None:
    """A folder keeps what it was made for."""
    code, _, err = yizhan("up", "--dir", str(folder), "--brokers", "3")
    assert code == 1
    assert "holds secured servers with 1 broker(s); take another --dir, or remove it" in " ".join(err.split())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("status",), "no servers in {folder}; start some: yizhan servers up --dir {folder}"),
        (("down",), "no servers in {folder}"),
        (("up", "--brokers", "2"), "a cluster has 1 or 3 brokers, not 2"),
        (("up", "--only", "kafka,redis"), f"--only knows {', '.join(NAMES)}, not redis"),
    ],
)
def test_what_can_not_be_is_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """With what to do, and nothing is left behind."""
    at = tmp_path / "none"
    code, _, err = yizhan(*words, "--dir", str(at))
    assert code != 0
    assert re.sub(r"[\s│]+", "", told.format(folder=at)) in re.sub(r"[\s│]+", "", err)
    assert not (at / "stack.json").exists()
