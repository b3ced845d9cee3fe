"""Secrets and certificates of the compose stack: `python -m yizhan.servers.container AUTHORITY SHARES`.

Run once before all else, as root without a network, by docker/compose.yaml. AUTHORITY keeps everything and is seen
by nobody else; SHARES has a volume for each service, which gets what that service needs, readable by its user alone.
Run again it changes nothing.
"""

import base64
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from yizhan.servers import state
from yizhan.servers.broker_settings import ADMIN, BROKERS_OWN
from yizhan.servers.pki import NAMES, Pki

OURS: Final = 10001
"""Uid of docker/Dockerfile's user."""
ROLES: Final = ("admission", "worker", "sink", "promises", "courier", "watchdog", "operator")
"""Kafka users of ours, `yizhan-` left out."""
STORE_USERS: Final = ("migrator", "writer", "dispatcher", "reader")
"""ClickHouse users, each of the duty it is named for."""
_STORE_USER_OF: Final = {"worker": "reader", "sink": "writer", "courier": "writer", "operator": "dispatcher"}

_STORE_ADMIN: Final = """<clickhouse>
<profiles><default/></profiles><quotas><default/></quotas>
<users><{name}><password_sha256_hex>{hash}</password_sha256_hex><networks><ip>::/0</ip></networks>
<profile>default</profile><quota>default</quota><access_management>1</access_management></{name}></users>
</clickhouse>
"""


@dataclass(frozen=True)
class Share:
    """Files of one service, and the uid that alone reads them."""

    uid: int
    files: Mapping[str, str]


class Authority:
    """What is made once and kept: certificates and passwords."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._outer, self._inner = Pki(folder / "pki"), Pki(folder / "pki-inner")

    @property
    def ca(self) -> dict[str, str]:
        """Whom clients trust."""
        return {"ca.pem": self._outer.ca.read_text()}

    def password(self, name: str) -> str:
        """Of a user of one of the servers; made once."""
        return state.password(self._folder / f"{name}.password")

    def server(self, service: str) -> dict[str, str]:
        """Key and certificate of a server, for its name in compose and for this machine."""
        held = self._outer.certificate(service, (service, *NAMES))
        return {"server.key": held.key.read_text(), "server.pem": held.chain.read_text()}

    def broker(self) -> dict[str, str]:
        """All that a broker has."""
        outer = self._outer.certificate("kafka", ("kafka", *NAMES))
        inner = self._inner.certificate(BROKERS_OWN, ("kafka", *NAMES))
        return {
            "clients.pem": outer.both.read_text(),
            "inner.pem": inner.both.read_text(),
            "inner-ca.pem": self._inner.ca.read_text(),
            "admin.password": self.password("kafka-admin"),
            "cluster.id": self._cluster(),
        }

    def _cluster(self) -> str:
        kept = self._folder / "cluster.id"
        if not kept.exists():
            state.private(kept, base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
        return kept.read_text()


def shares(kept: Authority) -> dict[str, Share]:
    """What each service gets, by the name of its volume."""
    admin = kept.password("clickhouse-admin")
    users = _STORE_ADMIN.format(name=ADMIN, hash=sha256(admin.encode()).hexdigest())
    passwords = {f"{user}.password": kept.password(user) for user in (*(f"yizhan-{r}" for r in ROLES), *STORE_USERS)}
    return {
        "kafka": Share(1000, kept.broker()),
        "registry": Share(185, kept.server("registry")),
        "clickhouse": Share(101, kept.ca | kept.server("clickhouse") | {"users.xml": users}),
        "grafana": Share(
            472,
            kept.ca | {"reader.password": kept.password("reader"), "admin.password": kept.password("grafana-admin")},
        ),
        "setup": Share(OURS, kept.ca | _secrets(kept.password("kafka-admin"), admin) | passwords),
        "migrator": Share(OURS, kept.ca | _secrets("", kept.password("migrator"))),
        **{role: Share(OURS, kept.ca | _role_secrets(kept, role)) for role in ROLES},
    }


def _role_secrets(kept: Authority, role: str) -> dict[str, str]:
    user = _STORE_USER_OF.get(role)
    return _secrets(kept.password(f"yizhan-{role}"), kept.password(user) if user else "")


def _secrets(kafka: str, clickhouse: str) -> dict[str, str]:
    """As settings are read from YIZHAN_SECRETS: one file a setting."""
    found = {"yizhan_kafka_password": kafka, "yizhan_clickhouse_password": clickhouse}
    return {name: text for name, text in found.items() if text}


def deal(found: Mapping[str, Share], into: Path) -> None:
    """Put every share into its folder; one that is there already is replaced file by file."""
    for name, share in found.items():
        folder = into / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in share.files.items():
            new = folder / f".{file}.new"
            new.unlink(missing_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as opened:
                opened.write(text)
            os.chown(new, share.uid, -1)
            new.rename(folder / file)


def main(words: list[str]) -> None:
    """`AUTHORITY SHARES [FOLDER=UID ...]`; the folders are data volumes that their images do not make themselves."""
    authority, into, *owned = words
    deal(shares(Authority(Path(authority))), Path(into))
    for folder, uid in (word.split("=") for word in owned):
        os.chown(folder, int(uid), -1)


if __name__ == "__main__":
    main(sys.argv[1:])
