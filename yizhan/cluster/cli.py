"""The commands of cluster mode. `yizhan/cli.py` mounts them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
import typer

from schemas.records import RECORD_OF
from schemas.registry import register_all, subject
from schemas.topics import Topic, all_topics
from sinks.clickhouse import migrate as migrations
from sinks.clickhouse import reference as stored
from sinks.clickhouse.access import Duty, User, statements, users_xml
from sinks.clickhouse.dialect import MODERN
from yizhan.cluster.access import Access, network_access, role_access
from yizhan.cluster.alerting import run_courier, run_promises
from yizhan.cluster.clients import librdkafka, schema_registry, store
from yizhan.cluster.roles import log_to_stderr, promised, reference_of, run_admission, run_sink, run_worker, spoken
from yizhan.cluster.settings import BadSettings, ClusterSettings, read_settings, shown
from yizhan.cluster.topics import Finding, Topics
from yizhan.cluster.users import Users, password
from yizhan.cluster.vitals import RESTART
from yizhan.cluster.watchdog import run_watchdog, standings
from yizhan.printing import print_found, print_json, print_rows

LOG: Final = structlog.get_logger(__name__)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class NotAsWanted(RuntimeError):
    """A check found something; the rows above say what."""


roles = typer.Typer()
topics = typer.Typer(no_args_is_help=True, help="Kafka's topics: made and checked as this version wants them.")
schemas = typer.Typer(no_args_is_help=True, help="The registry's schemas: registered and checked.")
migrate = typer.Typer(no_args_is_help=True, help="ClickHouse's tables and views: one numbered change after another.")
users = typer.Typer(no_args_is_help=True, help="Kafka's users: a network may write its own topic and nothing else.")
reference = typer.Typer(no_args_is_help=True, help="Networks, facilities and targets in ClickHouse.")


def mount(cli: typer.Typer) -> None:
    """Add everything to the command."""
    cli.add_typer(roles)
    groups = {"topics": topics, "schemas": schemas, "migrate": migrate, "users": users, "reference": reference}
    for name, group in groups.items():
        cli.add_typer(group, name=name)


def _role(run: Callable[[ClusterSettings], None]) -> None:
    """Run until told to stop; whatever else ends it asks the supervisor for a new start."""
    settings = read_settings()
    log_to_stderr(settings)
    try:
        run(settings)
    except BadSettings:
        raise
    except Exception as failure:
        LOG.exception("role ended", cause=str(failure))
        raise typer.Exit(RESTART) from failure


@roles.command()
def admission() -> None:
    """Role: read ingress topics, send scans on, refuse what can't be taken. Ends with 75 to be started again."""
    _role(run_admission)


@roles.command()
def worker() -> None:
    """Role: join timelines and derive lifecycles; as many as there are partitions. Ends with 75 likewise."""
    _role(run_worker)


@roles.command()
def sink() -> None:
    """Role: write scans, lifecycles and dead letters to ClickHouse. Ends with 75 likewise."""
    _role(run_sink)


@roles.command()
def promises() -> None:
    """Role: find what is late by the clock and send alerts; as many as there are partitions. Ends with 75 likewise."""
    _role(run_promises)


@roles.command()
def courier() -> None:
    """Role: carry alerts to webhooks, Alertmanager and metrics; one process. Ends with 75 likewise."""
    _role(run_courier)


@roles.command()
def watchdog() -> None:
    """Role: show each group's lag and how long it has committed nothing, seen from outside."""
    _role(run_watchdog)


@roles.command()
def lag(as_json: Json = False) -> None:
    """Show how far each group is behind."""
    rows = [{"group": g, "lag": s.lag, "partitions": len(s.ends)} for g, s in standings(read_settings()).items()]
    print_found(rows, as_json=as_json)


@roles.command("settings")
def show_settings(as_json: Json = False) -> None:
    """Show the settings of cluster mode as they are read here; secrets only as set or not."""
    rows = shown(read_settings())
    print_found(rows, as_json=as_json)


@topics.command("create")
def create_topics(as_json: Json = False) -> None:
    """Make the topics that are missing; what is there stays as it is."""
    asked, wanted = _topics()
    _findings(asked.create(wanted), as_json=as_json)


@topics.command("check")
def check_topics(as_json: Json = False) -> None:
    """Hold partitions, copies and settings of all topics against this version's."""
    asked, wanted = _topics()
    _findings(asked.check(wanted), as_json=as_json)


def _topics() -> tuple[Topics, list[Topic]]:
    settings = read_settings()
    return Topics(librdkafka(settings), settings.replication), all_topics(_kinds(settings), settings.partitions)


def _kinds(settings: ClusterSettings) -> dict[str, str]:
    return {n.network: n.kind for n in reference_of(settings).networks.values()}


def _findings(found: Sequence[Finding], *, as_json: bool) -> None:
    rows = [vars(finding) for finding in found]
    print_found(rows, as_json=as_json)
    wrong = [finding.topic for finding in found if finding.state in {"missing", "differs"}]
    if wrong:
        raise NotAsWanted(f"{len(wrong)} topics are not as wanted: {', '.join(wrong)}")


@schemas.command("register")
def register_schemas(as_json: Json = False) -> None:
    """Register every release's schemas and today's; an incompatible one is refused."""
    rows = [{"subject": name, "id": number} for name, number in register_all(schema_registry(read_settings())).items()]
    print_found(rows, as_json=as_json)


@schemas.command("check")
def check_schemas(as_json: Json = False) -> None:
    """Say whether today's schemas are registered, and compatible if they are not."""
    asked = schema_registry(read_settings())
    rows: list[dict[str, Any]] = []
    for topic, record in RECORD_OF.items():
        known = asked.versions(subject(topic))
        faults = asked.compatibility(subject(topic), record.text)
        is_there = any(json.loads(text) == record.schema for text in known)
        rows.append({"subject": subject(topic), "registered": is_there, "incompatible": "; ".join(faults)})
    print_found(rows, as_json=as_json)
    if not all(row["registered"] and not row["incompatible"] for row in rows):
        raise NotAsWanted("some subjects are not as wanted; run: yizhan schemas register")


@migrate.command("status")
def migration_status(as_json: Json = False) -> None:
    """List every migration and whether it is applied."""
    with store(read_settings()) as kept:
        rows = [{"number": m.number, "name": m.name, "applied": done} for m, done in migrations.status(kept)]
    print_found(rows, as_json=as_json)


Target = Annotated[int | None, typer.Option("--to", help="Number to stop at.")]
Dry = Annotated[bool, typer.Option("--dry-run", help="Print the SQL and change nothing.")]


@migrate.command("up")
def migrate_up(to: Target = None, dry_run: Dry = False, as_json: Json = False) -> None:
    """Apply what is missing, up to and including --to."""
    _migrate("up", to, dry_run=dry_run, as_json=as_json)


@migrate.command("down")
def migrate_down(
    to: Annotated[int, typer.Option("--to", help="Number to keep; 0 keeps nothing, data included.")],
    dry_run: Dry = False,
    as_json: Json = False,
) -> None:
    """Revert what lies above --to, last first. What the reverted tables held is gone."""
    _migrate("down", to, dry_run=dry_run, as_json=as_json)


def _migrate(direction: migrations.Direction, to: int | None, *, dry_run: bool, as_json: bool) -> None:
    with store(read_settings()) as kept:
        if dry_run:
            typer.echo(migrations.dry_run(migrations.plan(kept, direction, to)), nl=False)
            return
        done = migrations.apply(kept, to) if direction == "up" else migrations.revert(kept, to or 0)
    rows = [{"number": s.migration.number, "name": s.migration.name, "direction": s.direction} for s in done]
    print_found(rows, as_json=as_json)


@reference.command("load")
def load_reference(as_json: Json = False) -> None:
    """Put the reference folder's networks, facilities and targets into ClickHouse, whole or not at all."""
    settings = read_settings()
    found = promised(settings, spoken(settings))
    with store(settings) as kept:
        number = stored.load(kept, found)
    row = {"load": number, "networks": len(found.networks), "facilities": len(found.facilities)}
    print_found([row | {"targets": len(found.targets)}], as_json=as_json)


Secret = Annotated[
    Path, typer.Option("--password-file", help="Read from here; made with a new one, mode 0600, if it is not there.")
]


@users.command("add")
def add_user(name: str, password_file: Secret, as_json: Json = False) -> None:
    """Give NAME, a network or one of our roles (yizhan-admission, ...), its password and its access, no other."""
    settings = read_settings()
    access = _access(name, _kinds(settings))
    Users(librdkafka(settings)).put(name, password(password_file), access)
    _show_users(settings, [name], as_json=as_json)


@users.command("clickhouse")
def add_store_user(
    name: str,
    password_file: Secret,
    duty: Annotated[Duty, typer.Option(help="What the user is for.")] = Duty.READER,
    operator: Annotated[str | None, typer.Option(help="A reader of this operator's rows alone.")] = None,
) -> None:
    """Make NAME a user of the ClickHouse server; of an old one, print the file for its users.d folder."""
    settings = read_settings()
    user = User(name, password(password_file), duty, settings.clickhouse_database, operator)
    with store(settings) as kept:
        if kept.version < MODERN:
            typer.echo(users_xml(user), nl=False)
            return
        for sql in statements(user):
            kept.command(sql)


@users.command("remove")
def remove_user(name: str) -> None:
    """Take a user's password and all of its access away."""
    Users(librdkafka(read_settings())).remove(name)


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """List the users and what each may do."""
    settings = read_settings()
    _show_users(settings, Users(librdkafka(settings)).names(), as_json=as_json)


def _show_users(settings: ClusterSettings, names: Sequence[str], *, as_json: bool) -> None:
    asked = Users(librdkafka(settings))
    rows = [{"user": name, "may": asked.granted(name)} for name in names]
    if as_json:
        print_json(rows)
    else:
        print_rows([{"user": row["user"], "may": "\n".join(row["may"])} for row in rows])


def _access(name: str, kinds: dict[str, str]) -> Access:
    known = role_access(kinds) | {network: network_access(kind, network) for network, kind in kinds.items()}
    if name not in known:
        raise LookupError(f"{name} is no network of networks.csv and no role; known are {', '.join(sorted(known))}")
    return known[name]
