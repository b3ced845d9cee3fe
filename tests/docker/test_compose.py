"""Each check holds for docker/compose.yaml and is seen to fail on a broken one."""

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pytest

from tests.docker import stack as s
from yizhan.cluster.settings import BadSettings, read_settings
from yizhan.servers.container import Authority, deal, shares
from yizhan.servers.fetch import debian

Check = Callable[[s.Stack], Iterable[str]]
Break = Callable[[s.Stack], object]


def _to(service: str, **changed: object) -> Break:
    return lambda stack: stack.services[service].update(changed)


def _env(service: str, **changed: str) -> Break:
    def change(stack: s.Stack) -> None:
        stack.services[service]["environment"] = stack.services[service]["environment"] | changed

    return change


CASES: Final[list[tuple[Check, Break]]] = [
    (s.images_not_pinned, _to("registry", image="apicurio/apicurio-registry:latest")),
    (s.images_not_pinned, _to("clickhouse", image="clickhouse/clickhouse-server")),
    (s.not_hardened, _to("sink", cap_drop=[])),
    (s.not_hardened, _to("kafka", read_only=False)),
    (s.not_hardened, _to("worker", user="0:0")),
    (s.not_hardened, _to("grafana", security_opt=[])),
    (s.not_hardened, _to("secrets", network_mode="host")),
    (s.not_hardened, _to("prometheus", privileged=True)),
    (s.not_hardened, _to("admission", cap_add=["SYS_ADMIN"])),
    (s.published_too_far, _to("kafka", ports=["9094:9094"])),
    (s.published_too_far, _to("kafka", ports=["0.0.0.0:9094:9094"])),
    (s.published_too_far, _to("clickhouse", networks=["clickhouse", "outside"])),
    (s.wires_not_apart, _to("admission", networks=["kafka", "registry", "clickhouse", "metrics"])),
    (s.wires_not_apart, _to("sink", networks=["kafka", "outside"])),
    (s.wires_not_apart, _to("promises", networks=["kafka", "webhooks"])),
    (s.wires_not_apart, lambda stack: stack.networks.update(kafka={})),
    (s.unknown_settings, _env("worker", YIZHAN_KAFKA_BROKER="kafka:9093")),
    (s.unknown_commands, _to("topics", command=["topics", "make"])),
    (s.unknown_commands, _to("store-users", command=["yizhan users clickhouse writer --role writer"])),
    (s.roles_without_service, lambda stack: stack.services.pop("watchdog")),
    (s.users_wrong, _env("sink", YIZHAN_KAFKA_USER="yizhan-worker")),
    (s.users_wrong, _env("topics", YIZHAN_KAFKA_USER="root")),
    (s.users_wrong, _to("users", command=["yizhan users add yizhan-sink --password-file /run/yizhan/x"])),
    (s.mounts_missing, _to("prometheus", volumes=["./prometheus/rule:/etc/prometheus/rules:ro"])),
    (s.mounts_missing, _to("kafka", volumes=["kafka:/var/lib/kafka/data"])),
    (s.order_wrong, _to("migrate", depends_on={"clickhouse": {"condition": "service_healthy"}})),
    (s.order_wrong, _to("topics", depends_on={"kafka": {"condition": "service_started"}})),
    (s.order_wrong, _to("sink", depends_on={})),
    (s.not_started_again, _to("sink", restart="no")),
    (s.not_started_again, _to("worker", healthcheck={"disable": True})),
]
CHECKS: Final = sorted({check.__name__ for check, _ in CASES})


@pytest.mark.parametrize("name", CHECKS)
def test_the_stack_is_right(name: str) -> None:
    assert list(getattr(s, name)(s.read())) == []


@pytest.mark.parametrize(("check", "breaking"), CASES, ids=lambda given: getattr(given, "__name__", ""))
def test_a_broken_stack_is_seen(check: Check, breaking: Break) -> None:
    stack = s.read()
    breaking(stack)
    assert list(check(stack)) != []


def test_each_service_reads_its_own_secrets_and_nothing_it_names_is_missing(tmp_path: Path) -> None:
    dealt = shares(Authority(tmp_path))
    assert list(s.secrets_wrong(s.read(), dealt)) == []
    stack = s.read()
    stack.services["worker"]["volumes"] = ["sink-secret:/run/yizhan:ro"]
    stack.services["grafana"]["user"] = "473:0"
    stack.services["sink"]["environment"] = {"YIZHAN_KAFKA_CA": "/run/yizhan/authority.pem"}
    assert sorted(s.secrets_wrong(stack, dealt)) == [
        "grafana can't read grafana",
        "sink: no authority.pem",
        "worker: nobody makes sink-secret",
    ]


SERVICES: Final = sorted(s.ours(s.read()))


@pytest.mark.parametrize("name", SERVICES)
def test_settings_of_every_service_are_whole(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its secrets from the folder that the first service fills."""
    service = s.read().services[name]
    deal(shares(Authority(tmp_path / "authority")), tmp_path)
    run = str(tmp_path / str(s.secrets_of(service)))
    for key, value in service["environment"].items():
        monkeypatch.setenv(key, value.replace("/run/yizhan", run))
    settings = read_settings()
    assert bool(settings.kafka_password.get_secret_value()) >= (settings.kafka_security == "sasl_ssl")
    assert bool(settings.clickhouse_password.get_secret_value()) >= bool(settings.clickhouse_host)
    assert settings.kafka_brokers == "kafka:9093"


def test_a_service_without_its_secrets_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in s.read().services["sink"]["environment"].items():
        monkeypatch.setenv(key, value.replace("/run/yizhan", str(tmp_path)))
    with pytest.raises(BadSettings, match="YIZHAN_KAFKA_PASSWORD"):
        read_settings()


def _config(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What the compose client says of a file. Debian 12's, the oldest, knows no top-level `name`."""
    file = folder / "compose.yaml"
    file.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("name:")))
    words = [debian("docker-compose", "docker-compose"), "-f", str(file), "--project-directory", str(s.DOCKER)]
    return subprocess.run([*words, "config", "-q"], capture_output=True, text=True, check=False)


def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    text = (s.DOCKER / "compose.yaml").read_text("utf-8")
    taken = _config(text, tmp_path)
    assert taken.returncode == 0, taken.stderr
    assert _config(text.replace("restart: unless-stopped", "restarts: unless-stopped"), tmp_path).returncode != 0
    assert _config(text.replace("- kafka-data:/var", "- kafka-date:/var"), tmp_path).returncode != 0
