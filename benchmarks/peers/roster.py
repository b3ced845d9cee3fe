"""Who runs side by side, and how each is started."""

import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from benchmarks.peers.life import WORDS
from benchmarks.peers.run import SCHEMA, Peer, Run
from benchmarks.peers.states import of_compiled, of_faust, of_quix
from schemas.topics import FIXED, SCANS, TIMELINES, Topic
from yizhan.servers import fetch

JAVA: Final = Path(__file__).parent / "java"
HEAP: Final = "-Xmx3g"
QUIX: Final = "3.28.1"
QUIX_NEEDS: Final = (f"quixstreams=={QUIX}", "fastavro==1.13.1")
CHECKPOINT_MS: Final = 10_000
OPENED: Final = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.lang", "java.util", "java.util.concurrent")
)
"""Flink's own start script opens them, too."""
NO_CACHE: Final = "statestore.cache.max.bytes=0"
SOURCE: Final = SCANS["CARRIER"]
Words = Callable[[Run], list[str]]


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}"]


def _whole(run: Run) -> list[str]:
    cores, ends = map(str, run.cores), map(str, run.ends)
    told = ["--cores", *cores, "--warm-up", str(run.warm_up), "--ends", *ends]
    return [*_module("job_process"), run.brokers, *told]


def _small(run: Run) -> list[str]:
    told = [run.brokers, str(len(run.cores)), str(run.warm_up), run.name, *map(str, run.ends)]
    return [*_module("peers.small_peer"), *told]


def _limit(into: str) -> Words:
    return lambda run: [*_module("peers.limit_peer"), run.brokers, run.topic, str(SCHEMA), *run.numbers, into]


def _python(module: str, python: Callable[[], Path]) -> Words:
    def words(run: Run) -> list[str]:
        told = [run.brokers, run.topic, str(SCHEMA), *run.numbers, run.name, str(run.folder)]
        return [str(python()), "-m", f"benchmarks.peers.{module}", *told]

    return words


def _java(name: str, main: str, *options: str) -> list[str]:
    sources = sorted([JAVA / name / "pom.xml", *(JAVA / "common").glob("*.java"), *(JAVA / name).glob("*.java")])
    digest = sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    built = fetch.project(f"peers-{name}-{digest}", JAVA / name / "pom.xml")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    return [str(fetch.java(17)), HEAP, quiet, *options, "-cp", f"{built}/classes:{built}/lib/*", f"peers.{main}"]


def _streams(where: str, *settings: str) -> Words:
    def words(run: Run) -> list[str]:
        told = [run.brokers, run.topic, str(SCHEMA), WORDS, *run.numbers, run.name, str(run.folder), where]
        return [*_java("streams", "StreamsJob"), *told, str(len(run.cores)), *settings]

    return words


def _flink(run: Run) -> list[str]:
    told = [run.brokers, run.topic, str(SCHEMA), WORDS, str(run.warm_up), _lives(run), str(run.folder)]
    return [*_java("flink", "FlinkJob", *OPENED), *told, str(CHECKPOINT_MS), str(len(run.cores))]


def _lives(run: Run) -> str:
    return f"{run.name}-lives"


def _lives_changelog(run: Run) -> str:
    return f"{run.name}-lives-changelog"


def _made(name: Callable[[Run], str]) -> Callable[[Run], Sequence[Topic]]:
    return lambda run: [Topic(name(run), "waybill", "compact", None)]


def released(name: str, artifact: str) -> str:
    """The version of an artifact that a Java peer is built with: its pom says so."""
    pom = ET.parse(JAVA / name / "pom.xml")  # noqa: S314  # our own file
    for found in pom.iter("dependency"):
        if found.findtext("artifactId") == artifact:
            return found.findtext("version") or ""
    raise KeyError(artifact)


STREAMS: Final = f"Kafka Streams {released('streams', 'kafka-streams')}"
PEERS: Final = (
    Peer(
        "ours-whole",
        "ours, the whole job",
        _whole,
        lambda _run: TIMELINES.name,
        lambda _run: [topic for topic in FIXED if topic != SOURCE],
        note="one process; timelines, links, stages, verdicts; lifecycles delivered besides the changelog",
    ),
    Peer(
        "ours-small",
        "ours, the smaller job",
        _small,
        _lives_changelog,
        _made(_lives_changelog),
        of_compiled,
        note="one process; writes a parcel once for each batch that changes it",
    ),
    Peer(
        "streams-memory",
        f"{STREAMS}, in memory, no cache",
        _streams("memory", NO_CACHE),
        _lives_changelog,
        lives=of_compiled,
        note="a thread a core; writes for duplicates, too",
    ),
    Peer(
        "streams-rocksdb",
        f"{STREAMS}, RocksDB",
        _streams("rocksdb"),
        _lives_changelog,
        lives=of_compiled,
        note="a thread a core; defaults: a cache of 10 MB merges writes, commits every 30 s",
    ),
    Peer(
        "flink",
        f"Flink {released('flink', 'flink-streaming-java')}",
        _flink,
        _lives,
        _made(_lives),
        of_compiled,
        note=f"state on the heap, checkpoints every {CHECKPOINT_MS // 1000} s; each change to an output topic;"
        " parallelism: cores",
    ),
    Peer(
        "quix",
        f"Quix Streams {QUIX}",
        _python("quix_peer", lambda: fetch.python(f"quixstreams-{QUIX}", QUIX_NEEDS)),
        lambda run: f"changelog__{run.name}--{run.topic}--default",
        lives=of_quix,
        cap=200_000,
        note="RocksDB, commits every 5 s; one core is used either way",
    ),
    Peer(
        "faust",
        f"faust-streaming {version('faust-streaming')}, as published",
        _python("faust_peer", lambda: Path(sys.executable)),
        _lives_changelog,
        lives=of_faust,
        cap=100_000,
        note="table in memory; one core is used either way",
    ),
    Peer("limit-arrow", "reading limit: to Arrow", _limit("arrow"), note="confluent-kafka, pyruhvro; no state"),
    Peer("limit-raw", "reading limit: bytes", _limit("raw"), note="confluent-kafka; no state"),
)
BY_NAME: Final[Mapping[str, Peer]] = {peer.name: peer for peer in PEERS}
