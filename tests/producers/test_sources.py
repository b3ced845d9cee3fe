"""Folders of sources: what cannot be used is said before anything is read."""

from pathlib import Path

import pytest

from producers.mapping import BadSource, read_source

TOML = 'network = "new"\nfiles = ["new*.ndjson"]\n'
FIELDS = '[fields]\nnumber = "n"\nissuer = "=new"\ncode = "c"\ntime = "t"\n'
CODES = "raw_code,activity,second_activity\n"


def folder(place: Path, toml: str, codes: str = CODES) -> Path:
    """A folder as a new network would add it."""
    (place / "source.toml").write_text(toml, "utf-8")
    (place / "codes.csv").write_text(codes, "utf-8")
    return place


def test_a_folder_is_a_mapping_and_a_code_table(tmp_path: Path) -> None:
    """Codes stand for one activity or for two."""
    source = read_source(folder(tmp_path, TOML + FIELDS, CODES + "1,ARRIVED,\n2,ARRIVED,DEPARTED\n"))
    assert source.network == "new"
    assert source.codes == {"1": ("ARRIVED",), "2": ("ARRIVED", "DEPARTED")}


@pytest.mark.parametrize(
    ("toml", "codes", "cause"),
    [
        (TOML + 'colour = "red"\n', CODES, "colour"),
        (TOML + FIELDS + 'colour = "c"\n', CODES, "colour"),
        (TOML + FIELDS.replace('"n"', '""'), CODES, "origin"),
        (TOML + '[place]\nname = "n"\npattern = "("\n' + FIELDS, CODES, "unterminated"),
        (TOML.replace('"new"', "new"), CODES, "Invalid value"),
        ("", CODES, "network"),
        (TOML, CODES + "1,ARRIVED,\n1,DEPARTED,\n", "'1' stands twice"),
        (TOML, CODES + "1,ARIVED,\n", "ARIVED"),
        (TOML, CODES + "1,,\n", "'1' has no activity"),
        (TOML, "raw_code,activity\n1,ARRIVED\n", "second_activity"),
    ],
)
def test_a_folder_that_cannot_be_used_says_which_and_why(tmp_path: Path, toml: str, codes: str, cause: str) -> None:
    """Unknown keys, bad patterns, codes given twice, without activity or with one that is none."""
    with pytest.raises(BadSource) as found:
        read_source(folder(tmp_path, toml, codes))
    assert str(found.value).startswith(f"{tmp_path.name}: ")
    assert cause in str(found.value)


def test_a_folder_without_a_mapping_is_no_source(tmp_path: Path) -> None:
    """A missing source.toml is named as such."""
    with pytest.raises(BadSource, match=r"source\.toml"):
        read_source(tmp_path)
