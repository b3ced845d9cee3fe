"""One Kafka broker, controller included, as a process."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from yizhan.servers import state
from yizhan.servers.broker_settings import ADMIN, MECHANISM, Layout
from yizhan.servers.fetch import jars, java
from yizhan.servers.program import DidNotStart, Program

VERSION: Final = "4.1.0"
_AGENT: Final = "1.0.1"
_ARTIFACTS: Final = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    f"io.prometheus.jmx:jmx_prometheus_javaagent:{_AGENT}",
    "org.slf4j:slf4j-simple:1.7.36",  # of the age of the slf4j-api that Kafka brings
)
_METRICS: Final = Path(__file__).with_name("broker_metrics.yaml")
_JAVA: Final = 17
_FORMATTER: Final = "kafka.tools.StorageTool"


class Broker(Program):
    """A broker of a layout; it answers once `takes_part(number)` says so."""

    def __init__(self, layout: Layout, number: int, takes_part: Callable[[int], bool]) -> None:
        super().__init__(layout.folder / f"broker-{number}")
        self.name = f"Kafka broker {number}"
        self._layout, self._number, self._takes_part = layout, number, takes_part

    def answers(self) -> bool:
        """See `Program`."""
        return self._takes_part(self._number)

    def command(self) -> list[str]:
        """See `Program`; formats the folder the first time."""
        settings = self.folder / "server.properties"
        state.private(settings, self._layout.settings(self._number))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(settings)
        lib = jars(f"kafka-{VERSION}", _ARTIFACTS)
        port = self._layout.ports[self._number]["metrics"]
        agent = f"-javaagent:{lib}/jmx_prometheus_javaagent-{_AGENT}.jar={state.HOST}:{port}:{_METRICS}"
        heap = 512 if len(self._layout.ports) == 1 else 384
        return [*_java(heap), agent, "-cp", f"{lib}/*", "kafka.Kafka", str(settings)]

    def _format(self, settings: Path) -> None:
        words = ["format", f"--cluster-id={self._layout.cluster}", "-c", str(settings)]
        if self._layout.pki:
            words += ["--add-scram", f"{MECHANISM}=[name={ADMIN},password={self._layout.password}]"]
        lib = jars(f"kafka-{VERSION}", _ARTIFACTS)
        java, *options = _java(128)
        # By a file: the list of processes, which has the words of each, shows everybody the password.
        said = self.folder / "format.words"
        state.private(said, "\n".join(f'"{word}"' for word in [*options, "-cp", f"{lib}/*", _FORMATTER, *words]))
        ran = subprocess.run([java, f"@{said}"], capture_output=True, text=True, check=False)  # noqa: S603  # our own words
        said.unlink()
        if ran.returncode:
            raise DidNotStart(f"{self.name}: its folder could not be formatted: {(ran.stderr or ran.stdout)[-2000:]}")


def _java(heap: int) -> list[str]:
    """Java with this heap in MiB; the log has warnings, and every refusal of the authorizer."""
    logs = {
        "defaultLogLevel": "warn",
        "log.kafka.authorizer.logger": "info",
        "log.org.apache.kafka.clients.NetworkClient": "error",  # ten lines a second while another broker is down
        "showDateTime": "true",
        "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSS",
    }
    said = [f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in logs.items()]
    # The quick compiler alone: on two cores the thorough one takes longer to start than it ever gives back.
    return [str(java(_JAVA)), "-Xms64m", f"-Xmx{heap}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *said]
