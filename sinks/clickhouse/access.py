"""ClickHouse users: who migrates, writes, reads, says something of alerts; an operator that reads its own rows alone.

Servers since MODERN keep users themselves and take SQL (`statements`); older ones read them from a file (`users_xml`).
Only the password's hash is ever written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final
from xml.sax.saxutils import escape


class Duty(StrEnum):
    """What a user is for."""

    MIGRATOR = "migrator"
    WRITER = "writer"
    DISPATCHER = "dispatcher"
    READER = "reader"


MAY: Final[Mapping[Duty, str]] = {
    Duty.MIGRATOR: "SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW, TRUNCATE, SHOW",
    Duty.WRITER: "SELECT, INSERT, SHOW",
    Duty.DISPATCHER: "SELECT, SHOW",
    Duty.READER: "SELECT, SHOW",
}
"""In the database. Migrating loads reference data, too, whose old loads are dropped as partitions."""
MAY_ADD: Final[Mapping[Duty, str]] = {Duty.DISPATCHER: "stored_alert_marks"}
"""The one table that a duty adds rows to, beside what it may in the database: what is said of alerts."""
_OF_OPERATOR: Final = (
    "ifNull(custodian, '') = {who} OR splitByChar(':', shown_by)[1] = {who} OR splitByChar(':', parcel_id)[1] = {who}"
)
_ALERTS_OF_OPERATOR: Final = f"FROM {{database}}.stored_alerts WHERE {_OF_OPERATOR}"
OWN_ROWS: Final[Mapping[str, str]] = {
    "stored_scans": "source = {who} OR issuer = {who} OR ifNull(operator, '') = {who}",
    "stored_parcels": "has(custodians, {who}) OR arrayExists(w -> splitByChar(':', w)[1] = {who}, waybills)",
    "stored_dead_letters": "source = {who}",
    "stored_alerts": _OF_OPERATOR,
    "stored_alert_marks": (
        f"about IN (SELECT alert_id {_ALERTS_OF_OPERATOR}) OR about IN (SELECT incident_id {_ALERTS_OF_OPERATOR})"
    ),
    "stored_undelivered_alerts": f"alert_id IN (SELECT alert_id {_ALERTS_OF_OPERATOR})",
}
"""Which rows are an operator's: of tables, as views read with the rights of whoever asks. An alert is whose parcel it
was when it was raised, by custody or by number; what was said of it, or could not be delivered, goes with it."""


@dataclass(frozen=True)
class User:
    """Who asks, in which database; `operator`: of rows that are some operator's only this one's."""

    name: str
    password: str
    duty: Duty
    database: str = "default"
    operator: str | None = None

    def __post_init__(self) -> None:
        if self.operator is not None and self.duty is not Duty.READER:
            raise ValueError(f"{self.name}: only a reader is kept to one operator's rows")
        if not all(word.replace("-", "_").isidentifier() for word in (self.name, self.operator or "x")):
            raise ValueError(f"{self.name}, {self.operator}: letters, digits, - and _ are expected")

    @property
    def hash(self) -> str:
        """SHA-256 of the password, hex."""
        return sha256(self.password.encode()).hexdigest()

    @property
    def filters(self) -> dict[str, str]:
        """Condition by table; empty for whoever sees all rows."""
        if self.operator is None:
            return {}
        words = {"who": f"'{self.operator}'", "database": f"`{self.database}`"}
        return {table: condition.format(**words) for table, condition in OWN_ROWS.items()}

    @property
    def grants(self) -> list[str]:
        """What it is granted, each as `GRANT ...` goes on."""
        added = MAY_ADD.get(self.duty)
        more = [f"INSERT ON `{self.database}`.{added}"] if added else []
        return [f"{MAY[self.duty]} ON `{self.database}`.*", *more]


def statements(user: User) -> list[str]:
    """SQL that makes or changes the user, to be run as an administrator; running it again changes nothing."""
    name = f"`{user.name}`"
    readonly = " SETTINGS readonly = 1" if user.duty is Duty.READER else ""
    made = [
        f"CREATE USER IF NOT EXISTS {name}",
        f"ALTER USER {name} IDENTIFIED WITH sha256_hash BY '{user.hash}'{readonly}",
        f"REVOKE ALL ON *.* FROM {name}",
        *(f"GRANT {rights} TO {name}" for rights in user.grants),
    ]
    return made + [
        f"CREATE ROW POLICY OR REPLACE {name} ON `{user.database}`.{table} FOR SELECT USING {condition} TO {name}"
        for table, condition in user.filters.items()
    ]


def users_xml(user: User) -> str:
    """A file for the users.d folder of a server before MODERN; it reads the file again by itself.

    Such a server knows databases and readonly, no single rights: a writer can do there what a migrator can. It has
    no row policies and no rights by table, so an operator's reader and a dispatcher are refused with ValueError.
    """
    if user.duty is Duty.DISPATCHER:
        raise ValueError(f"{user.name}: this server has no rights by table; make who acknowledges there a writer")
    if user.operator is not None:
        raise ValueError(f"{user.name}: this server has no row policies; an operator's reader needs a later one")
    profile = "readonly" if user.duty is Duty.READER else "default"
    return (
        f"<yandex><users><{user.name}><password_sha256_hex>{user.hash}</password_sha256_hex>"
        f"<networks><ip>::/0</ip></networks><profile>{profile}</profile><quota>default</quota>"
        f"<allow_databases><database>{escape(user.database)}</database></allow_databases>"
        f"</{user.name}></users></yandex>\n"
    )
