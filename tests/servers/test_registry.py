"""The registry takes our schemas over HTTP and HTTPS and has them after a kill."""

from collections.abc import Iterator
from typing import Final

import httpx
import pytest

from schemas.contracts import contracts
from schemas.records import RECORD_OF
from schemas.registry import HttpRegistry, NotRegistered, RegistryError, register_all, subject
from tests.servers.clients import OTHER_NAME
from yizhan.servers import Registry

USERS: Final = {"admin": "a password"}


@pytest.fixture(scope="module")
def secure_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("secure-registry"), secure=True, users=USERS) as found:
        yield found


def assert_all_there(client: HttpRegistry, ids: dict[str, int]) -> None:
    """Every subject answers with the id it was registered under, and every codec can be made."""
    assert len(ids) == len(RECORD_OF) > 4
    assert {subject(topic): client.schema_id(subject(topic), r.text) for topic, r in RECORD_OF.items()} == ids
    assert len(contracts(client).scans) == 3


def test_schemas_are_registered_looked_up_and_survive_a_kill(registry_server: Registry) -> None:
    """Over HTTP: nothing is there at first; after SIGKILL everything is, under the same ids."""
    with registry_server.client() as client:
        with pytest.raises(NotRegistered):
            contracts(client)
        ids = register_all(client)
        assert_all_there(client, ids)

        registry_server.kill()
        with pytest.raises(RegistryError):
            client.schema(1)
        registry_server.start()

        assert_all_there(client, ids)


def test_schemas_go_over_tls(secure_registry: Registry) -> None:
    """The same over HTTPS, as a user with a password."""
    assert secure_registry.url.startswith("https://")
    with secure_registry.client("admin") as client:
        assert_all_there(client, register_all(client))


def test_a_wrong_host_name_and_an_unknown_authority_are_refused(secure_registry: Registry) -> None:
    """The certificate vouches for 127.0.0.1 and localhost, and only our authority vouches for it."""
    other = secure_registry.url.replace("127.0.0.1", OTHER_NAME)
    with (
        secure_registry.client("admin", other) as client,
        pytest.raises(RegistryError, match="certificate is not valid for"),
    ):
        client.schema(1)
    with (
        httpx.Client(base_url=secure_registry.url) as trusting_others,
        pytest.raises(RegistryError, match="unable to get local issuer"),
    ):
        HttpRegistry(trusting_others).schema(1)


def test_without_a_password_nobody_gets_in(secure_registry: Registry) -> None:
    """Neither to read nor to write."""
    with secure_registry.client() as client:
        with pytest.raises(RegistryError, match="401"):
            client.schema(1)
        with pytest.raises(RegistryError, match="401"):
            register_all(client)
