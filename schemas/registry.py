"""The schema registry: looked up by everybody, written by `yizhan schemas register` alone.

`mock://<name>` is a registry in this process; `http(s)://` any that speaks Confluent's REST API
(Apicurio under /apis/ccompat/v7, Karapace, Confluent). Subjects are `<topic>-value`.
"""

import hashlib
import json
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx

from schemas.compatibility import faults
from schemas.records import RECORD_OF, releases

LEVEL: Final = "FULL_TRANSITIVE"
CONTENT: Final = "application/vnd.schemaregistry.v1+json"
NOT_FOUND: Final = 404
CONFLICT: Final = 409


class RegistryError(RuntimeError):
    """The registry did not answer, or answered with an error."""


class NotRegistered(LookupError):
    """A schema or id that the registry does not have."""


class Incompatible(ValueError):
    """A schema that does not keep FULL_TRANSITIVE with those registered under its subject."""


class Registry(Protocol):
    """What we ask of a registry. All methods raise `RegistryError` if it fails."""

    def schema_id(self, subject: str, schema: str) -> int:
        """The id of exactly this schema; `NotRegistered`."""

    def schema(self, schema_id: int) -> str:
        """The schema of an id; `NotRegistered`."""

    def versions(self, subject: str) -> list[str]:
        """Schemas of a subject, oldest first; empty for an unknown subject."""

    def compatibility(self, subject: str, schema: str) -> list[str]:
        """What breaks FULL_TRANSITIVE with the subject's versions; empty: nothing."""

    def register(self, subject: str, schema: str) -> int:
        """Add a schema, or find it, and give its id; `Incompatible`."""


def subject(topic: str) -> str:
    """The subject of a topic's values."""
    return f"{topic}-value"


def registry(url: str) -> Registry:
    """The registry at a URL; the same `mock://<name>` is the same registry within a process."""
    parts = urlsplit(url)
    if parts.scheme == "mock":
        return _MOCKS.setdefault(parts.netloc, MockRegistry())
    if parts.scheme in {"http", "https"}:
        return HttpRegistry(httpx.Client(base_url=url.rstrip("/"), timeout=10))
    raise ValueError(f"registry {url!r} is none of mock://, http://, https://")


def register_all(into: Registry) -> dict[str, int]:
    """Register every release's schemas and today's, oldest first; today's id by subject."""
    ids: dict[str, int] = {}
    for topic, record in RECORD_OF.items():
        name = subject(topic)
        for release in releases().values():
            if record.name in release:
                into.register(name, release[record.name].text)
        ids[name] = into.register(name, record.text)
    return ids


def _unregistered(subject: str) -> NotRegistered:
    return NotRegistered(f"{subject}: this schema is not in the registry; run `yizhan schemas register`")


class MockRegistry:
    """A registry in memory. Ids are drawn from the schema, so every process and every start has the same."""

    def __init__(self) -> None:
        self._schemas: dict[int, str] = {}
        self._subjects: dict[str, list[int]] = {}

    def schema_id(self, subject: str, schema: str) -> int:
        """See `Registry`."""
        if (found := _drawn_id(schema)) not in self._subjects.get(subject, ()):
            raise _unregistered(subject)
        return found

    def schema(self, schema_id: int) -> str:
        """See `Registry`."""
        if schema_id not in self._schemas:
            raise NotRegistered(f"schema id {schema_id} is not in the registry")
        return self._schemas[schema_id]

    def versions(self, subject: str) -> list[str]:
        """See `Registry`."""
        return [self._schemas[known] for known in self._subjects.get(subject, ())]

    def compatibility(self, subject: str, schema: str) -> list[str]:
        """See `Registry`."""
        return faults(schema, self.versions(subject))

    def register(self, subject: str, schema: str) -> int:
        """See `Registry`."""
        drawn = _drawn_id(schema)
        if drawn not in (known := self._subjects.setdefault(subject, [])):
            if found := self.compatibility(subject, schema):
                raise Incompatible(f"{subject}: {'; '.join(found)}")
            known.append(drawn)
        self._schemas[drawn] = schema
        return drawn


_MOCKS: Final[dict[str, MockRegistry]] = {}


def _drawn_id(schema: str) -> int:
    plain = json.dumps(json.loads(schema), sort_keys=True)
    # 31 bits: ids are signed in Java. 0 is left free.
    return int.from_bytes(hashlib.sha256(plain.encode()).digest()[:4], "big") % 0x7FFFFFFF + 1


class HttpRegistry:
    """Confluent's REST API over a client whose base URL is the API's root; its auth and TLS are the client's."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def schema_id(self, subject: str, schema: str) -> int:
        """See `Registry`."""
        answer = self._ask("POST", f"/subjects/{subject}", schema)
        if answer.status_code == NOT_FOUND:
            raise _unregistered(subject)
        return int(_good(answer).json()["id"])

    def schema(self, schema_id: int) -> str:
        """See `Registry`."""
        answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        if answer.status_code == NOT_FOUND:
            raise NotRegistered(f"schema id {schema_id} is not in the registry")
        return str(_good(answer).json()["schema"])

    def versions(self, subject: str) -> list[str]:
        """See `Registry`."""
        answer = self._ask("GET", f"/subjects/{subject}/versions")
        numbers = [] if answer.status_code == NOT_FOUND else sorted(_good(answer).json())
        found = [_good(self._ask("GET", f"/subjects/{subject}/versions/{number}")) for number in numbers]
        return [str(answer.json()["schema"]) for answer in found]

    def compatibility(self, subject: str, schema: str) -> list[str]:
        """By our own rule over the registry's versions: registries differ in what their check endpoint covers."""
        return faults(schema, self.versions(subject))

    def register(self, subject: str, schema: str) -> int:
        """See `Registry`; also sets the subject's compatibility, so that others' writes keep it, too."""
        if found := self.compatibility(subject, schema):
            raise Incompatible(f"{subject}: {'; '.join(found)}")
        answer = self._ask("POST", f"/subjects/{subject}/versions", schema)
        if answer.status_code == CONFLICT:
            raise Incompatible(f"{subject}: {answer.text[:500]}")
        _good(answer)
        _good(self._send("PUT", f"/config/{subject}", {"compatibility": LEVEL}))
        return int(answer.json()["id"])

    def _ask(self, method: str, path: str, schema: str | None = None) -> httpx.Response:
        return self._send(method, path, None if schema is None else {"schema": schema, "schemaType": "AVRO"})

    def _send(self, method: str, path: str, body: dict[str, str] | None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body, headers={"Accept": CONTENT, "Content-Type": CONTENT})
        except httpx.HTTPError as cause:
            raise RegistryError(f"{method} {self._client.base_url}{path}: {cause}") from cause


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise RegistryError(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:500]}")
    return answer
