"""An Apicurio schema registry of our own, its schemas in a file of its folder."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from schemas.registry import HttpRegistry
from yizhan.servers import state
from yizhan.servers.fetch import archive, java
from yizhan.servers.pki import Pki
from yizhan.servers.program import Program

VERSION: Final = "3.3.3"
_JAVA: Final = 21
_QUICK: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_API: Final = "/apis/ccompat/v7"


class Registry(Program):
    """It speaks Confluent's API; over TLS if `secure`. With `users` (password by name) nobody else is let in."""

    name = "registry"

    def __init__(
        self, folder: Path, *, secure: bool = False, users: Mapping[str, str] | None = None, pki: Pki | None = None
    ) -> None:
        super().__init__(folder)
        self._ports = state.ports(self.folder, ("api", "metrics"))
        self._pki = (pki or Pki(self.folder / "pki")) if secure else None
        self._users = dict(users or {})
        self.ca = self._pki.ca if self._pki else None

    @property
    def url(self) -> str:
        """Root of the API, for clients."""
        return f"{'https' if self.ca else 'http'}://{state.HOST}:{self._ports['api']}{_API}"

    @contextmanager
    def client(self, user: str | None = None, url: str | None = None) -> Iterator[HttpRegistry]:
        """A client that trusts our authority, as one of the users."""
        auth = (user, self._users[user]) if user else None
        with httpx.Client(base_url=url or self.url, verify=self._trust(), auth=auth, timeout=10) as http:
            yield HttpRegistry(http)

    def _trust(self) -> ssl.SSLContext | bool:
        return ssl.create_default_context(cafile=str(self.ca)) if self.ca else True

    def answers(self) -> bool:
        """See `Program`; a refusal for want of a password is an answer, too."""
        if not state.listening(self._ports["api"]):
            return False
        try:
            return httpx.get(f"{self.url}/subjects", verify=self._trust(), timeout=2).status_code in {200, 401}
        except httpx.HTTPError:
            return False

    def command(self) -> list[str]:
        """See `Program`. Quarkus reads config/application.properties where it is started."""
        found = self._settings() | self._access() | (self._tls(self._pki) if self._pki else {})
        text = "".join(f"{name}={value}\n" for name, value in found.items())
        state.private(self.folder / "config" / "application.properties", text)
        program = archive(f"apicurio-{VERSION}", f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all")
        return [str(java(_JAVA)), "-Xmx256m", *_QUICK, "-jar", str(program / "quarkus-run.jar")]

    def _settings(self) -> dict[str, object]:
        return {
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            # Written at once: a schema that was answered for survives a kill.
            "apicurio.datasource.url": f"jdbc:h2:file:{self.folder / 'schemas'};WRITE_DELAY=0",
            "apicurio.datasource.jdbc.initial-size": 2,
            "apicurio.datasource.jdbc.min-size": 2,
            "quarkus.http.host": state.HOST,
            "quarkus.http.port": self._ports["api"],
            "quarkus.http.access-log.enabled": "false",
            "quarkus.management.host": state.HOST,
            "quarkus.management.port": self._ports["metrics"],
        }

    def _tls(self, pki: Pki) -> dict[str, object]:
        held = pki.certificate("registry")
        return {
            "quarkus.http.insecure-requests": "disabled",
            "quarkus.http.ssl-port": self._ports["api"],
            "quarkus.http.ssl.certificate.files": held.chain,
            "quarkus.http.ssl.certificate.key-files": held.key,
        }

    def _access(self) -> dict[str, object]:
        if not self._users:
            return {}
        at = "quarkus.security.users.embedded"
        passwords = {f"{at}.users.{user}": password for user, password in self._users.items()}
        return {"quarkus.http.auth.basic": "true", f"{at}.plain-text": "true", **passwords}
