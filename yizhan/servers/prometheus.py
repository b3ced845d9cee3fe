"""Prometheus and Alertmanager of our own: Debian's, with the caller's configuration."""

from pathlib import Path
from typing import Final

import httpx

from yizhan.servers import state
from yizhan.servers.fetch import debian
from yizhan.servers.program import Program

QUIET: Final = "route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"
"""An Alertmanager that shows alerts and tells nobody."""


class _Web(Program):
    """A program with one port of HTTP and a configuration file."""

    def __init__(self, folder: Path, config: str) -> None:
        super().__init__(folder)
        self._port = state.ports(self.folder, ("web",))["web"]
        self._config = config
        self.config_file = self.folder / "config.yml"

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{state.HOST}:{self._port}"

    @property
    def url(self) -> str:
        """Root of its pages and API."""
        return f"http://{self.address}"

    def answers(self) -> bool:
        """See `Program`."""
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False


class Prometheus(_Web):
    """It scrapes what its configuration says."""

    name = "Prometheus"

    def command(self) -> list[str]:
        """See `Program`."""
        state.private(self.config_file, self._config)
        return [
            debian("prometheus", "prometheus"),
            f"--config.file={self.config_file}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
        ]


class Alertmanager(_Web):
    """It passes alerts on as its configuration says; alone, without peers."""

    name = "Alertmanager"

    def __init__(self, folder: Path, config: str = QUIET) -> None:
        super().__init__(folder, config)

    def command(self) -> list[str]:
        """See `Program`."""
        state.private(self.config_file, self._config)
        return [
            debian("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={self.config_file}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]


def promtool() -> str:
    """Path of the program that checks Prometheus's rules, configurations and metrics."""
    return debian("prometheus", "promtool")


def amtool() -> str:
    """Path of the program that checks Alertmanager's configurations."""
    return debian("prometheus-alertmanager", "amtool")
