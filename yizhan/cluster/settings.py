"""Settings of cluster mode: environment (YIZHAN_KAFKA_BROKERS=...), secret files, then a TOML file.

The file is `yizhan.toml` here, or what YIZHAN_CONFIG names; the folder of secret files is what YIZHAN_SECRETS names
(one file a setting, such as yizhan_kafka_password). docs/settings.md lists all; a test compares it with this.
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX: Final = "YIZHAN_"
CONFIG: Final = "YIZHAN_CONFIG"
SECRETS: Final = "YIZHAN_SECRETS"
ALIKE: Final = 0.85
"""From here on a name that is no setting is taken for one mistyped; all others may be somebody else's."""


class BadSettings(ValueError):
    """Settings that are missing or wrong: names each as it is written in the environment."""


class ClusterSettings(BaseSettings):
    """Where the servers are, who we are to them, and within which bounds a role works."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid")

    kafka_brokers: str = Field(min_length=1, description="host:port of one broker or several, with commas")
    kafka_security: Literal["plaintext", "sasl_ssl"] = Field(
        "plaintext", description="sasl_ssl: TLS, and SCRAM-SHA-512 with user and password"
    )
    kafka_user: str = Field("", description="SCRAM user")
    kafka_password: SecretStr = Field(SecretStr(""), description="SCRAM password")
    kafka_ca: Path | None = Field(None, description="PEM file of who signed the brokers' certificates")
    partitions: int = Field(4, ge=1, le=1024, description="of every topic; chosen once, before the first record")
    replication: int = Field(1, ge=1, le=7, description="copies of every topic; 3 in earnest")
    registry_url: str = Field(min_length=1, description="root of the registry's Confluent API")
    registry_user: str = Field("", description="user of the registry, if it asks for one")
    registry_password: SecretStr = Field(SecretStr(""), description="password of the registry")
    registry_ca: Path | None = Field(None, description="PEM file of who signed the registry's certificate")
    clickhouse_host: str = Field("", description="host of the ClickHouse server")
    clickhouse_port: int = Field(9000, ge=1, le=65535, description="native protocol: 9000 plain, 9440 over TLS")
    clickhouse_database: str = Field("default", pattern=r"^\w+$", description="database; it has to exist")
    clickhouse_user: str = Field("default", description="user of the server")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="password of the server")
    clickhouse_secure: bool = Field(default=False, description="TLS to the server; its host name is checked")
    clickhouse_ca: Path | None = Field(None, description="PEM file of who signed the server's certificate")
    reference: Path = Field(Path("reference"), description="folder of networks.csv, facilities.csv, targets.csv")
    alerts_file: Path = Field(Path("alerts.toml"), description="who is told of alerts (docs/alerts.md); the courier's")
    alerts_folder: Path = Field(Path("alerts"), description="folder on a disk that lasts: what the courier has to tell")
    as_of: int | None = Field(None, ge=0, description="hold the clock of verdicts at this epoch ms; for replays")
    clock_file: Path | None = Field(
        None, description="file of the epoch ms that is now, replaced as a whole when time goes on; for simulations"
    )
    sweep_seconds: float = Field(1.0, gt=0, le=60, description="how often promises looks for what has come due")
    health_host: str = Field("127.0.0.1", description="address of /livez, /readyz and /metrics")
    health_port: int = Field(9464, ge=0, le=65535, description="its port; 0 takes a free one and logs it")
    ready_lag: int = Field(100_000, ge=0, description="a role is ready while its partitions' lag is at most this")
    check_seconds: float = Field(2.0, gt=0, description="how often lag and commits are looked at")
    stall_seconds: float = Field(300.0, gt=0, description="with a lag and no commit for so long, a role ends itself")
    patience_seconds: float = Field(
        120.0, ge=0, description="how long a server that does not answer or confirm is asked again"
    )
    standby_replicas: int = Field(1, ge=0, le=3, description="copies of each partition's state on other workers")
    step_bytes: int = Field(
        16 << 20, ge=1 << 16, description="of what waits of a partition, at most so many bytes are worked on as one"
    )
    step_events: int = Field(100_000, ge=1, description="the same in records; a fetch is worked on whole")
    session_seconds: float = Field(30.0, ge=6, le=300, description="a role silent for so long loses its partitions")
    instance: str = Field(
        "",
        pattern=r"^[\w.-]*$",
        description="name of an admission, sink or courier; with one, its restart deals nothing anew",
    )
    log_format: Literal["text", "json"] = Field("text", description="json: one object a line")

    @model_validator(mode="after")
    def _who(self) -> Self:
        if self.kafka_security == "sasl_ssl" and not (self.kafka_user and self.kafka_password.get_secret_value()):
            raise ValueError("kafka_security sasl_ssl needs YIZHAN_KAFKA_USER and YIZHAN_KAFKA_PASSWORD")
        return self

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if self.as_of is not None and self.clock_file is not None:
            raise ValueError("YIZHAN_AS_OF and YIZHAN_CLOCK_FILE are two clocks: set one of them, or none")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before secret files before the TOML file; no .env file."""
        del dotenv_settings, file_secret_settings
        secrets = SecretsSettingsSource(settings_cls, os.environ.get(SECRETS))
        return init_settings, env_settings, secrets, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path:
    """The TOML file that is read if it is there."""
    return Path(os.environ.get(CONFIG, "yizhan.toml"))


def configured() -> bool:
    """Whether a cluster is set up for this process: its brokers are named."""
    return _env("kafka_brokers") in os.environ or config_file().exists()


def read_settings(**given: Any) -> ClusterSettings:  # noqa: ANN401  # any field's value
    """All settings, checked; `given` comes first. `BadSettings` says what to set."""
    if CONFIG in os.environ and not config_file().is_file():
        raise BadSettings(f"{CONFIG} names {config_file()}, which is no file")
    if SECRETS in os.environ and not Path(os.environ[SECRETS]).is_dir():
        raise BadSettings(f"{SECRETS} names {os.environ[SECRETS]}, which is no folder")
    if mistyped := [*_mistyped(), *_strange_secrets()]:
        raise BadSettings("settings:\n" + "\n".join(mistyped))
    try:
        return ClusterSettings(**given)
    except ValidationError as cause:
        raise BadSettings("settings:\n" + "\n".join(map(_fault, cause.errors(include_input=False)))) from None
    except ValueError as cause:
        raise BadSettings(f"{config_file()}: {cause}") from cause


def _fault(fault: Any) -> str:  # noqa: ANN401  # pydantic's own dict
    name = "_".join(map(str, fault["loc"])).removeprefix(PREFIX.lower())
    if fault["type"] == "extra_forbidden":
        return f"  {name} is no setting; docs/settings.md lists them"
    return f"  {_env(name)}: {fault['msg']}" if name else f"  {fault['msg']}"


def _mistyped() -> Iterator[str]:
    """Of the environment; names of others begin with YIZHAN_, too, so only those like a setting's are refused."""
    known = {name.upper() for name in ClusterSettings.model_fields}
    given = {name.upper().removeprefix(PREFIX) for name in os.environ if name.upper().startswith(PREFIX)}
    for name in sorted(given - known):
        if found := get_close_matches(name, known, 1, ALIKE):
            yield f"  {PREFIX}{name} is no setting; is {PREFIX}{found[0]} meant?"


def _strange_secrets() -> Iterator[str]:
    """Files of the folder of secrets that are named like a setting and are none."""
    known = {_env(name).lower() for name in ClusterSettings.model_fields}
    for path in sorted(Path(os.environ[SECRETS]).glob(f"{PREFIX.lower()}*")) if SECRETS in os.environ else ():
        if path.name not in known:
            yield f"  {path} is no setting; docs/settings.md lists them"


def _env(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def shown(settings: ClusterSettings) -> list[dict[str, str]]:
    """One row per setting for people; a secret only says whether it is set."""
    return [
        {
            "setting": f"{PREFIX}{name.upper()}",
            "value": _plain(getattr(settings, name)),
            "meaning": field.description or "",
        }
        for name, field in ClusterSettings.model_fields.items()
    ]


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    return "" if value is None else str(value)
