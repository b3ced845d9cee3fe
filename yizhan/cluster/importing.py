"""Files into a cluster: each line an acknowledged record on the topic where operators alone write."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from producers.files import count_lines, lines
from producers.role import import_record
from schemas.kafka import Sender
from yizhan.cluster.clients import librdkafka
from yizhan.cluster.settings import ClusterSettings
from yizhan.printing import print_found, taking_in

AT_ONCE: Final = 5_000
"""Documents sent before their acknowledgements are waited for."""


def publish_files(files: Sequence[Path], source: str | None, settings: ClusterSettings, *, as_json: bool) -> None:
    """Publish all documents; returns when every one is acknowledged. `NotDelivered` says what was not."""
    sender, total, sent = Sender(librdkafka(settings)), count_lines(files, source), 0
    with taking_in(total) as seen:
        found = lines(files, source)
        while some := list(islice(found, AT_ONCE)):
            sender.send(import_record(line.network, line.format, line.payload, line.arrived_at) for line in some)
            sent += len(some)
            seen(len(some))
    print_found([{"documents": total, "acknowledged": sent, "next": "yizhan lag"}], as_json=as_json)
