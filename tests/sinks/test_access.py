"""ClickHouse users: the SQL is SQL, the hash is the password's, and an operator's rows are its own."""

from hashlib import sha256
from pathlib import Path

import pytest

from sinks.clickhouse import migrate
from sinks.clickhouse.access import MAY_ADD, OWN_ROWS, Duty, User, statements, users_xml
from sinks.clickhouse.embedded import ChdbStore
from sinks.clickhouse.writer import Kind
from tests.sinks.as_user import answers
from tests.sinks.records import alert
from tests.sinks.test_views import write

PASSWORD = "not to be seen"  # noqa: S105  # that it is not seen is tested


@pytest.mark.parametrize("duty", list(Duty))
def test_every_statement_is_one_that_the_engine_can_read(embedded: ChdbStore, duty: Duty) -> None:
    told = statements(User("yizhan-one", PASSWORD, duty))

    assert len(told) == 4 + (duty in MAY_ADD)
    assert all(embedded.query(f"EXPLAIN AST {sql}").num_rows for sql in told)


def test_an_operators_reader_has_a_policy_on_every_table_with_rows_of_operators(embedded: ChdbStore) -> None:
    told = statements(User("sf-desk", PASSWORD, Duty.READER, operator="sf"))
    policies = [sql for sql in told if "ROW POLICY" in sql]

    assert len(policies) == len(OWN_ROWS) >= 6
    assert all(embedded.query(f"EXPLAIN AST {sql}").num_rows for sql in policies)
    for table, condition in User("sf-desk", PASSWORD, Duty.READER, operator="sf").filters.items():
        sql = f"SELECT count() AS n FROM {table} WHERE {condition}"  # noqa: S608  # our own words
        assert embedded.query(sql)["n"].to_pylist() == [0]


def test_of_every_table_somebody_has_said_whose_rows_it_holds(embedded: ChdbStore) -> None:
    """Those of operators have a policy; the others are the county's, or what it knows of the world."""
    everybodys = {"reference_loads", "schema_migrations", "stored_clock", "stored_facilities", "stored_networks"}
    everybodys |= {"stored_stage_targets", "stored_target_editions"}
    sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine NOT LIKE '%View'"
    assert set(embedded.query(sql)["name"].to_pylist()) == everybodys | set(OWN_ROWS)


def marked(about: str) -> str:
    """SQL that says something of an alert."""
    return f"INSERT INTO stored_alert_marks VALUES ('{about}', 'ACKNOWLEDGED', 9, 'li', '', 1)"  # noqa: S608  # our own


@pytest.mark.parametrize(
    ("duty", "may"), [(Duty.WRITER, (True, True)), (Duty.DISPATCHER, (True, False)), (Duty.READER, (False, False))]
)
def test_a_dispatcher_says_something_of_alerts_and_changes_nothing_else(
    tmp_path: Path, duty: Duty, may: tuple[bool, bool]
) -> None:
    """As the engine keeps the rights; a writer may more, a reader less."""
    _filled(tmp_path / "data").close()
    added = [marked("a2"), "INSERT INTO stored_clock VALUES (1, 1)"]
    others = ["ALTER TABLE stored_alert_marks DELETE WHERE 1", "TRUNCATE TABLE stored_alert_marks"]
    read = "SELECT count() FROM current_alert_marks WHERE about = 'a2'"
    asked = [*added, *others, read]

    found = answers(User("yizhan-one", PASSWORD, duty), tmp_path / "data", tmp_path / "settings", asked)
    assert [answer == "" for answer in found[:2]] == list(may)
    assert {answer for answer in found[:4] if answer} == {"ACCESS_DENIED"}
    assert found[4] == f"{int(may[0])}\n"


def test_an_operator_sees_its_own_alerts_and_what_was_said_of_them(tmp_path: Path) -> None:
    """By custody or by number; of the alert itself or of its incident. Everybody else sees all."""
    _filled(tmp_path / "data").close()
    asked = [
        "SELECT alert_id FROM delay_alerts ORDER BY alert_id",
        "SELECT about FROM current_alert_marks ORDER BY about",
        "SELECT message_id FROM undelivered_alerts ORDER BY message_id",
    ]
    sf = User("sf-desk", PASSWORD, Duty.READER, operator="sf")
    anybody = User("desk", PASSWORD, Duty.READER)

    assert answers(sf, tmp_path / "data", tmp_path / "sf", asked) == ["a1\na2\n", "a1\nof-a2\n", "m1\n"]
    assert answers(anybody, tmp_path / "data", tmp_path / "anybody", asked) == [
        "a1\na2\na3\n",
        "a1\na3\nof-a2\nof-a3\n",
        "m1\nm3\n",
    ]


def _filled(data: Path) -> ChdbStore:
    """Alerts by custody (a1) and by number (a2) of sf, and of another (a3); something said and undelivered of them."""
    store = ChdbStore(data)
    migrate.apply(store)
    who = {"a1": ("sf", "zto:1"), "a2": ("china-post", "sf:2"), "a3": ("zto", "zto:3")}
    rows = [
        alert(alert_id=a, custodian=custodian, parcel_id=parcel, shown_by=parcel, incident_id=f"of-{a}")
        for a, (custodian, parcel) in who.items()
    ]
    write(store, Kind.ALERTS, *rows)
    for about in ("a1", "a3", "of-a2", "of-a3"):
        store.command(marked(about))
    for name in ("1", "3"):
        values = f"('desk', 'm{name}', 'a{name}', 'SILENT', 'OVERDUE', 'RAISED', 1, '', 1, 1)"
        store.command(f"INSERT INTO stored_undelivered_alerts VALUES {values}")  # noqa: S608  # our own words
    return store


def test_a_statement_that_is_none_is_noticed(embedded: ChdbStore) -> None:
    with pytest.raises(Exception, match="Syntax error"):
        embedded.query("EXPLAIN AST CREATE USR x")


def test_the_password_itself_is_written_nowhere() -> None:
    told = "".join(statements(User("sf-desk", PASSWORD, Duty.READER, operator="sf")))
    told += users_xml(User("desk", PASSWORD, Duty.READER))

    assert PASSWORD not in told
    assert told.count(sha256(PASSWORD.encode()).hexdigest()) == 2


def test_an_old_server_cannot_keep_an_operator_to_its_rows_and_that_is_said() -> None:
    with pytest.raises(ValueError, match="no row policies"):
        users_xml(User("sf-desk", PASSWORD, Duty.READER, operator="sf"))


@pytest.mark.parametrize("name", ["a'b", "", "a b", "x; DROP"])
def test_a_name_that_could_be_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="are expected"):
        User(name, PASSWORD, Duty.READER)


def test_an_old_server_has_no_dispatcher_and_that_is_said() -> None:
    with pytest.raises(ValueError, match="no rights by table"):
        users_xml(User("desk", PASSWORD, Duty.DISPATCHER))


def test_only_a_reader_is_kept_to_an_operators_rows() -> None:
    with pytest.raises(ValueError, match="only a reader"):
        User("sf-desk", PASSWORD, Duty.WRITER, operator="sf")
