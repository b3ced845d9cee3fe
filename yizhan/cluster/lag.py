"""Lag and committed offsets of a group, seen from outside whoever does the work: by a client of its own."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from schemas.kafka import Settings

ANSWER_SECONDS: Final = 10.0
Place = tuple[str, int]


@dataclass(frozen=True)
class Standing:
    """How far a group is: by place the offset it has committed (its log's begin without one) and the log's end."""

    committed: Mapping[Place, int]
    ends: Mapping[Place, int]

    @property
    def lag(self) -> int:
        """Records not committed."""
        return sum(max(self.ends[place] - self.committed[place], 0) for place in self.ends)


class Onlooker:
    """Asks the brokers; raises confluent_kafka.KafkaException where they don't answer."""

    def __init__(self, brokers: Settings) -> None:
        self._admin = AdminClient({**brokers, "log_level": 0})

    def places(self, topics: Collection[str]) -> set[Place]:
        """Every partition of these topics that exist."""
        found = self._admin.list_topics(timeout=ANSWER_SECONDS).topics
        return {(topic, number) for topic in topics if topic in found for number in found[topic].partitions}

    def standing(self, group: str, places: Collection[Place]) -> Standing:
        """Where the group stands on these places."""
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in sorted(places)])
        [answer] = self._admin.list_consumer_group_offsets([asked], request_timeout=ANSWER_SECONDS).values()
        told = {(tp.topic, tp.partition): tp.offset for tp in answer.result().topic_partitions}
        begun = {place: told[place] for place in places if told.get(place, -1) >= 0}
        begins = self._offsets(set(places) - set(begun), OffsetSpec.earliest())
        return Standing(begun | begins, self.ends(places))

    def ends(self, places: Collection[Place]) -> dict[Place, int]:
        """Where these logs end now."""
        return self._offsets(places, OffsetSpec.latest())

    def _offsets(self, places: Collection[Place], spec: OffsetSpec) -> dict[Place, int]:
        if not places:
            return {}
        asked = {TopicPartition(*place): spec for place in places}
        answers = self._admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
        return {(tp.topic, tp.partition): int(answer.result().offset) for tp, answer in answers.items()}


class Progress:
    """Whether a group gets on: how long it has had a lag without a commit that moved."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: Mapping[Place, int] = {}
        self._since = clock()

    def age(self, standing: Standing) -> float:
        """Seconds with a lag and no movement; 0 where there is nothing to do."""
        if not standing.lag or standing.committed != self._last:
            self.begin_anew()
        self._last = standing.committed
        return self._clock() - self._since

    def begin_anew(self) -> None:
        """Count from now: nothing can be said of the time before."""
        self._since = self._clock()
