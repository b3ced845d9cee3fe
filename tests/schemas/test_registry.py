"""One behaviour for every registry: in this process, and over Confluent's REST API."""

import json
from collections.abc import Callable

import httpx
import pytest

from schemas.records import RECORD_OF, SCAN_EVENT
from schemas.registry import (
    LEVEL,
    HttpRegistry,
    Incompatible,
    MockRegistry,
    NotRegistered,
    Registry,
    RegistryError,
    register_all,
    registry,
    subject,
)

OLD = '{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}'
NEW = OLD.replace("]", ',{"name":"b","type":["null","int"],"default":null}]')
BROKEN = OLD.replace("string", "long")


class Confluent:
    """Answers as a Confluent registry does; keeps what was asked of it."""

    def __init__(self) -> None:
        self.schemas: list[str] = []
        self.subjects: dict[str, list[str]] = {}
        self.levels: dict[str, str] = {}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        parts = request.url.path.removeprefix("/apis/ccompat/v7/").split("/")
        body = json.loads(request.content or "{}")
        self.asked.append(f"{request.method} {'/'.join(parts)}")
        if parts[0] == "config":
            self.levels[parts[1]] = body["compatibility"]
            return httpx.Response(200, json=body)
        if parts[0] == "schemas":
            known = 0 < int(parts[2]) <= len(self.schemas)
            return httpx.Response(200, json={"schema": self.schemas[int(parts[2]) - 1]}) if known else self._none(40403)
        return self._subject(request.method, parts[1:], body)

    def _subject(self, method: str, parts: list[str], body: dict[str, str]) -> httpx.Response:
        name, known = parts[0], self.subjects.get(parts[0], [])
        if (method, len(parts)) == ("POST", 2):
            if body["schema"] not in self.schemas:
                self.schemas.append(body["schema"])
            self.subjects[name] = [*known, body["schema"]] if body["schema"] not in known else known
            return httpx.Response(200, json={"id": self.schemas.index(body["schema"]) + 1})
        if not known:
            return self._none(40401)
        if method == "POST":
            found = body["schema"] in known
            return (
                httpx.Response(200, json={"id": self.schemas.index(body["schema"]) + 1}) if found else self._none(40403)
            )
        if len(parts) == 2:
            return httpx.Response(200, json=list(range(1, len(known) + 1)))
        return httpx.Response(200, json={"schema": known[int(parts[2]) - 1]})

    @staticmethod
    def _none(code: int) -> httpx.Response:
        return httpx.Response(404, json={"error_code": code, "message": "not found"})


def over_http(answer: Callable[[httpx.Request], httpx.Response]) -> HttpRegistry:
    """A registry behind a REST API that is played."""
    client = httpx.Client(base_url="http://registry/apis/ccompat/v7", transport=httpx.MockTransport(answer))
    return HttpRegistry(client)


@pytest.fixture(params=["mock", "http"])
def kept(request: pytest.FixtureRequest) -> Registry:
    """Each kind of registry, empty."""
    return MockRegistry() if request.param == "mock" else over_http(Confluent())


def test_what_was_registered_is_found(kept: Registry) -> None:
    first, second = kept.register("s-value", OLD), kept.register("s-value", NEW)

    assert first != second
    assert kept.schema_id("s-value", OLD) == first
    assert kept.schema(second) == NEW
    assert kept.versions("s-value") == [OLD, NEW]


def test_the_same_schema_again_is_the_same_id(kept: Registry) -> None:
    assert kept.register("s-value", OLD) == kept.register("s-value", OLD) == kept.register("t-value", OLD)
    assert kept.versions("s-value") == [OLD]


def test_looking_up_registers_nothing_and_says_what_to_run(kept: Registry) -> None:
    for _ in range(2):
        with pytest.raises(NotRegistered, match=r"s-value: .*run `yizhan schemas register`"):
            kept.schema_id("s-value", OLD)
    kept.register("s-value", OLD)
    with pytest.raises(NotRegistered, match="yizhan schemas register"):
        kept.schema_id("s-value", NEW)
    assert kept.versions("t-value") == []


def test_an_unknown_id_is_not_registered(kept: Registry) -> None:
    with pytest.raises(NotRegistered, match="99"):
        kept.schema(99)


def test_an_incompatible_schema_is_refused_and_not_kept(kept: Registry) -> None:
    kept.register("s-value", OLD)
    kept.register("s-value", NEW)

    assert kept.compatibility("s-value", BROKEN)
    with pytest.raises(Incompatible, match=r"R\.a: string is not long"):
        kept.register("s-value", BROKEN)
    assert kept.versions("s-value") == [OLD, NEW]


def test_all_records_are_registered_once_and_found(kept: Registry) -> None:
    ids = register_all(kept)

    assert register_all(kept) == ids
    assert set(ids) == {f"{topic}-value" for topic in RECORD_OF}
    assert {kept.schema(schema_id) for schema_id in ids.values()} == {record.text for record in RECORD_OF.values()}
    assert kept.schema_id(subject("scans.carrier"), SCAN_EVENT.text) == ids["scans.carrier-value"]


def test_ids_in_memory_are_the_same_in_every_process() -> None:
    one, other = MockRegistry(), MockRegistry()
    other.register("other-value", NEW)

    assert one.register("s-value", OLD) == other.register("s-value", OLD)
    assert 0 < one.schema_id("s-value", OLD) < 1 << 31
    assert one.schema_id("s-value", OLD.replace(":", ": ")) == one.schema_id("s-value", OLD)


def test_a_url_names_a_registry() -> None:
    assert registry("mock://one") is registry("mock://one")
    assert registry("mock://one") is not registry("mock://two")
    assert isinstance(registry("https://registry/apis/ccompat/v7/"), HttpRegistry)
    with pytest.raises(ValueError, match="ftp"):
        registry("ftp://registry")


def test_looking_up_writes_nothing_to_the_server() -> None:
    server = Confluent()
    with pytest.raises(NotRegistered):
        over_http(server).schema_id("s-value", OLD)

    assert server.asked == ["POST subjects/s-value"]  # Confluent's look-up; /versions is what registers


def test_registering_sets_the_subjects_level() -> None:
    server = Confluent()
    over_http(server).register("s-value", OLD)
    assert server.levels == {"s-value": LEVEL}


def test_the_servers_own_refusal_is_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        refused = request.method == "POST"
        return httpx.Response(409, text="incompatible with 3") if refused else httpx.Response(404, json={})

    with pytest.raises(Incompatible, match="incompatible with 3"):
        over_http(answer).register("s-value", OLD)


def test_a_failing_server_is_an_error_with_its_words() -> None:
    with pytest.raises(RegistryError, match="503 resting"):
        over_http(lambda _: httpx.Response(503, text="resting")).schema_id("s-value", OLD)


def test_no_server_is_an_error_with_its_address() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(RegistryError, match=r"http://registry/apis/ccompat/v7/.*refused"):
        over_http(answer).versions("s-value")
