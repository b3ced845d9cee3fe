"""ClickHouse over TLS alone, with users who may not do everything."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sinks.clickhouse.server import ServerSettings, ServerStore
from sinks.clickhouse.store import StoreError
from tests.servers.clients import OTHER_NAME, until
from yizhan.servers import ClickHouse, User

READER = User.of("reader", "r", readonly=True, databases=("shown",))


@pytest.fixture(scope="module")
def secure_clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with ClickHouse(tmp_path_factory.mktemp("secure-clickhouse"), secure=True, users=[READER]) as server:
        store = ServerStore(server.settings)
        store.command("CREATE DATABASE shown")
        store.command("CREATE TABLE shown.parcels (n UInt8) ENGINE = MergeTree ORDER BY n")
        store.command("INSERT INTO shown.parcels SELECT 7")
        store.close()
        yield server


def ask(settings: ServerSettings, sql: str = "SELECT n FROM shown.parcels") -> list[int]:
    store = ServerStore(settings)
    found = store.query(sql).column(0).to_pylist()
    store.close()
    return found


def test_it_answers_over_tls_and_after_a_kill(secure_clickhouse: ClickHouse) -> None:
    """Rows that were confirmed are there after SIGKILL, at the same address."""
    assert ask(secure_clickhouse.settings) == [7]

    secure_clickhouse.kill()
    assert not secure_clickhouse.answers()
    secure_clickhouse.start()

    assert ask(secure_clickhouse.settings) == [7]


def test_a_wrong_host_name_an_unknown_authority_and_no_tls_are_refused(secure_clickhouse: ClickHouse) -> None:
    """Clients refuse the first two; the server has no port without TLS."""
    right = secure_clickhouse.settings
    with pytest.raises(StoreError, match="Hostname mismatch"):
        ask(replace(right, host=OTHER_NAME))
    with pytest.raises(StoreError, match="unable to get local issuer"):
        ask(replace(right, ca_certs=None))
    with pytest.raises(StoreError):
        ask(replace(right, secure=False, ca_certs=None))


def test_a_wrong_password_is_refused(secure_clickhouse: ClickHouse) -> None:
    """Our own user has a password here."""
    with pytest.raises(StoreError, match="Password required"):
        ask(replace(secure_clickhouse.settings, password=""))
    with pytest.raises(StoreError, match="Wrong password"):
        ask(replace(secure_clickhouse.settings, password="guessed"))  # noqa: S106  # meant to fail


def test_a_reader_reads_its_databases_and_writes_nothing(secure_clickhouse: ClickHouse) -> None:
    """The rights that 18.16 has: read-only, and databases."""
    reader = replace(secure_clickhouse.settings, user="reader", password="r", database="shown")  # noqa: S106  # made here
    assert ask(reader) == [7]

    store = ServerStore(reader)
    for sql in ("DROP TABLE shown.parcels", "SET readonly = 0", "CREATE TABLE shown.mine (n UInt8) ENGINE = Memory"):
        with pytest.raises(StoreError, match="readonly mode"):
            store.command(sql)
    with pytest.raises(StoreError, match="Access denied to database default"):
        store.query("SELECT * FROM default.parcels")
    store.close()


def test_users_change_while_it_runs(secure_clickhouse: ClickHouse) -> None:
    """The server reads the list of users again by itself."""
    late = replace(secure_clickhouse.settings, user="late", password="l")  # noqa: S106  # made here
    assert not _lets_in(late)

    secure_clickhouse.set_users([READER, User.of("late", "l")])

    until(lambda: _lets_in(late))


def test_lists_of_users_that_follow_at_once_differ_to_the_server(secure_clickhouse: ClickHouse) -> None:
    """It compares times of files in whole seconds: the last list must not look like the one before."""
    seen = []
    for _ in range(3):
        secure_clickhouse.set_users([READER])
        seen.append(int((secure_clickhouse.folder / "users.xml").stat().st_mtime))
    assert seen[0] < seen[1] < seen[2]


def test_a_user_has_a_name_that_the_server_can_keep() -> None:
    """It becomes the name of an XML element."""
    with pytest.raises(ValueError, match="can't be a user"):
        User.of("<root>", "x")


def _lets_in(settings: ServerSettings) -> bool:
    try:
        return ask(settings, "SELECT toUInt8(1) AS n") == [1]
    except StoreError:
        return False
