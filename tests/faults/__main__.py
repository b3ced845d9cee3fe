"""`python -m tests.faults --kills 500 --seed N --json FILE`: a campaign of any length, and its account."""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path

from tests.cluster.deployment import Deployment
from tests.faults.campaign import Campaign, Plan
from yizhan.printing import ERR


def main() -> int:
    """Run one campaign; 1 if the account does not come out."""
    asked = argparse.ArgumentParser(description=__doc__)
    for entry in fields(Plan)[:-2]:
        asked.add_argument(f"--{entry.name.replace('_', '-')}", type=int, default=entry.default)
    asked.add_argument("--brokers", type=int, choices=[1, 3], default=1)
    asked.add_argument("--plain", action="store_true", help="without TLS, passwords and ACLs")
    asked.add_argument("--json", type=Path)
    asked.add_argument("--folder", type=Path, help="keep servers' and roles' files and logs here")
    told = vars(asked.parse_args())
    out, brokers, secure, kept = told.pop("json"), told.pop("brokers"), not told.pop("plain"), told.pop("folder")
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        folder = kept or Path(scratch)
        deployed = opened.enter_context(Deployment(folder, brokers=brokers, secure=secure))
        campaign = Campaign(deployed, folder, Plan(**told), say=lambda text: ERR.print(text, highlight=False))
        verdict = campaign.run()
    text = json.dumps(verdict.as_json() | {"seed": told["seed"], "exit_codes": campaign.codes})
    if out is not None:
        out.write_text(text, "utf-8")
    sys.stdout.write(text + "\n")
    return 0 if verdict.exact else 1


if __name__ == "__main__":
    sys.exit(main())
