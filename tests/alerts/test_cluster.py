"""Alerts of a cluster: real servers, both roles as processes that are killed, and a webhook receiver at the end."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.alerts.naive import command
from tests.cluster.deployment import Deployment
from tests.delivery.receiver import SECRET, Receiver, receiving
from tests.faults.feed import copy_of, parcels_of
from tests.faults.ledger import Publisher
from tests.faults.processes import COMMAND, Role, until
from yizhan.servers.prometheus import Alertmanager

KILLS: Final = 5
"""Of each of the two roles, each while a county's scans are on their way."""
ROLES: Final = ("admission", "worker", "promises", "courier")
LEVELS: Final = {"AT_RISK": ["AT_RISK"], "OVERDUE": ["AT_RISK", "OVERDUE"]}
Late = tuple[str, str]
"""Parcel and level."""


def late(copy: int) -> Iterator[Late]:
    """Deliveries to villages that the truth says are at risk or overdue."""
    for _, parcel in parcels_of(copy):
        verdict = parcel["stages"].get("village_delivery", {}).get("verdict")
        yield from ((parcel["shown_by"], level) for level in LEVELS.get(verdict, []))


def standing(desk: Receiver) -> list[Late]:
    """What whoever drops repeated ids takes for open."""
    first = dict(zip(reversed(desk.ids), reversed(desk.bodies), strict=True))
    held: dict[str, Late] = {}
    for name in dict.fromkeys(desk.ids):
        data = first[name]["data"]
        if data["state"] == "RAISED":
            assert data["alert_id"] not in held, f"told twice under two ids: {name}"
            held[data["alert_id"]] = data["shown_by"], data["level"]
        else:
            del held[data["alert_id"]]
    return sorted(held.values())


def burning(manager: Alertmanager) -> set[str]:
    """Levels of what Alertmanager holds of late deliveries."""
    told = httpx.get(f"{manager.url}/api/v2/alerts").raise_for_status().json()
    return {alert["labels"]["level"] for alert in told if alert["labels"]["kind"] == "VILLAGE_LATE"}


def role(name: str, deployed: Deployment, courier: tuple[str, ...]) -> Role:
    """Started."""
    env = deployed.settings(name) | {"YIZHAN_HARM": str(deployed.folder / "harm")}
    return Role(name, deployed.folder, env, courier if name == "courier" else COMMAND)


def test_what_is_late_in_the_end_is_what_a_receiver_was_told_whatever_was_killed(tmp_path: Path) -> None:
    """Signed, each once under its id; Alertmanager knows of it, too."""
    tell(tmp_path, COMMAND)


def test_a_courier_that_says_the_same_under_another_id_after_its_death_is_noticed(tmp_path: Path) -> None:
    """So the test above can fail."""
    with pytest.raises(AssertionError, match="told twice under two ids"):
        tell(tmp_path, command("ids_of_a_process"))


def tell(folder: Path, courier: tuple[str, ...]) -> None:
    """Counties on their way through all roles while those that alert are killed; `courier` starts that role."""
    with (
        Deployment(folder / "cluster", secure=False) as deployed,
        receiving(Receiver()) as desk,
        Alertmanager(folder / "am") as manager,
        ExitStack() as open_roles,
    ):
        url = f"http://127.0.0.1:{desk.port}/"
        deployed.alerts_file.write_text(
            f'[alertmanager]\nurl = "{manager.url}"\nresend_seconds = 1\n'
            f'[[webhook]]\nname = "desk"\nurl = "{url}"\nsecret = "{SECRET}"\nallow_loopback = true\n'
            'first_wait_seconds = 0.05\nonly = { kinds = ["VILLAGE_LATE"] }\n'
        )
        roles = {n: open_roles.enter_context(role(n, deployed, courier)) for n in ROLES}
        for started in roles.values():
            started.ready()
        publisher = Publisher(deployed)
        for copy in range(KILLS):
            publisher.publish(copy_of(copy))
            desk.wait(len(desk.ids) + 1)
            roles["promises"].kill()
            roles["courier"].kill()
        expected = sorted(one for copy in range(KILLS) for one in late(copy))
        until(lambda: standing(desk) == expected, lambda: json.dumps([len(standing(desk)), len(expected)]))

        # Whoever grows overdue leaves the incident at risk.
        overdue = {parcel for parcel, level in expected if level == "OVERDUE"}
        gravest = {level for parcel, level in expected if level == "OVERDUE" or parcel not in overdue}
        until(lambda: burning(manager) == gravest, "Alertmanager knows others")
    assert len(expected) > KILLS
