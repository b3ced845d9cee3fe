"""The clock that running stages are judged by."""

from datetime import datetime

from sinks.clickhouse.store import Store


def set_clock(store: Store, as_of: datetime | None) -> None:
    """Hold the clock of the views at an instant (aware; after 1970), or let the server's run again with None."""
    if as_of is not None and as_of.tzinfo is None:
        raise ValueError(f"{as_of} has no zone")
    held = 0 if as_of is None else int(as_of.timestamp() * 1000)
    turn = "(SELECT max(turn) + 1 FROM stored_clock)"
    store.command(f"INSERT INTO stored_clock SELECT {turn}, {held}")
