"""What is missing is told with what to do; what is fetched is fetched once."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from yizhan.servers import Registry, fetch
from yizhan.servers.fetch import Missing

NOBODY = 65534
FETCHER = """
import sys
from pathlib import Path
from yizhan.servers.fetch import once

def fill(into: Path) -> None:
    with Path(sys.argv[1]).open("a") as log:
        log.write("filled\\n")
    for n in range(200):
        (into / str(n)).touch()

print("ready", flush=True)
sys.stdin.readline()
print(len(list(once("things", fill).iterdir())))
"""


def test_java_that_is_too_old_is_told() -> None:
    """With what was found, and what to do."""
    with pytest.raises(Missing, match=r"Java 99 or later is needed; found .*\d+ at /.*set JAVA_HOME"):
        fetch.java(99)
    assert "java" in str(fetch.java(17))


def test_no_java_at_all_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that can't start for want of Java says so before it starts anything."""
    (tmp_path / "apicurio-3.3.3").mkdir()
    monkeypatch.setenv("YIZHAN_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(fetch, "JVMS", tmp_path)

    registry = Registry(tmp_path / "registry")
    with pytest.raises(Missing, match="Java 21 or later is needed; found none at all"):
        registry.start()
    assert not registry.running


def test_an_environment_of_its_own_has_its_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And works where it was moved to once it was full; one that cannot be filled is told and made anew next time."""
    monkeypatch.setenv("YIZHAN_CACHE", str(tmp_path))
    with pytest.raises(Missing, match=r"no environment for tools.*not-a-requirement"):
        fetch.python("tools", ["=not-a-requirement="])

    python = fetch.python("tools", [str(_package(tmp_path / "anvil"))])
    ran = subprocess.run(
        [python, "-c", "import anvil, sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert Path(ran.stdout.strip()) == tmp_path / "tools"


def _package(folder: Path) -> Path:
    """A wheel with one empty module, made by hand: nothing is fetched."""
    folder.mkdir()
    wheel = folder / "anvil-1-py3-none-any.whl"
    about = "anvil-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("anvil.py", "")
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: anvil\nVersion: 1\n")
        packed.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{about}/RECORD", "")
    return wheel


def test_who_is_not_root_is_told_the_command() -> None:
    """Nothing is installed behind a user's back."""
    we = os.geteuid()
    if we == 0:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(Missing, match=r"run `sudo apt-get install --no-install-recommends some-package`"):
            fetch.debian("some-package", "a-command-that-is-not-there")
    finally:
        os.seteuid(we)


def test_maven_without_a_network_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words are in the error, and nothing half-fetched is taken for the whole."""
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no route to host'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("YIZHAN_CACHE", str(tmp_path / "cache"))

    for _ in range(2):
        with pytest.raises(Missing, match="no route to host; is there a network"):
            fetch.jars("something", ["a:b:1"])


def test_what_two_fetch_at_once_is_fetched_once(tmp_path: Path) -> None:
    """The others wait, and all see the whole."""
    log = tmp_path / "log"
    words = [sys.executable, "-c", FETCHER, str(log)]
    cached = os.environ | {"YIZHAN_CACHE": str(tmp_path / "cache")}
    fetchers = [
        subprocess.Popen(words, env=cached, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)
    ]
    for fetcher in fetchers:
        assert fetcher.stdout is not None
        assert fetcher.stdout.readline() == "ready\n"

    for fetcher in fetchers:
        assert fetcher.stdin is not None
        fetcher.stdin.write("go\n")
        fetcher.stdin.flush()

    assert [fetcher.communicate(timeout=30)[0] for fetcher in fetchers] == ["200\n"] * 4
    assert log.read_text() == "filled\n"
