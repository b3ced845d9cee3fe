"""The words of the trade hang together: what one list names, another holds."""

from typing import get_args

from schemas import vocabulary as v


def test_activities_have_known_groups_and_stand_once() -> None:
    listed = [row["activity"] for row in v._rows("activities.csv")]  # noqa: SLF001  # a dict hides a repeated word

    assert len(listed) == len(set(listed)) == len(v.ACTIVITIES) == 38
    assert set(v.GROUP_OF.values()) == v.COUNTING_GROUPS | {"order", "other"}
    assert set(v.ACTIVITIES) >= v.SAYS_NOTHING


def test_milestones_name_activities_and_tiers_that_exist() -> None:
    assert len(v.MILESTONES) == len({m.name for m in v.MILESTONES}) == 17
    for milestone in v.MILESTONES:
        assert milestone.activities
        assert set(milestone.activities) <= set(v.ACTIVITIES), milestone
        assert set(milestone.tiers) <= set(v.TIERS), milestone


def test_takes_and_scopes_are_the_words_of_their_types() -> None:
    takes = get_args(v.Milestone.__annotations__["take"])

    assert {m.take for m in v.MILESTONES} == set(takes)
    assert {m.scope for m in v.MILESTONES} == set(get_args(v.Scope))


def test_stages_run_from_milestones_to_later_ones() -> None:
    place = {milestone.name: at for at, milestone in enumerate(v.MILESTONES)}

    assert len(v.STAGES) == len({s.name for s in v.STAGES}) == 12
    for stage in v.STAGES:
        assert stage.to
        assert all(place[stage.start] < place[to] for to in stage.to), stage


def test_codes_are_unique() -> None:
    lists = (
        v.TIERS, v.RELATIONS, v.SERVICES, v.SOURCE_KINDS, v.TIME_BASES, v.CONSENTS, v.AREA_CLASSES,
        v.STATUSES, v.DIRECTIONS, v.STAGE_STATES, v.VERDICTS,
    )  # fmt: skip
    assert all(len(words) == len(set(words)) > 1 for words in lists)
