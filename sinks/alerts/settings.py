"""Who is told of alerts: a TOML file, each part checked as it is read (docs/alerts.md)."""

import base64
import binascii
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from sinks.alerts.address import Rules, checked_url
from sinks.alerts.alert import Alert

_SECRET_BYTES: Final = range(24, 65)


class BadSettings(ValueError):
    """Settings that cannot be used: says which part and why, never a secret."""


class _Part(BaseModel):
    # What was given is never repeated in an error: it may be a secret.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Filter(_Part):
    """What an endpoint wants to hear of; an empty list wants all."""

    kinds: tuple[Literal["VILLAGE_LATE", "SILENT", "WAITING", "MISSED_TRIP"], ...] = ()
    levels: tuple[Literal["AT_RISK", "OVERDUE"], ...] = ()
    counties: tuple[str, ...] = ()
    townships: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()

    def wants(self, alert: Alert) -> bool:
        """Whether every list that says something names this alert's."""
        pairs: tuple[tuple[Sequence[str], str | None], ...] = (
            (self.kinds, alert.kind),
            (self.levels, alert.level),
            (self.counties, alert.county),
            (self.townships, alert.township),
            (self.operators, alert.custodian),
        )
        return all(not wanted or value in wanted for wanted, value in pairs)


class Webhook(_Part):
    """One endpoint. Its secret stands in the file, in an environment variable or in a file of its own.

    Several secrets with blanks between them are all signed with: so a receiver changes from one to the next.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    url: str
    secret: SecretStr | None = None
    secret_env: str | None = None
    secret_file: Path | None = None
    only: Filter = Filter()
    allow_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = ()
    allow_loopback: bool = False
    ca_file: Path | None = None
    give_up_hours: Annotated[float, Field(gt=0, le=720)] = 24
    first_wait_seconds: Annotated[float, Field(gt=0, le=60)] = 2
    longest_wait_seconds: Annotated[float, Field(gt=0, le=3600)] = 600
    attempt_seconds: Annotated[float, Field(gt=0, le=60)] = 15

    @property
    def rules(self) -> Rules:
        """Where this endpoint may lie."""
        return Rules(frozenset({443, *self.allow_ports}), self.allow_loopback)

    @property
    def secrets(self) -> list[SecretStr]:
        """What to sign with, the current one first."""
        given = (self.secret and self.secret.get_secret_value(), self._from_environment(), self._from_file())
        return [SecretStr(word) for text in given if text for word in text.split()]

    def _from_environment(self) -> str | None:
        return os.environ.get(self.secret_env) if self.secret_env else None

    def _from_file(self) -> str | None:
        return self.secret_file.read_text("utf-8") if self.secret_file else None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        checked_url(self.url, self.rules)
        if sum(source is not None for source in (self.secret, self.secret_env, self.secret_file)) != 1:
            raise ValueError("give one of secret, secret_env and secret_file")
        try:
            found = self.secrets
        except OSError as cause:
            raise ValueError(f"secret_file cannot be read: {cause.strerror}") from cause
        if not found:
            raise ValueError(f"no secret stands in {self.secret_env or self.secret_file}")
        if not all(map(_is_secret, found)):
            raise ValueError("a secret is whsec_ and 24 to 64 bytes in base64; make one: openssl rand -base64 32")
        return self


class Alertmanager(_Part):
    """A Prometheus Alertmanager of ours, told of incidents by its API v2."""

    url: Annotated[str, Field(pattern=r"^https?://[^@\s]+$")]
    resend_seconds: Annotated[float, Field(gt=0, le=600)] = 60
    hold_seconds: Annotated[float, Field(ge=60)] = 3600
    """An incident we stop telling of counts as resolved after this time."""


class AlertSettings(_Part):
    """All who are told."""

    alertmanager: Alertmanager | None = None
    webhook: tuple[Webhook, ...] = ()
    keep_days: Annotated[int, Field(ge=1)] = 90
    """How long what was delivered is remembered; older alerts are not sent."""

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        names = [webhook.name for webhook in self.webhook]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"webhooks share the name {', '.join(repeated)}")
        return self


def load(path: Path) -> AlertSettings:
    """Settings of a TOML file; `BadSettings` names each part that cannot be used."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        raise BadSettings(f"{path}: {cause}") from cause
    try:
        return AlertSettings.model_validate(found)
    except ValidationError as cause:
        told = (f"{_place(error['loc'], found)}: {error['msg']}" for error in cause.errors(include_input=False))
        raise BadSettings(f"{path}: {'; '.join(told)}") from cause


def _place(where: Sequence[int | str], found: dict[str, object]) -> str:
    """`webhook 2 (county-desk).url`: a person finds it so."""
    if len(where) > 1 and where[0] == "webhook" and isinstance(where[1], int):
        rows = found["webhook"]
        row = rows[where[1]] if isinstance(rows, list) else {}
        name = f" ({row['name']})" if isinstance(row, dict) and isinstance(row.get("name"), str) else ""
        return ".".join([f"webhook {where[1] + 1}{name}", *map(str, where[2:])])
    return ".".join(map(str, where)) or "the file"


def _is_secret(secret: SecretStr) -> bool:
    text = secret.get_secret_value()
    if not text.startswith("whsec_"):
        return False
    try:
        return len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) in _SECRET_BYTES
    except (binascii.Error, ValueError):
        return False
