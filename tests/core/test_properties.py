"""Random worlds: the columns agree with the plain reading of section 6, whatever the delivery."""

from hypothesis import given, settings

from tests.core import strategies
from tests.core.oracle import parcels
from tests.core.plain_hash import identity
from tests.core.strategies import World
from tests.core.world import run

WORLDS = settings.get_profile("worlds")


@WORLDS
@given(strategies.worlds())
def test_any_world_ends_as_the_rules_say(world: World) -> None:
    """Every field of every parcel equals the oracle's."""
    assert run(world.scans, world.setting(), world.how) == parcels(world.scans, world.standard(), identity)
