"""Topics: those that must meet are cut alike, and their names are Kafka's and ours."""

import re

from schemas.topics import FIXED, LIFECYCLE, PARTITIONS, PROMISES, SCANS, TARGETS, TIMELINES, all_topics, ingress
from schemas.vocabulary import SOURCE_KINDS

VALID = re.compile(r"[a-z0-9][a-z0-9._-]{0,248}")
ALL = (*FIXED, *(ingress(kind, "china-post") for kind in SOURCE_KINDS))


def test_topics_keyed_by_waybill_have_the_same_partitions() -> None:
    keyed = [topic for topic in FIXED if topic.key == "waybill"]

    assert len(keyed) >= 5
    assert {topic.partitions for topic in keyed} == {PARTITIONS}


def test_names_are_valid_and_stand_once() -> None:
    assert len(ALL) >= 11
    assert len({topic.name for topic in ALL}) == len(ALL)
    assert all(VALID.fullmatch(topic.name) for topic in ALL)


def test_kafka_tells_names_apart() -> None:
    """Its metrics take a dot for an underscore: two names that differ in that alone collide."""
    assert len({topic.name.replace(".", "_") for topic in ALL}) == len(ALL)


def test_what_is_compacted_is_kept() -> None:
    compacted = [topic for topic in FIXED if topic.cleanup == "compact"]

    assert compacted == [LIFECYCLE, TIMELINES, TARGETS, PROMISES]
    assert all(topic.retention_hours is None and topic.key != "none" for topic in compacted)
    assert all(topic.retention_hours for topic in FIXED if topic.cleanup == "delete")


def test_every_source_kind_has_a_topic_of_scans_and_ingress() -> None:
    assert tuple(SCANS) == SOURCE_KINDS
    assert ingress("POST", "china-post").name == "ingress.post.china-post"


def test_a_network_cannot_say_itself_when_its_documents_came() -> None:
    """Of copies the first received counts, so a publisher's clock must not decide."""
    assert ingress("POST", "china-post").config["message.timestamp.type"] == "LogAppendTime"
    assert ingress("POST", "china-post").config["max.message.bytes"] == str(8 << 20)


def test_a_clusters_topics_all_have_its_number_of_partitions() -> None:
    found = all_topics({"sf": "CARRIER"}, 12)

    assert {topic.partitions for topic in found} == {12}
    assert "ingress.carrier.sf" in {topic.name for topic in found}
    assert all("min.compaction.lag.ms" in topic.config for topic in found if topic.cleanup == "compact")
