"""What admission takes: a document as it came, and what a reader finds in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from producers.fields import Event
from schemas.dead_letter import Refusal


@dataclass(frozen=True)
class Document:
    """One document of an ingress topic. `format`: the source that reads it, its network's own or `canonical`."""

    network: str
    """Whose ingress topic it came by."""
    format: str
    payload: bytes
    received_at: int
    """Epoch ms UTC."""
    topic: str
    partition: int
    offset: int


class Reader(Protocol):
    """Reads documents of one format."""

    def read(self, document: Document) -> Iterator[list[Event] | Refusal]:
        """Per scan its events, or why it was refused; raises Refusal if the document as a whole is."""
        ...
