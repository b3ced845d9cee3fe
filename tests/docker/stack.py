"""docker/ as data, and what may be wrong with it: each check gives its faults, none for a stack that is right."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
import yaml

from yizhan.cli import cli
from yizhan.cluster.access import role_access
from yizhan.cluster.settings import CONFIG, PREFIX, SECRETS, ClusterSettings
from yizhan.servers.broker_settings import ADMIN
from yizhan.servers.container import OURS, Share

ROOT: Final = Path(__file__).parents[2]
DOCKER: Final = ROOT / "docker"
COMMANDS: Final[Any] = typer.main.get_command(cli)
IMAGE: Final = "yizhan:"
SHELL: Final = ["/bin/sh", "-euc"]
JOBS: Final = ("secrets", "topics", "schemas", "store-users", "migrate", "users", "reference")
"""The one-shot services, in their order."""
Service = dict[str, Any]


@dataclass
class Stack:
    """compose.yaml, read as YAML: anchors are resolved."""

    services: dict[str, Service]
    networks: dict[str, Any]
    volumes: dict[str, Any]


def read() -> Stack:
    found = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    return Stack(found["services"], found["networks"], found["volumes"])


def ours(stack: Stack) -> dict[str, Service]:
    """Services that run a `yizhan` command."""
    return {n: s for n, s in stack.services.items() if s["image"].startswith(IMAGE) and n != "secrets"}


def roles() -> set[str]:
    """Commands that run until told to stop, by their help."""
    return {name for name, command in COMMANDS.commands.items() if (command.help or "").startswith("Role:")}


def role_services(stack: Stack) -> dict[str, Service]:
    return {name: service for name, service in ours(stack).items() if said(service)[0][0] in roles()}


def said(service: Service) -> list[list[str]]:
    """The words of every `yizhan` command a service runs."""
    if service.get("entrypoint") == SHELL:
        return [line.split()[1:] for line in service["command"][0].splitlines()]
    return [service["command"]]


def images_not_pinned(stack: Stack) -> list[str]:
    tags = {name: service["image"].partition(":")[2] for name, service in stack.services.items()}
    return [name for name, tag in tags.items() if not re.search(r"\d+\.\d+", tag)]


def bases_not_pinned(dockerfile: str) -> list[str]:
    return [
        base
        for base in re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
        if not re.search(r":v?\d+\.\d+\.\d+", base)
    ]


def not_hardened(stack: Stack) -> Iterator[str]:
    for name, service in stack.services.items():
        wrong = {
            "writes its own root": not service.get("read_only"),
            "keeps capabilities": service.get("cap_drop") != ["ALL"],
            "may gain privileges": service.get("security_opt") != ["no-new-privileges:true"],
            "is privileged": "privileged" in service,
            "is root": service.get("user", "0:0").split(":")[0] == "0" and name != "secrets",
            "adds capabilities": service.get("cap_add", []) != (["CHOWN"] if name == "secrets" else []),
            "is root with a network": name == "secrets" and service.get("network_mode") != "none",
            "logs without an end": "max-size" not in service.get("logging", {}).get("options", {}),
        }
        yield from (f"{name} {fault}" for fault, is_so in wrong.items() if is_so)


def published_too_far(stack: Stack) -> Iterator[str]:
    for name, service in stack.services.items():
        ports = service.get("ports", [])
        yield from (f"{name}: {port}" for port in ports if not re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port))
        if bool(ports) != ("outside" in service.get("networks", [])):
            yield f"{name} is outside or publishes, not both"


def wires_not_apart(stack: Stack) -> Iterator[str]:
    """Each server has a network of its own; who is on it says so by its settings."""
    yield from (
        n for n, made in stack.networks.items() if (n not in {"outside", "webhooks"}) != bool(made.get("internal"))
    )
    asks = {"clickhouse": "YIZHAN_CLICKHOUSE_HOST", "kafka": "YIZHAN_KAFKA_USER", "webhooks": "YIZHAN_ALERTS_FILE"}
    for name, service in ours(stack).items():
        wires, told = set(service["networks"]), service["environment"]
        if "outside" in wires:
            yield f"{name} is outside"
        yield from (
            f"{name} is on {wire} without {key}" for wire, key in asks.items() if wire in wires and key not in told
        )


def unknown_settings(stack: Stack) -> list[str]:
    known = {f"{PREFIX}{name.upper()}" for name in ClusterSettings.model_fields} | {CONFIG, SECRETS}
    told = {key for service in ours(stack).values() for key in service["environment"]}
    return sorted(key for key in told if key not in known)


def unknown_commands(stack: Stack) -> list[str]:
    every = [(name, words) for name, service in ours(stack).items() for words in said(service)]
    return [f"{name}: {' '.join(words)}" for name, words in every if not is_command(words)]


def is_command(words: list[str]) -> bool:
    at = COMMANDS
    for word in words:
        if not hasattr(at, "commands"):
            break
        if word == "--help":
            return True
        if word not in at.commands:
            return False
        at = at.commands[word]
    options = {option for parameter in at.params for option in parameter.opts}
    return not hasattr(at, "commands") and all(word in options for word in words if word.startswith("--"))


def roles_without_service(stack: Stack) -> list[str]:
    running = {said(service)[0][0] for service in ours(stack).values() if service["restart"] == "unless-stopped"}
    return sorted(roles() - running)


def users_wrong(stack: Stack) -> Iterator[str]:
    """A role is its own user; that user is added first."""
    added = {words[2] for words in said(stack.services["users"]) if words[:2] == ["users", "add"]}
    yield from (f"{user} is not added" for user in set(role_access({})) - added)
    for name, service in ours(stack).items():
        user = service["environment"].get("YIZHAN_KAFKA_USER", ADMIN)
        if user not in {*role_access({}), ADMIN}:
            yield f"{name}: {user} is nobody"
        if name in role_services(stack) and user != f"yizhan-{name}":
            yield f"{name} is {user}"


def secrets_of(service: Service) -> str | None:
    """Whose share of secrets a service mounts."""
    found = [v.partition(":")[0] for v in service.get("volumes", []) if v.endswith(":/run/yizhan:ro")]
    return found[0].removesuffix("-secrets") if found else None


def secrets_wrong(stack: Stack, dealt: Mapping[str, Share]) -> Iterator[str]:
    """Each share is mounted where it is made, by whoever can read it, and has what is named there."""
    made = {v.split(":")[1].rsplit("/")[-1] for v in stack.services["secrets"]["volumes"] if ":/shares/" in v}
    yield from (f"share {name} is not mounted where it is made" for name in set(dealt) ^ made)
    for name, service in stack.services.items():
        if (share := secrets_of(service)) is None:
            continue
        if share not in dealt:
            yield f"{name}: nobody makes {share}"
            continue
        if service["user"].split(":")[0] != str(dealt[share].uid):
            yield f"{name} can't read {share}"
        named = set(re.findall(r"/run/yizhan/([\w.-]+)", f"{service}{_files_of(name)}"))
        yield from (f"{name}: no {file}" for file in named - set(dealt[share].files))
    if any(s["user"].split(":")[0] != str(OURS) for s in ours(stack).values()):
        yield "a service of ours is another user than the image's"


def _files_of(name: str) -> str:
    folder = DOCKER / name
    return "".join(path.read_text("utf-8") for path in sorted(folder.rglob("*")) if path.is_file())


def mounts_missing(stack: Stack) -> Iterator[str]:
    for name, service in stack.services.items():
        for mount in service.get("volumes", []):
            source = re.sub(r"^\$\{\w+:-([^}]*)\}", r"\1", mount).split(":")[0]
            if source.startswith("."):
                if not (DOCKER / source).exists():
                    yield f"{name}: {source} is not there"
            elif source not in stack.volumes:
                yield f"{name}: no volume {source}"


def order_wrong(stack: Stack) -> Iterator[str]:
    """Every one-shot service comes, by any way, after the one before it; the roles come last."""
    for before, after in itertools.pairwise(JOBS):
        if before not in _needs(stack, after):
            yield f"{after} does not wait for {before}"
    yield from (f"{n} does not wait for {j}" for n in role_services(stack) for j in JOBS if j not in _needs(stack, n))


def _needs(stack: Stack, name: str) -> set[str]:
    found: set[str] = set()
    for other, condition in stack.services[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in JOBS else "service_healthy"
        if condition["condition"] == wanted:
            found |= {other} | _needs(stack, other)
    return found


def not_started_again(stack: Stack) -> list[str]:
    lasting = set(stack.services) - set(JOBS) - {"operator", "setup"}
    return sorted(
        name
        for name in lasting
        if stack.services[name].get("restart") != "unless-stopped" or "test" not in stack.services[name]["healthcheck"]
    )
