"""How other processes reach a running stack: a door on loopback, its address and key in DIR/stack.json.

chdb lets one process open a folder, so whoever wants to query DIR asks the stack that runs on it.
"""

import json
import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx

NAME: Final = "stack.json"
ASK_SECONDS: Final = 3600.0
"""An import is answered when it has settled."""


class NotAnswered(RuntimeError):
    """The running stack refused or could not do what was asked; the text is its answer."""


@dataclass(frozen=True)
class Door:
    """Address and key of a running stack."""

    pid: int
    address: str
    key: str

    def ask(self, path: str, question: dict[str, Any]) -> Any:  # noqa: ANN401  # JSON
        """POST a question; raises NotAnswered."""
        headers = {"authorization": f"Bearer {self.key}"}
        answer = httpx.post(f"{self.address}{path}", json=question, headers=headers, timeout=ASK_SECONDS)
        if answer.is_error:
            raise NotAnswered(str(answer.json().get("detail", answer.text)))
        return answer.json()


def open_door(data: Path) -> tuple[Door, socket.socket]:
    """A listening socket on a free loopback port, written down for others; only this user may read it."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    door = Door(os.getpid(), f"http://127.0.0.1:{listening.getsockname()[1]}", secrets.token_urlsafe(24))
    path = data / NAME
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(door)))
    return door, listening


def find_door(data: Path) -> Door | None:
    """The stack that runs on this folder, if one does and answers."""
    try:
        door = Door(**json.loads((data / NAME).read_text()))
        httpx.get(f"{door.address}/livez", timeout=5).raise_for_status()
    except (OSError, ValueError, TypeError, httpx.HTTPError):
        return None
    return door


def close_door(data: Path) -> None:
    """Take the note away."""
    (data / NAME).unlink(missing_ok=True)
