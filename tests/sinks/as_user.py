"""A user's rights and rows as the engine keeps them: `python -m tests.sinks.as_user DATA SETTINGS` answers statements.

The engine in a process of its own has one user, `default`: SETTINGS, a folder, gives it what ours are granted. JSON
comes in, a list of SQL; JSON goes out, for each its rows as text or the name of the error.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from chdb.session import Session

from sinks.clickhouse.access import User

CONFIG = "<clickhouse><users_config>{users}</users_config></clickhouse>"
USERS = """<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password>
<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
<grants>{grants}</grants><databases>{databases}</databases></default></users></clickhouse>"""


def answers(user: User, data: Path, folder: Path, asked: Sequence[str]) -> list[str]:
    """What the user of a data folder that nobody else has open gets for each statement."""
    grants = "".join(f"<query>GRANT {escape(rights)}</query>" for rights in user.grants)
    filters = "".join(f"<{t}><filter>{escape(rule)}</filter></{t}>" for t, rule in user.filters.items())
    folder.mkdir(parents=True)
    databases = f"<{user.database}>{filters}</{user.database}>" if filters else ""
    (folder / "users.xml").write_text(USERS.format(grants=grants, databases=databases))
    (folder / "config.xml").write_text(CONFIG.format(users=folder / "users.xml"))
    command = [sys.executable, "-m", "tests.sinks.as_user", str(data), str(folder)]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def _answer(session: Session, sql: str) -> str:
    try:
        return str(session.query(sql, "TSV"))  # type: ignore[no-untyped-call]  # chdb has no types
    except RuntimeError as cause:
        named = re.search(r"\(([A-Z_]+)\)\s*$", str(cause).strip())
        return named[1] if named else str(cause)


if __name__ == "__main__":
    opened = Session(f"{sys.argv[1]}?config-file={sys.argv[2]}/config.xml")  # type: ignore[no-untyped-call]  # the same
    sys.stdout.write(json.dumps([_answer(opened, sql) for sql in json.load(sys.stdin)]))
