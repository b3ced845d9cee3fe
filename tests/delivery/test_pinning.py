"""A connection goes to the address that was checked, by TLS, under the name of the URL."""

import asyncio
import os
from pathlib import Path

import pytest

from sinks.alerts.address import Place
from sinks.alerts.outbox import Delivery
from sinks.alerts.settings import Webhook
from sinks.alerts.webhook import Endpoint, NotTaken
from tests.delivery.alerts import alert
from tests.delivery.delivering import WallClock
from tests.delivery.receiver import Receiver, receiving

NAME = "receiver.example"


class Names:
    """A resolver that answers in turn what it is told to, then the last again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def __call__(self, place: Place) -> list[str]:
        """Addresses for a name."""
        self.asked.append(place.host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def post(receiver: Receiver, names: Names, times: int = 1, **words: object) -> None:
    """Send messages as a courier does."""
    url = f"https://{NAME}:{receiver.port}/hook"
    settings = Webhook.model_validate(receiver.settings(url=url) | words)

    async def send() -> None:
        endpoint = Endpoint(settings, names, WallClock())
        try:
            for position in range(times):
                await endpoint.post(Delivery(position, "desk", f"m{position}", alert(), 0, 0, "", None))
        finally:
            await endpoint.close()

    asyncio.run(send())


def test_tls_and_host_keep_the_name(tmp_path: Path) -> None:
    """The certificate of the name is accepted, though the connection goes to an address."""
    names = Names(["127.0.0.1"])
    with receiving(Receiver(), tmp_path, NAME) as receiver:
        post(receiver, names)
    assert receiver.headers[0]["host"] == f"{NAME}:{receiver.port}"
    assert names.asked == [NAME]


def test_the_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    """Nothing is sent to who cannot prove the name, nor to who has no certificate we trust."""
    with receiving(Receiver(), tmp_path, "other.example") as receiver:
        with pytest.raises(NotTaken, match="not reached"):
            post(receiver, Names(["127.0.0.1"]))
        with pytest.raises(NotTaken, match="not reached"):
            post(receiver, Names(["127.0.0.1"]), ca_file=None)
    assert receiver.ids == []


def test_a_name_that_begins_to_lead_inside_is_refused(tmp_path: Path) -> None:
    """Rebinding: it is checked whenever it is used, and what was checked is what is connected to."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    with receiving(Receiver(), tmp_path, NAME) as receiver, pytest.raises(NotTaken, match=r"10\.0\.0\.1 is private"):
        post(receiver, names, times=2)
    assert receiver.ids == ["m0"]
    assert names.asked == [NAME, NAME]


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """Not even to the same place."""
    with receiving(Receiver(), tmp_path, NAME) as receiver:
        receiver.answer = lambda _r, _b: (307, {"location": f"https://{NAME}:{receiver.port}/other"})
        with pytest.raises(NotTaken, match="redirects are not followed"):
            post(receiver, Names(["127.0.0.1"]))
    assert receiver.ids == ["m0"]


def test_an_endless_answer_is_cut(tmp_path: Path) -> None:
    """What was said in the first bytes holds; the rest is not read."""
    with receiving(Receiver(floods=True), tmp_path, NAME) as receiver:
        receiver.answer = lambda _r, _b: (200, {"content-length": str(1 << 40)})
        post(receiver, Names(["127.0.0.1"]), attempt_seconds=5)
    assert receiver.ids == ["m0"]


def test_a_proxy_of_the_environment_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look names up by itself."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:9")
    with receiving(Receiver(), tmp_path, NAME) as receiver:
        post(receiver, Names(["127.0.0.1"]))
    assert receiver.ids == ["m0"]


def test_a_name_nobody_knows_is_not_reached(tmp_path: Path) -> None:
    """The reason stands in the list of what was given up."""

    async def unknown(_place: Place) -> list[str]:
        raise OSError("Name or service not known")

    settings = Webhook.model_validate(Receiver().settings(url=f"https://{NAME}/", ca_file=None))

    async def send() -> None:
        endpoint = Endpoint(settings, unknown, WallClock())
        await endpoint.post(Delivery(0, "desk", "m", alert(), 0, 0, "", None))

    with pytest.raises(NotTaken, match="not reached: OSError"):
        asyncio.run(send())
    assert not list(tmp_path.iterdir())
