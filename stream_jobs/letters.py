"""Dead letters for records of `scans.*` that are no ScanEvents: with their bytes, place and reason."""

from hashlib import blake2b, sha256
from typing import Any

from schemas.dead_letter import Refusal


def letter(topic: str, partition: int, offset: int, payload: bytes, refusal: Refusal, now: int) -> dict[str, Any]:
    """A row of dead_letter.avsc; `now` in epoch ms."""
    source = topic.rpartition(".")[2]
    return {
        "letter_id": blake2b(f"{topic}/".encode() + payload, digest_size=8).hexdigest(),
        "source": source,
        "reason": refusal.reason.value,
        "field": refusal.field,
        "detail": refusal.detail,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "position": refusal.position,
        "received_at": now,
        "payload": payload,
        "payload_bytes": len(payload),
        "payload_sha256": sha256(payload).hexdigest(),
    }
