"""How many random worlds: 300 by default; YIZHAN_EXAMPLES=20000 for a long search."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("YIZHAN_EXAMPLES", "300"))

settings.register_profile(
    "worlds", max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
