"""Kafka users: who may publish, and what each role may touch. SCRAM credentials and ACLs, nothing else.

Passwords are made here, or read from a file; they are written to a file of mode 0600 and never printed.
"""

import os
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from schemas.kafka import Settings
from yizhan.cluster.access import Access

ITERATIONS: Final = 8192
ANSWER_SECONDS: Final = 30.0
SHORTEST: Final = 12
EVERYTHING: Final = "*"


class BadPassword(ValueError):
    """A password file that cannot be used."""


class Users:
    """The brokers' users; asked as an administrator."""

    def __init__(self, brokers: Settings) -> None:
        self._admin = AdminClient({**brokers, "log_level": 0})

    def names(self) -> list[str]:
        """Users that have a password."""
        found = self._admin.describe_user_scram_credentials(request_timeout=ANSWER_SECONDS).result()
        return sorted(found)

    def put(self, name: str, password: str, access: Access) -> None:
        """Give a user this password and this access, and no other access than this."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
        self._alter(UserScramCredentialUpsertion(name, info, password.encode()))
        wanted = set(_bindings(name, access))
        had = set(self._granted(name))
        self._settle(
            self._admin.create_acls(sorted(wanted - had), request_timeout=ANSWER_SECONDS) if wanted - had else {}
        )
        if stale := had - wanted:
            self._settle(self._admin.delete_acls([_exactly(b) for b in stale], request_timeout=ANSWER_SECONDS))

    def remove(self, name: str) -> None:
        """Take a user's password and all its access away."""
        self._settle(self._admin.delete_acls([_of(name)], request_timeout=ANSWER_SECONDS))
        self._alter(UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512))

    def granted(self, name: str) -> list[str]:
        """What a user may do, in words."""
        return sorted(f"{b.operation.name} {b.restype.name} {b.name}" for b in self._granted(name))

    def _granted(self, name: str) -> list[AclBinding]:
        found: list[AclBinding] = self._admin.describe_acls(_of(name), request_timeout=ANSWER_SECONDS).result()
        return found

    def _alter(self, change: UserScramCredentialUpsertion | UserScramCredentialDeletion) -> None:
        self._settle(self._admin.alter_user_scram_credentials([change], request_timeout=ANSWER_SECONDS))

    def _settle(self, answers: Mapping[object, Future[object]]) -> None:
        for answer in answers.values():
            answer.result()


def _bindings(name: str, access: Access) -> Iterable[AclBinding]:
    allowed = [
        *((ResourceType.TOPIC, topic, AclOperation.READ) for topic in (*access.reads, *access.recovers)),
        *((ResourceType.TOPIC, topic, AclOperation.WRITE) for topic in access.writes),
        *((ResourceType.GROUP, group, AclOperation.READ) for group in (access.group,) if group),
    ]
    if access.sees:
        kinds = (ResourceType.TOPIC, ResourceType.GROUP)
        allowed += [(kind, EVERYTHING, AclOperation.DESCRIBE) for kind in kinds]
    for kind, resource, operation in allowed:
        yield AclBinding(
            kind, resource, ResourcePatternType.LITERAL, f"User:{name}", "*", operation, AclPermissionType.ALLOW
        )


def _of(name: str) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.ANY,
        None,
        ResourcePatternType.ANY,
        f"User:{name}",
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _exactly(b: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation, b.permission_type
    )


def password(path: Path) -> str:
    """The password in a file, or a new one put there with mode 0600."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    found = path.read_text("utf-8").strip()
    if len(found) < SHORTEST or not found.isprintable() or not found.isascii():
        raise BadPassword(f"{path}: a password has at least {SHORTEST} printable ASCII characters")
    return found
