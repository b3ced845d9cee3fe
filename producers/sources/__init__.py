"""The networks we can read: one folder of data each, registered by existing."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from producers.mapping import BadSource, Source, read_source


@cache
def load_sources() -> Mapping[str, Source]:
    """All sources by folder name; raises BadSource for a folder that cannot be used."""
    folders = [f for f in resources.files(__name__).iterdir() if f.joinpath("source.toml").is_file()]
    found = {folder.name: read_source(folder) for folder in sorted(folders, key=lambda f: f.name)}
    networks = [source.network for source in found.values()]
    if len(set(networks)) != len(networks):
        raise BadSource("two folders name the same network")
    return found
