"""A ClickHouse server of our own: Debian's 18.16, plain or over TLS alone.

Rights in 18.16 are users.xml's: a user reads only or may do all, in the databases it may see. It has no rights by
table and no row policies; a view needs the right to what it reads.
"""

import hashlib
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from sinks.clickhouse.server import ServerSettings, ServerStore
from sinks.clickhouse.store import StoreError
from yizhan.servers import state
from yizhan.servers.fetch import debian
from yizhan.servers.pki import Pki
from yizhan.servers.program import Program

_CONFIG: Final = """<yandex>
<logger><level>warning</level><log>{at}/server.log</log><errorlog>{at}/error.log</errorlog></logger>
<listen_host>{host}</listen_host>
{ports}
<interserver_http_port>{replicas}</interserver_http_port>
<path>{at}/data/</path><tmp_path>{at}/tmp/</tmp_path><user_files_path>{at}/files/</user_files_path>
<users_config>users.xml</users_config>
<default_profile>default</default_profile><default_database>default</default_database>
<mark_cache_size>268435456</mark_cache_size><timezone>UTC</timezone>
</yandex>"""
_PLAIN: Final = "<tcp_port>{native}</tcp_port><http_port>{http}</http_port>"
_TLS: Final = """<tcp_port_secure>{native}</tcp_port_secure><https_port>{http}</https_port>
<openSSL><server>
<certificateFile>{held.chain}</certificateFile><privateKeyFile>{held.key}</privateKeyFile>
<verificationMode>none</verificationMode><loadDefaultCAFile>false</loadDefaultCAFile><cacheSessions>true</cacheSessions>
<disableProtocols>sslv2,sslv3,tlsv1,tlsv1_1</disableProtocols><preferServerCiphers>true</preferServerCiphers>
</server></openSSL>"""
_USERS: Final = """<yandex>
<profiles><default/><readonly><readonly>1</readonly></readonly></profiles><quotas><default/></quotas>
<users>{users}</users>
</yandex>"""
_USER: Final = """<{user.name}><password_sha256_hex>{user.password_sha256}</password_sha256_hex>
<networks><ip>{host}</ip></networks><profile>{profile}</profile><quota>default</quota>{databases}</{user.name}>"""


@dataclass(frozen=True)
class User:
    """Whom the server lets in; no `databases`: all of them."""

    name: str
    password_sha256: str
    readonly: bool = False
    databases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.name):  # it becomes the name of an element
            raise ValueError(f"{self.name!r} can't be a user: a letter, then letters, digits, _ or -, all lower case")

    @classmethod
    def of(cls, name: str, password: str, *, readonly: bool = False, databases: tuple[str, ...] = ()) -> "User":
        """A user by its password, of which only the hash is kept."""
        return cls(name, _sha256(password), readonly, databases)


class ClickHouse(Program):
    """A server with our own user, who may do all, and `users`.

    Our own is `default` without a password where it is plain; `admin` with one where it is `secure`.
    """

    name = "ClickHouse"

    def __init__(
        self, folder: Path, *, secure: bool = False, users: Sequence[User] = (), pki: Pki | None = None
    ) -> None:
        super().__init__(folder)
        self._ports = state.ports(self.folder, ("native", "http", "replicas"))
        self._pki = (pki or Pki(self.folder / "pki")) if secure else None
        self._users = tuple(users)
        self.ca = self._pki.ca if self._pki else None
        self.password_file = self.folder / "admin.password"
        self.password = state.password(self.password_file) if secure else ""

    @property
    def settings(self) -> ServerSettings:
        """How our own user reaches it; `replace` user and password for another."""
        return ServerSettings(
            host=state.HOST,
            port=self._ports["native"],
            user="admin" if self.ca else "default",
            password=self.password,
            secure=self.ca is not None,
            ca_certs=self.ca,
        )

    def answers(self) -> bool:
        """See `Program`."""
        if not state.listening(self._ports["native"]):
            return False
        try:
            ServerStore(self.settings).close()
        except StoreError:
            return False
        return True

    def set_users(self, users: Sequence[User]) -> None:
        """Replace the users beside our own; a running server takes the file up within two seconds."""
        self._users = tuple(users)
        own = User(self.settings.user, _sha256(self.password))
        path = self.folder / "users.xml"
        before = path.stat().st_mtime if path.exists() else 0
        state.private(path, _USERS.format(users="".join(map(_user, (own, *self._users)))))
        # The server looks at whole seconds: a second list within one would go unseen.
        newer = max(time.time(), int(before) + 1)
        os.utime(path, (newer, newer))

    def command(self) -> list[str]:
        """See `Program`."""
        held = self._pki.certificate("clickhouse") if self._pki else None
        ports = (_TLS if held else _PLAIN).format(**self._ports, held=held)
        config = _CONFIG.format(at=self.folder, host=state.HOST, ports=ports, replicas=self._ports["replicas"])
        state.private(self.folder / "config.xml", config)
        self.set_users(self._users)
        return [debian("clickhouse-server", "clickhouse-server"), f"--config-file={self.folder}/config.xml"]

    def tail(self) -> str:
        """The end of its log, which its own files go on with."""
        own = self.folder / "error.log"
        return super().tail() + (own.read_text("utf-8", "replace")[-3000:] if own.exists() else "")


def _user(user: User) -> str:
    allowed = "".join(f"<database>{escape(name)}</database>" for name in user.databases)
    databases = f"<allow_databases>{allowed}</allow_databases>" if allowed else ""
    profile = "readonly" if user.readonly else "default"
    return _USER.format(user=user, host=state.HOST, profile=profile, databases=databases)


def _sha256(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()
