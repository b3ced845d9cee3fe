"""A server's process: nothing outlives whom it was started for; a folder finds its process again."""

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.servers.clients import until
from yizhan.servers import Alertmanager, state
from yizhan.servers.program import DidNotStart

STARTER = """
import sys
from pathlib import Path
from yizhan.servers import Alertmanager
started = Alertmanager(Path(sys.argv[1]))
started.start()
print("started", flush=True)
sys.stdin.readline()
"""


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Even one that is killed, so that no test leaves a server behind."""
    words = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        again = Alertmanager(tmp_path)
        assert again.running
        assert again.answers()

        starter.send_signal(signal.SIGKILL)
        starter.wait()

    until(lambda: not again.running)


def test_a_number_that_another_process_got_is_left_alone(tmp_path: Path) -> None:
    """A process is known by its number and when it began."""
    other = psutil.Process()
    (tmp_path / "process.json").write_text(f'{{"pid": {other.pid}, "since": {other.create_time() - 3600}}}')

    server = Alertmanager(tmp_path)
    assert not server.running
    server.kill()
    assert other.is_running()


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """The program's own words are in the error."""
    server = Alertmanager(tmp_path)
    host, port = server.address.split(":")
    with socket.create_server((host, int(port))), pytest.raises(DidNotStart, match="address already in use"):
        server.start()
    assert not server.running


def test_a_folder_has_the_same_port_at_every_start(tmp_path: Path) -> None:
    """Clients find a server again after its restart."""
    assert Alertmanager(tmp_path / "a").address == Alertmanager(tmp_path / "a").address


def test_no_two_folders_share_a_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even before any server listens; the ports of a folder that is gone are given again."""
    monkeypatch.setenv("YIZHAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(state, "PORTS", range(20_000, 20_500))
    names = [f"p{n}" for n in range(150)]
    for _ in range(3):  # 900 of 500
        one, other = (set(state.ports(tmp_path / part, names).values()) for part in ("a", "b"))
        assert len(one) == len(other) == len(names)
        assert not one & other
        shutil.rmtree(tmp_path / "a")
        shutil.rmtree(tmp_path / "b")
