"""Parcels at rest judged anew: whatever happens meanwhile, all end as if they had been judged so from the start."""

import random
from dataclasses import replace
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_jobs.identity import keeping
from stream_jobs.identity.leaving import Departures
from stream_jobs.identity.limits import Limits
from stream_jobs.identity.reviewing import scanned_since
from stream_jobs.identity.state import Step, Timelines
from tests.core.small_worlds import BEGIN, DAY, Partitions, packed, parcels, world
from tests.core.test_identity import DIGITS, RARELY, link, scan, wanted
from tests.core.test_leaving import ALL, EAGER, LATER, Leaving

SMALL = settings.get_profile("small worlds")
SEVERAL = settings(settings.get_profile("worlds"), max_examples=300)
EDITION: Final = b"1-strict"
OLD, NEW = 0, 1


class Judged(Partitions):
    """Workers that hear of an edition at some time, and look their partitions through while the rest goes on."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.edition = [OLD] * self.count
        self.under_review: dict[int, list[bytes]] = {}
        self.judged_by: dict[str, tuple[int, int]] = {}
        """Version and edition of the record that is shown of each parcel."""

    def hear(self, number: int) -> None:
        """From now on a worker judges by the new edition."""
        self.edition[number] = NEW

    def review(self, number: int, some: int) -> None:
        """Some more numbers of a partition; all of them looked at, it is marked."""
        state = self.states[number]
        if self.edition[number] == OLD or EDITION in state.reviewed:
            return
        if number not in self.under_review:
            self.under_review[number] = self.random.sample(everyone(state), len(everyone(state)))
        waybills = self.under_review[number]
        self._keep(number, self.once_more(number, waybills[:some]))
        del waybills[:some]
        if not waybills:
            state.reviewed.add(EDITION)
            self.logs[number].append(keeping.mark(EDITION))

    def once_more(self, number: int, waybills: list[bytes]) -> Step:
        """What is sent of these numbers."""
        state = self.states[number]
        return state.again(scanned_since(state, waybills, 0))

    def restart(self, number: int) -> None:
        """A review that was not marked begins again."""
        super().restart(number)
        self.under_review.pop(number, None)

    def finish(self) -> None:
        """All that is under way, then all that was not looked through."""
        self.settle()
        for number in range(self.count):
            self.hear(number)
            while EDITION not in self.states[number].reviewed:
                self.review(number, 3)
        assert not self.under_way

    def _keep(self, number: int, step: Step) -> None:
        super()._keep(number, step)
        for name, version, _, _ in parcels(step):
            if self.judged_by.get(name, (0, OLD))[0] <= version:
                self.judged_by[name] = version, self.edition[number]

    def of_the_old(self) -> list[str]:
        """Parcels that are shown as judged by the old edition."""
        return [name for name, _, _ in self.parcels() if self.judged_by[name][1] == OLD]


def everyone(state: Timelines) -> list[bytes]:
    """All numbers that a partition knows."""
    return list(dict.fromkeys([*state.own, *state.known]))


@SMALL
@given(st.lists(DIGITS, min_size=1, max_size=16), st.integers(0, 1 << 32))
@example([319_536, 0, 0, 183, 217, 97], 21_345)  # a copy that counts for nothing, read again apart from the first
def test_whatever_comes_in_and_whoever_dies_meanwhile_all_parcels_are_judged_anew(
    numbers: list[int], seed: int
) -> None:
    """Links, bags and rests; messages late and twice; workers killed amid the review, and read again."""
    scans, chance = world(numbers), random.Random(seed)
    killed = chance.random() < 0.5
    run = Judged(chance.randint(1, 3), chance, restarts=chance.random() < RARELY)
    arriving = chance.sample(scans, len(scans))
    while arriving:
        batch = chance.choice([1, 2, 3, 5])
        run.take(arriving[:batch])
        del arriving[:batch]
        for _ in range(chance.randint(0, 2)):
            run.deliver(chance.random())
        number = chance.randrange(run.count)
        if chance.random() < RARELY:
            run.hear(number)
        run.review(number, chance.randint(1, 4))
        if killed and chance.random() < RARELY:
            run.kill(chance.randrange(run.count))
    run.finish()
    assert run.parcels() == wanted(scans)
    assert run.of_the_old() == []


class Away(Judged, Leaving):
    """Numbers that have left the state are judged by what the store has of them, and stay away."""

    def once_more(self, number: int, waybills: list[bytes]) -> Step:
        """Those that left since are looked at, too."""
        state = self.states[number]
        scratch, whole = Departures(state).as_left(state.left, packed(self.store))
        assert set(whole) == set(state.left)
        self._keep(number, scratch.again(whole))
        return super().once_more(number, waybills)


@SEVERAL
@given(st.lists(DIGITS, min_size=1, max_size=14), st.integers(0, 1 << 32))
def test_parcels_that_have_left_the_state_are_judged_anew_and_stay_away(numbers: list[int], seed: int) -> None:
    """All that rests leaves after each batch."""
    scans, chance = world(numbers), random.Random(seed)
    run = Away(chance.randint(1, 2), chance, limits=EAGER, restarts=chance.random() < 0.5)
    run.take_all(scans)
    for number, state in enumerate(run.states):
        run.logs[number] += Departures(state).leave(LATER, ALL).items()
    away = [set(state.left) for state in run.states]
    run.finish()
    assert run.parcels() == wanted(scans)
    assert run.of_the_old() == []
    assert [set(state.left) for state in run.states] == away
    assert any(away) or all(state.known[w].label for state in run.states for w in state.own)


@SEVERAL
@given(st.lists(DIGITS, min_size=1, max_size=16), st.integers(0, 1 << 32))
def test_looking_a_state_through_changes_nothing_in_it(numbers: list[int], seed: int) -> None:
    """No number becomes a linked one, nothing worked out stays behind, and the next batch ends as it would have."""
    chance = random.Random(seed)
    *scans, last = world([*numbers, 1])
    run = Partitions(1, chance)
    run.take(scans)
    run.settle()
    twins = Timelines(), Timelines()
    for twin in twins:
        twin.apply(run.logs[0])
    before = memory(twins[0])
    step = twins[0].again(everyone(twins[0]))
    assert (step.changed, step.told, step.refused, step.claims) == ({}, [], [], 0)
    assert memory(twins[0]) == before
    one, other = (twin.step(packed([last])) for twin in twins)
    assert (one.changed, one.told) == (other.changed, other.told)
    assert list(parcels(one)) == list(parcels(other))


def memory(state: Timelines) -> object:
    """All that a state holds but the numbers that a second look would give again."""
    known = {
        waybill: (one.profiles, one.timelines, one.stated, one.channels, one.roots, one.passed, one.mark, one._web)  # noqa: SLF001  # what must not stay
        for waybill, one in state.known.items()
    }
    return dict(state.own), known, dict(state.left), dict(state.turns), list(state.returned)


def test_only_numbers_whose_parcels_were_scanned_since_are_looked_at() -> None:
    """By the last scan of any of the parcel's numbers; the day itself counts."""
    scans = [scan("a", "1"), scan("b", "2", 5 * DAY), scan("x", "3", link=link("4")), scan("y", "4", 9 * DAY)]
    run = Partitions(1, random.Random(0))
    run.take(scans)
    run.settle()
    state, everybody = run.states[0], [b"zto:1", b"zto:2", b"zto:3", b"zto:4"]
    since = [scanned_since(state, everybody, BEGIN + days * DAY) for days in (0, 5, 6, 10)]
    assert since == [everybody, everybody[1:], everybody[2:], []]


def test_what_a_partition_was_judged_by_is_known_again_after_a_restart_in_whatever_order_it_is_read() -> None:
    """And no number is made of it."""
    state = Timelines()
    records = [*state.step(packed([scan("a", "1")])).changed.items(), keeping.mark(b"1-x"), keeping.mark(b"2-y")]
    for order in (records, records[::-1], records * 2):
        joined = Timelines()
        joined.apply(order)
        assert joined.reviewed == {b"1-x", b"2-y"}
        assert (set(joined.own), joined.known) == ({b"zto:1"}, {})


def test_a_number_of_which_the_store_lacks_scans_is_left_as_it_was() -> None:
    """And told of, so that it can be counted; the others are judged."""
    scans = [scan(event, number, activity="DELIVERED") for event, number in (("a", "1"), ("b", "1"), ("c", "2"))]
    state = Timelines(replace(Limits(), leave_wait=0))
    state.step(packed(scans))
    departures = Departures(state)
    departures.leave(LATER, 10)
    scratch, whole = departures.as_left([b"zto:1", b"zto:2"], packed(scans[1:]))
    assert whole == [b"zto:2"]
    assert [name for name, *_ in parcels(scratch.again(whole))] == ["zto:2"]
    assert set(state.left) == {b"zto:1", b"zto:2"}
