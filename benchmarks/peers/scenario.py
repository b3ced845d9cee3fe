"""All peers over the same scans, one after another: rounds of all of them, so that noise falls on all alike."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyarrow as pa

from benchmarks.job_process import spoken
from benchmarks.peers.machine import machine
from benchmarks.peers.roster import SOURCE
from benchmarks.peers.run import Peer, Run, forget, measured, newest
from benchmarks.peers.states import Lives, Whole, compare, oracle
from benchmarks.stream import stream
from benchmarks.topics import ends, fill, renew
from producers.whole import keys
from schemas.topics import FIXED, Topic

Figures = dict[str, Any]
Say = Callable[[str], None]
FIGURES: Final = ("events_per_s", "cpu_s_per_million", "rss_mb", "changelog_records")


@dataclass
class Input:
    """A topic, and the scans that are in it."""

    topic: str
    scans: pa.RecordBatch
    ends: Sequence[int] = ()

    def load(self, brokers: str) -> None:
        """Put them there, each under its waybill."""
        keyed, codec = keys(self.scans).to_pylist(), spoken().scans[SOURCE.name]
        fill(brokers, self.topic, keyed, codec.encode_arrow(self.scans))
        self.ends = ends(brokers, self.topic)

    @cached_property
    def expected(self) -> Lives:
        """The states that they make."""
        return oracle(self.scans)

    @cached_property
    def whole(self) -> Whole:
        """Reads the whole job's changelog."""
        return Whole(self.scans)


class Scenario:
    """`events` distinct scans on a broker, and peers to run over them."""

    def __init__(self, brokers: str, events: int, say: Say = lambda _text: None) -> None:
        self._brokers, self._say, self._run = brokers, say, 0
        self._scans = stream(events, "eights")
        self._inputs: dict[str, Input] = {}

    def load(self, peers: Sequence[Peer]) -> None:
        """Fill the topics that these peers read: the first part of the stream for those that are capped."""
        renew(self._brokers, FIXED)
        for peer in peers:
            found = self.input(peer)
            if not found.ends:
                self._say(f"loading {found.scans.num_rows:,} scans into {found.topic}")
                if found.topic != SOURCE.name:
                    renew(self._brokers, [Topic(found.topic, "waybill")])
                found.load(self._brokers)

    def input(self, peer: Peer) -> Input:
        """What this peer reads."""
        many = min(peer.cap or self._scans.num_rows, self._scans.num_rows)
        topic = SOURCE.name if many == self._scans.num_rows else f"peers.first-{many}"
        return self._inputs.setdefault(topic, Input(topic, self._scans.slice(0, many)))

    def once(self, peer: Peer, cores: Sequence[int]) -> Figures:
        """One run of one peer and the comparison of its state; `RunFailed`, `OtherState`."""
        self._run += 1
        given = self.input(peer)
        with tempfile.TemporaryDirectory() as folder:
            name = f"peers-{peer.name}-{self._run}"
            run = Run(self._brokers, given.topic, given.ends, cores, name, Path(folder))
            found = measured(peer, run)
            found["same_states"] = self._compared(peer, run, given)
        forget(self._brokers, run)
        return found | {"events": given.scans.num_rows}

    def _compared(self, peer: Peer, run: Run, given: Input) -> bool | None:
        """True if compared and the same; None for who has no state."""
        if peer.changelog is None:
            return None
        lives = peer.lives or given.whole
        return compare(peer.name, lives(newest(self._brokers, peer.changelog(run))), given.expected) > 0

    def rounds(self, peers: Sequence[Peer], cores: Sequence[Sequence[int]], runs: int) -> Iterator[Figures]:
        """Figures of each peer on each set of cores, once all rounds are done."""
        about = machine()  # how busy it is before we are
        plan = [(peer, some) for some in cores for peer in peers]
        seen: dict[tuple[str, int], list[Figures]] = {(peer.name, len(some)): [] for peer, some in plan}
        for turn in range(runs):
            for peer, some in plan:
                self._say(f"{peer.name} on {len(some)} core(s), run {turn + 1} of {runs}")
                found = self.once(peer, some)
                seen[peer.name, len(some)].append(found)
                self._say(f"  {found['events_per_s']:,} scans/s, {found['cpu_s_per_million']} CPU s per million")
        for peer, some in plan:
            yield row(peer, len(some), seen[peer.name, len(some)]) | {"machine": about}


def row(peer: Peer, cores: int, runs: Sequence[Mapping[str, Any]]) -> Figures:
    """Medians of runs, and all speeds seen."""
    middle = {name: median(run[name] for run in runs) for name in FIGURES}
    same = None if runs[0]["same_states"] is None else all(run["same_states"] for run in runs)
    about = {"title": peer.title, "note": peer.note, "events": runs[0]["events"], "runs": len(runs)}
    all_seen = {f"all_{name}": [run[name] for run in runs] for name in ("events_per_s", "cpu_s_per_million")}
    return {"name": peer.name, "cores": cores} | middle | {"same_states": same} | about | all_seen
