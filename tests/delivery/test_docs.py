"""The pages for users are true: settings, commands, options, metrics and the receiver's code."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import pytest
import typer
from prometheus_client import REGISTRY
from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from sinks.alerts.settings import Alertmanager, AlertSettings, Webhook, load
from sinks.clickhouse.store import Store
from tests.delivery.receiver import SECRET
from yizhan.cli import cli
from yizhan.operations.cli import mount

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = [DOCS / "alerts.md", DOCS / "figures.md", *sorted((DOCS / "runbooks").glob("*.md"))]
ALERTS: Final = (DOCS / "alerts.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", ALERTS, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def commands() -> dict[str, click.Command]:
    """The commands of the program, the operator's among them."""
    ours = typer.Typer()
    mount(ours)
    return {**_inner(typer.main.get_command(cli)), **_inner(typer.main.get_command(ours))}


def _inner(command: Any) -> dict[str, click.Command]:  # noqa: ANN401  # typer has classes of its own for click's
    return dict(getattr(command, "commands", {}))


def written() -> Iterator[tuple[str, str]]:
    """Every call of `yizhan` on the pages, with its page."""
    for page in PAGES:
        for call in re.findall(r"(?:^|`)yizhan ([a-z][^`\n]*)", page.read_text("utf-8"), re.MULTILINE):
            yield page.name, call.split("   ")[0]


def test_every_command_and_option_on_the_pages_exists() -> None:
    """As far as a command goes: words after it are its own."""
    calls = list(written())
    known = commands()
    assert len(calls) >= 30
    for page, call in calls:
        words = call.split()
        command: Any = known.get(words[0])
        assert command is not None, (page, call)
        command = _inner(command).get(words[1], command) if len(words) > 1 else command
        options = {option for one in command.params for option in one.opts}
        asked = set(re.findall(r"--[a-z-]+", re.sub(r'"[^"]*"', "", call)))
        assert asked <= options, (page, call)


def test_the_settings_on_the_page_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And every setting is spoken of."""
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "alerts.toml").write_text(block("toml").replace("/run/secrets/post", str(tmp_path / "secret")))
    monkeypatch.setenv("DESK_SECRET", SECRET)

    found = load(tmp_path / "alerts.toml")

    assert [webhook.name for webhook in found.webhook] == ["county-desk", "post"]
    spoken = set(re.findall(r"[a-z_]{3,}", ALERTS))
    assert set(Webhook.model_fields) <= spoken
    assert set(AlertSettings.model_fields) | set(Alertmanager.model_fields) <= spoken


def test_the_receiver_on_the_page_verifies() -> None:
    """A message of ours is taken, another's is refused."""
    names: dict[str, Any] = {"seen_before": lambda _: False}
    exec(block("python"), names)  # noqa: S102  # our own page
    now = datetime.now(UTC)
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(now.timestamp()))}
    good = headers | {"webhook-signature": Signer(SECRET).sign("m", now, "{}")}
    assert names["take"](good, "{}") == 204
    with pytest.raises(WebhookVerificationError):
        names["take"](good, '{"a": 1}')


def test_every_metric_of_alerts_is_on_the_page() -> None:
    """And no other."""
    of_alerts = ("yizhan_open_", "yizhan_webhook_", "yizhan_alert")
    found = [family for family in REGISTRY.collect() if family.name.startswith(of_alerts)]
    ours = {family.name + ("_total" if family.type == "counter" else "") for family in found}
    assert set(re.findall(r"`(yizhan_\w+)`", ALERTS)) == ours
    assert len(ours) == 8


def test_every_column_of_the_figures_is_on_its_page(store: Store) -> None:
    """At least by the name it goes by."""
    text = (DOCS / "figures.md").read_text("utf-8")
    columns = store.query("DESCRIBE TABLE official_figures")["name"].to_pylist()
    spoken = {"parcels", "rate_48h", "rate_72h", "open_past_48h", "open_past_72h", "dimension", "key", "stage"}
    assert spoken <= set(columns)
    assert all(name in text for name in spoken)
