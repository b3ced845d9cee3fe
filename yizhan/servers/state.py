"""What a server's folder remembers: ports, passwords, the process. Readable by its owner alone."""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any, Final

HOST: Final = "127.0.0.1"
PORTS: Final = range(10_000, int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]))
"""Below those the kernel gives to outgoing connections: a stopped server must find its port free again."""


def cache() -> Path:
    """What the servers of all folders share, downloads above all: $YIZHAN_CACHE, else ~/.cache/yizhan."""
    return Path(os.environ.get("YIZHAN_CACHE") or Path.home() / ".cache" / "yizhan")


def read(path: Path) -> dict[str, Any]:
    """A JSON object, empty if there is none."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON object as a whole."""
    private(path, json.dumps(content, indent=1))


def private(path: Path, text: str) -> None:
    """Replace a file as a whole, mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.rename(path)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ports(folder: Path, names: Sequence[str]) -> dict[str, int]:
    """Ports of these names, the same at every start in this folder, and no other folder's."""
    path = folder / "ports.json"
    if set(names) - set(read(path)):
        with locked("ports"):
            known = read(path)
            for name in names:
                known[name] = known.get(name) or _free_port(folder, known)
            write(path, known)
    known = read(path)
    return {name: int(known[name]) for name in names}


def password(path: Path) -> str:
    """The password kept in this file; made once."""
    if not path.exists():
        private(path, secrets.token_urlsafe(24))
    return path.read_text()


def _free_port(folder: Path, mine: dict[str, Any]) -> int:
    claims = cache() / "ports"
    claims.mkdir(parents=True, exist_ok=True)
    for port in SystemRandom().sample(PORTS, len(PORTS)):
        claim = claims / str(port)
        if port not in mine.values() and not _held(claim, port) and _unused(port):
            claim.write_text(str(folder.absolute()))
            return port
    raise OSError(
        f"no port is free between {PORTS.start} and {PORTS.stop}; remove folders of servers you no longer use"
    )


def _held(claim: Path, port: int) -> bool:
    """Whether the folder that claimed it is still there and still keeps it, started or not."""
    return claim.exists() and port in read(Path(claim.read_text()) / "ports.json").values()


def _unused(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
        return True


def listening(port: int) -> bool:
    """Whether something takes connections there."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
