"""Who may import whom: data flows left to right (docs/architecture.md)."""

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
MAY_IMPORT: Final = {
    "schemas": {"schemas"},
    "producers": {"producers", "schemas"},
    "stream_jobs": {"stream_jobs", "schemas"},
    "sinks": {"sinks", "schemas"},
}
ROOMS: Final = {*MAY_IMPORT, "console", "yizhan"}


def imported(text: str) -> set[str]:
    """Our own rooms that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        found |= {name.split(".")[0] for name in names}
    return found & ROOMS


def test_no_room_reaches_to_its_right_or_its_neighbour() -> None:
    """Each of the four rooms imports itself and schemas, nothing else of ours."""
    files = [(room, file) for room in MAY_IMPORT for file in (ROOT / room).rglob("*.py")]
    wrong = {str(f): extra for room, f in files if (extra := imported(f.read_text("utf-8")) - MAY_IMPORT[room])}
    assert len(files) > 50
    assert not wrong


def test_the_check_sees_a_forbidden_import() -> None:
    """Both forms of import are looked at."""
    assert imported("import sinks.role\nfrom producers import files\nimport json") == {"sinks", "producers"}
