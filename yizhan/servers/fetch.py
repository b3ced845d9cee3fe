"""Where programs come from: Java of this machine, Maven's repository, Debian's packages. All downloads are here."""

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from yizhan.servers.state import cache, locked

LOG: Final = logging.getLogger("yizhan.servers")
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:2.8"
JVMS: Final = Path("/usr/lib/jvm")
_FETCH_SECONDS: Final = 900


class Missing(RuntimeError):
    """Something this machine lacks; the text says what to do."""


def java(least: int) -> Path:
    """The oldest Java that is new enough, of $JAVA_HOME, PATH and /usr/lib/jvm; `Missing`."""
    if not _java_homes():
        with suppress(Missing):  # told better below
            debian("default-jre-headless", "java")
    found = {home: version for home in _java_homes() if (version := _java_version(home))}
    fit = sorted((version, home) for home, version in found.items() if version >= least)
    if not fit:
        seen = ", ".join(f"{version} at {home}" for home, version in sorted(found.items())) or "none at all"
        raise Missing(
            f"Java {least} or later is needed; found {seen}. Install one (Debian: apt-get install "
            f"openjdk-{least}-jre-headless; if it has none so new, Eclipse Temurin) and set JAVA_HOME to its folder"
        )
    return fit[0][1] / "bin" / "java"


def _java_homes() -> set[Path]:
    named = [Path(home) for home in [os.environ.get("JAVA_HOME")] if home]
    on_path = [Path(found).resolve().parent.parent for found in [shutil.which("java")] if found]
    return {home.resolve() for home in (*named, *on_path, *JVMS.glob("*")) if (home / "bin" / "java").exists()}


def _java_version(home: Path) -> int | None:
    release = home / "release"
    if release.exists():
        said = release.read_text()
    else:
        asked = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, text=True, check=False)  # noqa: S603  # a Java found above
        said = asked.stderr
    match = re.search(r'(?:JAVA_VERSION=|version )"(?:1\.)?(\d+)', said)
    return int(match[1]) if match else None


def jars(name: str, artifacts: Sequence[str]) -> Path:
    """Folder with these Maven artifacts (`group:name:version`) and all they need to run; fetched once."""
    return once(name, lambda into: _copy_dependencies(artifacts, into))


def archive(name: str, artifact: str) -> Path:
    """Folder with the content of a `group:name:version:tar.gz:classifier` of Maven's; fetched once."""

    def fill(into: Path) -> None:
        _maven([f"{_PLUGIN}:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={into}"], into)
        (packed,) = into.glob("*.tar.gz")
        shutil.unpack_archive(packed, into, filter="data")
        packed.unlink()

    return once(name, fill)


def project(name: str, pom: Path) -> Path:
    """Folder with a Maven project's `classes` and in `lib` all they need to run; compiled once.

    The project builds into ${into}. `name` must differ for other sources.
    """

    def fill(into: Path) -> None:
        debian("default-jdk-headless", "javac")
        copying = [f"{_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into}/lib"]
        _maven(["-f", str(pom), f"-Dinto={into}", "compile", *copying], into)

    return once(name, fill)


def python(name: str, packages: Sequence[str]) -> Path:
    """Python of an environment of its own with these packages (`name==version`); made once. `Missing`."""

    def fill(into: Path) -> None:
        words = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages)
        for command in ([sys.executable, "-m", "venv", str(into)], [str(into / "bin" / "python"), *words]):
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS)  # noqa: S603  # our own words
            if ran.returncode:
                raise Missing(f"no environment for {name}: {(ran.stderr or ran.stdout)[-1000:].strip()}")

    return once(name, fill) / "bin" / "python"


def debian(package: str, command: str) -> str:
    """Path of a command of a Debian package; root gets it installed, others are told how. `Missing`."""
    if found := _command(command):
        return found
    install = f"apt-get install --no-install-recommends {package}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"{command} is missing: run `sudo {install}`, or its like on this system")
    with locked("apt"):
        if not _command(command):
            LOG.info("installing Debian's %s", package)
            _apt(package, f"{command} is missing and `{install}` failed")
    if found := _command(command):
        return found
    raise Missing(f"`{install}` ran, but {command} is not on the path")


def _command(name: str) -> str | None:
    # Debian keeps daemons where only root's path leads.
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")


def _apt(package: str, failed: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
        ran = subprocess.run(  # noqa: S603  # our own words and package names
            ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *words],  # noqa: S607  # the system's own
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode and words[0] == "install":  # an update that fails may still leave usable lists
            raise Missing(f"{failed}: {ran.stderr[-1000:].strip()}")


def once(name: str, fill: Callable[[Path], None]) -> Path:
    """A folder of the cache, filled the first time; whoever asks meanwhile waits for it."""
    done = cache() / name
    if not done.exists():
        with locked(name):
            if not done.exists():
                _fill(done, fill)
    return done


def _fill(done: Path, fill: Callable[[Path], None]) -> None:
    """Filled beside its place and then renamed: whoever sees the folder sees all of it."""
    LOG.info("fetching %s, this once, into %s", done.name, done)
    begun = done.with_name(f".{done.name}.part")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    fill(begun)
    begun.rename(done)


def _copy_dependencies(artifacts: Sequence[str], into: Path) -> None:
    parts = [artifact.split(":") for artifact in artifacts]
    needs = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        for group, name, version in parts
    )
    pom = into / "pom.xml"
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>yizhan</groupId><artifactId>servers</artifactId>"
        f"<version>1</version><dependencies>{needs}</dependencies></project>"
    )
    goal = f"{_PLUGIN}:copy-dependencies"
    _maven(["-f", str(pom), goal, "-DincludeScope=runtime", f"-DoutputDirectory={into}"], into)


def _maven(words: Sequence[str], into: Path) -> None:
    maven = debian("maven", "mvn")
    ran = subprocess.run(  # noqa: S603  # our own words
        [maven, "-B", "-q", "-ntp", *words],
        cwd=into,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_FETCH_SECONDS,
    )
    if ran.returncode:
        errors = [line for line in ran.stdout.splitlines() if line.startswith("[ERROR]")]
        raise Missing(
            f"Maven could not fetch or compile: {' '.join(errors[:1]) or ran.stderr[-500:]}; is there a network?"
        )
