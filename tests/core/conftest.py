"""How many random worlds: 300 with all rules and 10,000 small ones; YIZHAN_EXAMPLES=200000 for a long search."""

import os

from hypothesis import HealthCheck, settings

ASKED = os.environ.get("YIZHAN_EXAMPLES")
EXAMPLES = int(ASKED or 300)

for name, examples in (("worlds", 300), ("small worlds", 10_000)):
    settings.register_profile(
        name,
        max_examples=int(ASKED or examples),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
