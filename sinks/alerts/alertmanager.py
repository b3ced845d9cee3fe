"""A Prometheus Alertmanager, told again and again of all that stands open: it forgets when it restarts.

Acknowledging or snoozing becomes a silence there, so that its own page shows who is quiet and until when.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson

from sinks.alerts.incidents import Incident, incidents, key
from sinks.alerts.marks import Marks
from sinks.alerts.metrics import ALERTMANAGER_POSTS
from sinks.alerts.outbox import Clock, Outbox
from sinks.alerts.settings import Alertmanager

LOG: Final = logging.getLogger("yizhan.alerts")
US: Final = "yizhan"
_AT_ONCE: Final = 1_000
_SECONDS: Final = 10.0
_NO_DETAIL: Final = 1_000
"""Milliseconds: Alertmanager may round times."""

Known = dict[str, tuple[str, int]]


class Teller:
    """Tells one Alertmanager by its API v2."""

    def __init__(self, settings: Alertmanager, outbox: Outbox, marks: Callable[[], Marks], clock: Clock) -> None:
        self.woken = asyncio.Event()
        for outcome in ("taken", "failed"):
            ALERTMANAGER_POSTS.labels(outcome)  # from 0 on: the first failure is a rise, too
        self._settings, self._outbox, self._marks, self._clock = settings, outbox, marks, clock
        self._said: dict[str, Incident] = {}
        self._all_again = 0.0
        base = f"{settings.url.rstrip('/')}/api/v2/"
        self._client = httpx.AsyncClient(base_url=base, timeout=_SECONDS, trust_env=False)

    async def run(self) -> None:
        """A round whenever something changes, and every `resend_seconds`; ends by being cancelled.

        Each is followed by a rest of its own length: with thousands of alerts that come one by one there is time left
        for webhooks.
        """
        try:
            while True:
                self.woken.clear()
                begun = time.monotonic()
                await self._round()
                await asyncio.sleep(time.monotonic() - begun)
                await self._wait()
        finally:
            await self._client.aclose()

    async def _round(self) -> None:
        try:
            await self.tell()
        except (httpx.HTTPError, ValueError) as cause:
            self._all_again = 0.0  # who knows what it has heard
            ALERTMANAGER_POSTS.labels("failed").inc()
            LOG.warning("alertmanager was not told: %s", cause)
        else:
            ALERTMANAGER_POSTS.labels("taken").inc()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._settings.resend_seconds):
                await self.woken.wait()
        except TimeoutError:
            return

    async def tell(self) -> None:
        """One round: silences first, so that nothing quiet is told; then what burns and what ended.

        What is about to be told is written down before, what ended is struck out after: killed between, its end
        is told again.
        """
        now = int(self._clock() * 1000)
        found, before = await asyncio.to_thread(self._state)
        labels = {name: orjson.dumps(dict(incident.labels)).decode() for name, incident in found.items()}
        ended = {name: text for name, text in before.items() if name not in found}
        if set(labels) - set(before):
            self._outbox.set_firing(labels | ended)
        await self._silence({i.key: i for i in found.values() if i.quiet_until > now}, now)
        news = self._news(found)
        await self._post([_firing(incident, now, self._settings.hold_seconds) for incident in news.values()])
        self._said |= news
        await self._post([{"labels": orjson.loads(text), "endsAt": _iso(now)} for text in ended.values()])
        if ended:
            self._outbox.set_firing(labels)

    def _news(self, found: dict[str, Incident]) -> dict[str, Incident]:
        """What to say: every `resend_seconds` all that burns, in between only what is not as it was said last."""
        if time.monotonic() >= self._all_again:
            self._all_again, self._said = time.monotonic() + self._settings.resend_seconds, {}
        self._said = {name: incident for name, incident in self._said.items() if name in found}
        return {name: incident for name, incident in found.items() if self._said.get(name) != incident}

    def _state(self) -> tuple[dict[str, Incident], dict[str, str]]:
        return incidents(self._outbox.open_alerts(), self._marks()), self._outbox.firing()

    async def _post(self, alerts: list[dict[str, Any]]) -> None:
        for start in range(0, len(alerts), _AT_ONCE):
            (await self._client.post("alerts", json=alerts[start : start + _AT_ONCE])).raise_for_status()

    async def _silence(self, wanted: Mapping[str, Incident], now: int) -> None:
        answer = (await self._client.get("silences")).raise_for_status()
        known = _ours(answer.json())
        for name, incident in wanted.items():
            number, until = known.get(name, ("", 0))
            if abs(until - incident.quiet_until) > _NO_DETAIL:
                (await self._client.post("silences", json=_silence(incident, now, number))).raise_for_status()
        for name, (number, _) in known.items():
            if name not in wanted:
                (await self._client.delete(f"silence/{number}")).raise_for_status()


def _ours(silences: Iterable[Mapping[str, Any]]) -> Known:
    """Silences of ours that hold: by the labels they match, their id and end (epoch ms)."""
    return {
        key({m["name"]: m["value"] for m in silence["matchers"]}): (silence["id"], _ms(silence["endsAt"]))
        for silence in silences
        if silence["createdBy"] == US and silence["status"]["state"] != "expired"
    }


def _silence(incident: Incident, now: int, number: str) -> dict[str, Any]:
    matchers = [{"name": n, "value": v, "isRegex": False, "isEqual": True} for n, v in incident.labels.items()]
    told = {"startsAt": _iso(now), "endsAt": _iso(incident.quiet_until), "createdBy": US, "matchers": matchers}
    return told | {"comment": "acknowledged or snoozed: see yizhan alerts"} | ({"id": number} if number else {})


def _firing(incident: Incident, now: int, hold_seconds: float) -> dict[str, Any]:
    ends = now + int(hold_seconds * 1000)
    told = {"labels": dict(incident.labels), "annotations": dict(incident.annotations)}
    return told | {"startsAt": _iso(min(incident.since, now)), "endsAt": _iso(ends)}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
