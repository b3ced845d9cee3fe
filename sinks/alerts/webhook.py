"""One message to one endpoint: signed by the Standard Webhooks scheme, bounded in time and size."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson
from standardwebhooks import Webhook as Signer

from sinks.alerts.address import ForbiddenAddress
from sinks.alerts.outbox import Clock, Delivery
from sinks.alerts.pinned import PinnedTransport, Resolver
from sinks.alerts.settings import Webhook

_READ_BYTES: Final = 16_384
_GONE: Final = 410
_LONGEST_ASKED: Final = 3600.0


class NotTaken(RuntimeError):
    """The endpoint has not taken a message: why, whether it ever will, and the seconds it asked to wait."""

    def __init__(self, why: str, *, final: bool = False, wait: float = 0) -> None:
        super().__init__(why)
        self.final, self.wait = final, wait


class Endpoint:
    """A receiver of messages. What it answers is never read beyond a bound, kept or logged."""

    def __init__(self, settings: Webhook, resolver: Resolver, clock: Clock) -> None:
        self.settings, self._clock = settings, clock
        self._signers = [Signer(secret.get_secret_value()) for secret in settings.secrets]
        self._client = httpx.AsyncClient(
            transport=PinnedTransport(settings.rules, resolver, settings.ca_file),
            timeout=settings.attempt_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    async def post(self, delivery: Delivery) -> None:
        """Send once; `NotTaken` if it is not confirmed with 2xx within the attempt's time."""
        try:
            async with asyncio.timeout(self.settings.attempt_seconds):
                await self._post(delivery)
        except TimeoutError as cause:
            raise NotTaken(f"no answer within {self.settings.attempt_seconds:g} s") from cause
        except ForbiddenAddress as cause:
            raise NotTaken(f"not sent: {cause}") from cause
        except (httpx.HTTPError, OSError) as cause:
            raise NotTaken(f"not reached: {type(cause).__name__}") from cause

    async def _post(self, delivery: Delivery) -> None:
        body = message(delivery)
        async with self._client.stream(
            "POST", self.settings.url, content=body, headers=self._headers(delivery, body)
        ) as response:
            await _read_some(response)
            _judge(response)

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        now = datetime.fromtimestamp(int(self._clock()), UTC)
        signatures = (signer.sign(delivery.message_id, now, body.decode()) for signer in self._signers)
        return {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": "yizhan",
            "webhook-id": delivery.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    async def close(self) -> None:
        """Close its connection."""
        await self._client.aclose()


def message(delivery: Delivery) -> bytes:
    """The body: the same bytes for every attempt."""
    alert = delivery.alert
    at = alert.told()["resolved_at" if alert.resolved_at is not None else "raised_at"]
    told: dict[str, Any] = {"type": f"alert.{alert.state.lower()}", "timestamp": at, "data": alert.told()}
    return orjson.dumps(told)


async def _read_some(response: httpx.Response) -> None:
    """So that the connection can serve again; a longer answer is cut and the connection closed."""
    seen = 0
    async for part in response.aiter_raw():
        seen += len(part)
        if seen > _READ_BYTES:
            return


def _judge(response: httpx.Response) -> None:
    if response.is_success:
        return
    if response.is_redirect:
        raise NotTaken(f"answered {response.status_code}: redirects are not followed")
    wait = 0.0
    with suppress(ValueError):
        wait = min(float(response.headers.get("retry-after", "0")), _LONGEST_ASKED)
    raise NotTaken(f"answered {response.status_code}", final=response.status_code == _GONE, wait=max(wait, 0.0))
