"""Images: their Dockerfiles, versions and users, each fact as the code has it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
import yaml
from cryptography.x509 import DNSName, SubjectAlternativeName, load_pem_x509_certificates

from tests.docker import stack as s
from yizhan.cluster.settings import ClusterSettings
from yizhan.servers import broker, registry
from yizhan.servers.container import OURS, Authority, deal, shares

DOCKERFILES: Final = sorted(s.DOCKER.rglob("Dockerfile"))
HADOLINT: Final = Path(sys.executable).with_name("hadolint")


def _text(path: str) -> str:
    return (s.ROOT / path).read_text("utf-8")


def _lint(text: str) -> str:
    return subprocess.run([HADOLINT, "-"], input=text, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_the_linter_has_nothing_to_say(file: Path) -> None:
    assert _lint(file.read_text("utf-8")) == ""


def test_the_linter_has_something_to_say_of_a_careless_file() -> None:
    said = _lint("FROM python:latest\nRUN pip install yizhan\nUSER root\n")
    assert {"DL3007", "DL3013", "DL3002"} <= set(re.findall(r"DL\d+", said))


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_an_image_is_pinned_and_ends_as_nobody_much_with_a_health_check(file: Path) -> None:
    text = file.read_text("utf-8")
    stages = re.findall(r"AS (\w+)", text)
    assert [base for base in s.bases_not_pinned(text) if base not in stages] == []
    last = text[text.rindex("\nFROM ") :]
    assert re.findall(r"^USER (\d+):\d+$", last, re.MULTILINE)[-1] != "0"
    assert "HEALTHCHECK" in last


def test_a_base_without_a_version_is_seen() -> None:
    assert s.bases_not_pinned("FROM python:3\nFROM apache/kafka:4.1.0\n") == ["python:3"]


def test_our_image_takes_locked_packages_alone_and_brings_every_room() -> None:
    text = _text("docker/Dockerfile")
    installs = re.findall(r"pip install (.*)$", text, re.MULTILINE)
    assert installs
    assert all("--require-hashes -r requirements.lock" in words or "--no-deps" in words for words in installs)
    rooms = [line.removesuffix("*") for line in _pyproject()["tool"]["setuptools"]["packages"]["find"]["include"]]
    ignored = _text("docker/Dockerfile.dockerignore")
    for room in rooms:
        assert f"COPY {room} {room}\n" in text
        assert f"!{room}\n" in ignored
    assert "gcc" not in text
    assert "build-essential" not in text


def _pyproject() -> dict[str, dict[str, dict[str, dict[str, dict[str, list[str]]]]]]:
    return tomllib.loads(_text("pyproject.toml"))


def test_versions_and_ports_are_those_of_the_code() -> None:
    images = {name: service["image"] for name, service in s.read().services.items()}
    [chdb] = re.findall(r"^chdb-core==(\d+\.\d+)", _text("requirements.lock"), re.MULTILINE)
    kafka = _text("docker/kafka/Dockerfile")
    assert f"apache/kafka:{broker.VERSION}\n" in kafka
    assert f"jmx_prometheus_javaagent:{broker._AGENT} " in kafka  # noqa: SLF001  # one declaration of the version
    assert images["kafka"] == f"yizhan-kafka:{broker.VERSION}"
    assert images["registry"] == f"apicurio/apicurio-registry:{registry.VERSION}"
    assert images["clickhouse"] == f"clickhouse/clickhouse-server:{chdb}", "the SQL is tested on this version"
    assert images["grafana"].removeprefix("yizhan-") in _text("docker/grafana/Dockerfile")
    [version] = re.findall(r'^version = "(.+)"', _text("pyproject.toml"), re.MULTILINE)
    assert {s.read().services[name]["image"] for name in s.ours(s.read())} == {f"yizhan:{version}"}
    ours, port = _text("docker/Dockerfile"), ClusterSettings.model_fields["health_port"].default
    assert f"USER {OURS}:{OURS}\n" in ours
    assert f"EXPOSE {port}\n" in ours
    assert f":{port}/livez" in ours


def test_the_registry_is_told_what_our_own_is_told(tmp_path: Path) -> None:
    """Quarkus's names in the environment are those of the properties, upper case."""
    own = registry.Registry(tmp_path, secure=True)
    own.command()
    names = re.findall(r"^([^=]+)=", (tmp_path / "config" / "application.properties").read_text("utf-8"), re.MULTILINE)
    known = {re.sub(r"[.-]", "_", name).upper() for name in names}
    told = set(s.read().services["registry"]["environment"])
    assert told <= known
    assert {"QUARKUS_HTTP_SSL_CERTIFICATE_FILES", "QUARKUS_HTTP_INSECURE_REQUESTS"} <= told


def test_secrets_are_dealt_to_whom_they_belong_and_stay_the_same(tmp_path: Path) -> None:
    authority, into = Authority(tmp_path / "authority"), tmp_path / "shares"
    dealt = shares(authority)
    deal(dealt, into)
    for name, share in dealt.items():
        for file in share.files:
            found = (into / name / file).stat()
            assert (found.st_uid, found.st_mode & 0o777) == (share.uid, 0o400), f"{name}/{file}"
    before = {path: path.read_text("utf-8") for path in into.rglob("*") if path.is_file()}
    deal(shares(Authority(tmp_path / "authority")), into)
    assert {path: path.read_text("utf-8") for path in into.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("share", "file"), [("kafka", "clients.pem"), ("registry", "server.pem"), ("clickhouse", "server.pem")]
)
def test_a_server_is_vouched_for_by_its_name_in_compose(share: str, file: str, tmp_path: Path) -> None:
    text = shares(Authority(tmp_path))[share].files[file]
    held = load_pem_x509_certificates(text[text.index("-----BEGIN CERTIFICATE") :].encode())[0]
    names = held.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(DNSName)
    assert sorted(names) == sorted([share, "localhost"])
    assert share in s.read().services


def test_nobody_gets_the_authoritys_key_or_anothers_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    dealt = shares(authority)
    keys = [path.read_text("utf-8") for path in tmp_path.rglob("ca.key")]
    assert len(keys) == 2
    every = {name: "".join(share.files.values()) for name, share in dealt.items()}
    assert not [name for name, text in every.items() for key in keys if key in text]
    owners = {
        "yizhan-worker": {"setup", "worker"},
        "writer": {"setup", "sink", "courier"},
        "dispatcher": {"setup", "operator"},
        "reader": {"setup", "grafana", "worker"},
        "migrator": {"setup", "migrator"},
        "kafka-admin": {"setup", "kafka"},
        "clickhouse-admin": {"setup"},
        "grafana-admin": {"grafana"},
    }
    for user, wanted in owners.items():
        assert {name for name, text in every.items() if authority.password(user) in text} == wanted, user


def test_no_file_names_a_place_where_packages_come_from() -> None:
    """Each client has its own; a mirror is the builder's affair."""
    every = [path.read_text("utf-8") for path in s.DOCKER.rglob("*") if path.is_file()]
    found = [host for text in every for host in re.findall(r"https?://([\w.-]+)", text)]
    names = set(s.read().services) | {"127.0.0.1", "localhost"}
    assert set(found) <= names
    assert yaml.safe_load(_text("docker/compose.yaml"))["name"] == "yizhan"
