"""What an image runs so that its first worker need not compile."""

from schemas.compiled import loops
from stream_jobs.engine.warm import warm_up

CALLED = {"walk", "fitting", "fill", "_join", "_ids", "_partitions", "_measure_all", "_fill_all"}
CALLED |= {"_content", "_distinct"}
"""The loops that Python calls; the others are parts of these."""


def test_after_the_warm_up_every_loop_that_is_called_is_compiled() -> None:
    assert warm_up() == 6
    ready = {loop.__name__ for loop in loops() if loop.signatures}
    assert ready >= CALLED
